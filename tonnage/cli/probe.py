"""`tonnage probe`: what this machine is."""

from pathlib import Path
from typing import Annotated

import typer

from tonnage.cli import unparsed


def register(app: typer.Typer) -> None:
    """Add the verb to the command."""
    app.command(
        "probe",
        short_help="Show processor, memory and accelerators of this machine.",
        epilog="Example: tonnage probe --json",
    )(probe)


def probe(
    as_json: Annotated[bool, typer.Option("--json", help="Print the machine record as JSON.")] = False,
    root: Annotated[Path | None, typer.Option(help="Read a captured host from this folder instead.")] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Also write machine.json here.")
    ] = None,
) -> None:
    """Show CPU, memory and every accelerator of this machine, and what the catalog knows of them."""
    unparsed.probe(as_json=as_json, root=root, output=output)
