"""The command `tonnage`: one file per verb, errors as one line, data on stdout and talk on stderr.

Exit codes: 0 done, 1 a bug, 2 bad input, 3 infeasible, 130 interrupted.
"""

import errno
import os
import sys
from collections.abc import Sequence
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Annotated

os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")  # a search through all installed packages

import typer
from typer.exceptions import TyperException

from tonnage.errors import TonnageError

VERBS = (
    "probe",
    "doctor",
    "bench",
    "fit",
    "predict",
    "compare",
    "plan",
    "simulate",
    "report",
    "catalog",
    "calibrate",
    "quickstart",
)
"""Modules of this folder, in the order of the help; each has `register(app)`."""


@cache
def _app(verbs: tuple[str, ...]) -> typer.Typer:
    app = typer.Typer(
        name="tonnage",
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
        from tonnage import __version__

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


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Parameters
    ----------
    arguments : sequence of str, optional
        Words after `tonnage`; those of the process by default.

    Returns
    -------
    int
        The exit code; see the module's first words.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    verbs = (words[0],) if words and words[0] in VERBS else VERBS  # one verb starts faster than all
    try:
        result = _app(verbs)(args=words, prog_name="tonnage", standalone_mode=False)
        sys.stdout.flush()
    except TonnageError as problem:
        return _refuse(str(problem), problem.exit_code)
    except (KeyboardInterrupt, typer.Abort) as stop:
        return _refuse(str(stop) or "interrupted", 130)
    except TyperException as problem:
        return _refuse(_usage(problem), 2)
    except (BrokenPipeError, SystemExit):  # the reader has seen enough; the latter is how typer says so
        _drop_output()
        return 0
    except OSError as problem:
        if problem.errno not in (errno.ENOSPC, errno.EIO):
            raise
        _drop_output()
        return _refuse(f"cannot write the output: {problem.strerror}", 2)
    return result if isinstance(result, int) else 0


def _usage(problem: TyperException) -> str:
    text = problem.format_message().rstrip(".") or "unreadable command line"
    context = getattr(problem, "ctx", None)
    return f"{text} (see '{context.command_path} --help')" if context is not None else text


def _refuse(message: str, code: int) -> int:
    print(f"tonnage: {' '.join(message.split())}", file=sys.stderr)
    return code


def _drop_output() -> None:
    """Let nothing more be written where nobody reads, not even at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def run() -> None:
    """Entry point of the console script."""
    if sys.stdout is None:  # closed by the caller, as `>&-` does
        sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115  # noqa: SIM115 - open until the exit
    sys.exit(main())
