"""`tonnage bench`: measure this machine within a budget."""

import sys
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from profiler.progress import OnProgress


def register(app: typer.Typer) -> None:
    """Add the verb to the command, and `bench compare` below it."""
    group = typer.Typer(context_settings={"help_option_names": ["-h", "--help"]})
    group.callback(invoke_without_command=True)(bench)
    group.command("compare")(compare)
    app.add_typer(
        group,
        name="bench",
        short_help="Measure what this machine reaches, kernel by kernel.",
        epilog="Example: tonnage bench --budget 60s -o profile.json",
    )


def bench(
    context: typer.Context,
    budget: Annotated[
        str | None,
        typer.Option(
            help="Wall time for everything: 60s is usable, 5min (the default) is good.", show_default=False
        ),
    ] = None,
    full: Annotated[
        bool, typer.Option("--full", help="Measure every shape there is, 10 to 20 minutes.")
    ] = False,
    device: Annotated[str, typer.Option(help="Device to measure: cpu, cuda:0 ...")] = "cpu",
    kernels: Annotated[str | None, typer.Option(help="Only these, e.g. copy,gemm.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from an interrupted run.")] = False,
    output: Annotated[Path, typer.Option("-o", "--output", help="Write the profile here.")] = Path(
        "profile.json"
    ),
    as_json: Annotated[bool, typer.Option("--json", help="Also print the profile as JSON.")] = False,
) -> None:
    """Time the kernels that inference is made of, check them, and write what was measured."""
    if context.invoked_subcommand is not None:
        return
    from tonnage import api, units
    from tonnage.files import positive

    if budget is not None:
        budget_s = positive(units.seconds(budget, name="--budget"), name="--budget", unit="seconds")
    else:
        budget_s = api.FULL_BUDGET_S if full else api.DEFAULT_BUDGET_S
    names = [name.strip() for name in kernels.split(",")] if kernels is not None else None
    try:
        with _progress_bar() as on_progress:
            profile = api.bench(
                budget_s=budget_s,
                kernels=names,
                device=device,
                output=output,
                resume=resume,
                full=full,
                on_progress=on_progress,
            )
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"interrupted; {_what_is_left(output)}") from None
    if as_json:
        typer.echo(profile.to_json())
        return
    from reports.terminal.profile import show_profile

    show_profile(profile)
    typer.echo(f"Profile: {output}")


def compare(
    before: Annotated[Path, typer.Argument(help="The earlier profile.")],
    after: Annotated[Path, typer.Argument(help="The later one, of the same machine.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print all changes as JSON.")] = False,
) -> None:
    """Say what changed between two profiles beyond noise."""
    from profiler.compare import compare as compared
    from profiler.profile import Profile
    from tonnage.files import read_record

    comparison = compared(read_record(before, Profile), read_record(after, Profile))
    if as_json:
        typer.echo(comparison.to_json())
        return
    from reports.terminal.profile import show_comparison

    show_comparison(comparison)


def _what_is_left(output: Path) -> str:
    if not output.exists():
        return "nothing was measured yet"
    return f"what was measured so far is in {output}; --resume goes on from there"


def _progress_bar() -> "AbstractContextManager[OnProgress | None]":
    """Return a bar on stderr, or nothing where nobody watches."""
    if not sys.stderr.isatty():
        return nullcontext(None)
    from reports.terminal.profile import bench_progress

    return bench_progress()
