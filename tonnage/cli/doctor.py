"""`tonnage doctor`: what about this machine spoils measurements or serving."""

from pathlib import Path
from typing import Annotated

import typer

from tonnage.cli import unparsed


def register(app: typer.Typer) -> None:
    """Add the verb to the command."""
    app.command(
        "doctor",
        short_help="Say what spoils measurements on this machine, and the cure.",
        epilog="Example: tonnage doctor",
    )(doctor)


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
    root: Annotated[Path | None, typer.Option(help="Read a captured host from this folder instead.")] = None,
    report: Annotated[
        Path | None,
        typer.Option(help="Also write machine and findings here, without host name, for a bug report."),
    ] = None,
) -> None:
    """Read the conditions of this machine, and say of each why it matters and what to do."""
    unparsed.doctor(as_json=as_json, root=root, report=report)
