"""The parser of all words after `tonnage`: Typer, with its mistakes turned into ours."""

from collections.abc import Sequence
from functools import cache
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.exceptions import TyperException

from tonnage.errors import InvalidInput

INTERRUPTED = 130
"""What Typer returns after an interrupt."""


def parse_and_run(words: Sequence[str], verbs: tuple[str, ...]) -> object:
    """Run the command that the words say, knowing these verbs.

    Raises
    ------
    InvalidInput
        If the words are no command.
    KeyboardInterrupt
        If the command was interrupted.
    """
    try:
        result = _app(verbs)(args=list(words), prog_name="tonnage", standalone_mode=False)
    except TyperException as problem:
        raise InvalidInput(_usage(problem)) from None
    except _Stopped as stop:
        raise KeyboardInterrupt(str(stop)) from None
    if result == INTERRUPTED:
        raise KeyboardInterrupt
    return result


class _Stopped(Exception):
    """An interrupt with its message on its way past Typer, which makes a bare exit code of it."""


class _Front(TyperGroup):
    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as stop:
            raise _Stopped(str(stop)) from None


@cache
def _app(verbs: tuple[str, ...]) -> typer.Typer:
    app = typer.Typer(
        name="tonnage",
        cls=_Front,
        help="What can this machine do, and what should I run where, to serve this load within this budget?",
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback(invoke_without_command=True)(_root)
    for verb in verbs:
        import_module(f"tonnage.cli.{verb}").register(app)
    return app


def _show_version(asked: bool) -> None:
    if asked:
        from tonnage.version import __version__

        typer.echo(f"tonnage {__version__}")
        raise typer.Exit


def _root(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


def _usage(problem: TyperException) -> str:
    text = problem.format_message().rstrip(".") or "unreadable command line"
    context = getattr(problem, "ctx", None)
    return f"{text} (see '{context.command_path} --help')" if context is not None else text
