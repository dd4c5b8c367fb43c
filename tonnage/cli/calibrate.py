"""`tonnage calibrate`: fit engine coefficients to published or own measurements."""

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the verb to the command."""
    app.command(
        "calibrate",
        short_help="Refit the engine coefficients to measured runs.",
        epilog="Example: tonnage calibrate cases.jsonl -o coefficients.json",
    )(calibrate)


def calibrate(
    cases: Annotated[Path, typer.Argument(help="Cases as for 'predict --batch', each with 'measured'.")],
    wider: Annotated[
        list[Path] | None,
        typer.Option(
            "--wider",
            metavar="<path>",
            help="Cases of another collection, fitted last and only to what they alone know. Repeat for "
            "parts that share no run: each then says how far the others are off on it.",
        ),
    ] = None,
    output: Annotated[Path, typer.Option("-o", "--output", help="Write the coefficients here.")] = Path(
        "coefficients.json"
    ),
) -> None:
    """Refit all engine coefficients, and say how far they are off on models and devices left out."""
    from planner.serving.fitting.calibration_file import calibrate as refit
    from planner.serving.fitting.measured import read_rows
    from tonnage.files import check_writable, write_record

    check_writable(output)
    others = [read_rows(path) for path in wider or ()]
    found = refit(read_rows(cases), wider=others, say=lambda text: typer.echo(text, err=True))
    write_record(output, found.file)
    typer.echo(f"Coefficients: {output}")
