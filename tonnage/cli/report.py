"""`tonnage report`: a plan as a document that can be handed on."""

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the verb to the command."""
    app.command(
        "report",
        short_help="Typeset a plan as a PDF, and as HTML.",
        epilog="Example: tonnage report plan.json --profile profile.json --html report.html",
    )(report)


def report(
    plan: Annotated[Path, typer.Argument(help="plan.json as `tonnage plan` wrote it.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="Write the PDF here.")] = Path(
        "capacity-report.pdf"
    ),
    profile: Annotated[
        Path | None, typer.Option(help="profile.json of the measured machine, for its section.")
    ] = None,
    break_even: Annotated[
        Path | None,
        typer.Option(help="What `tonnage plan SCENARIO --break-even -o FILE` wrote, for its curve."),
    ] = None,
    html: Annotated[Path | None, typer.Option(help="Also write one self-contained HTML file here.")] = None,
) -> None:
    """Typeset a plan, with the measured machine if its profile is given, as a PDF."""
    from tonnage import api

    written = api.report(plan, output, profile=profile, break_even=break_even, html=html)
    also = f" and {html}" if html is not None else ""
    typer.echo(f"wrote {written}{also}", err=True)
