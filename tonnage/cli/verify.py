"""`tonnage verify`: predict whole models from this machine's own microbenchmarks, then run them."""

import sys
from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the verb to the command."""
    app.command(
        "verify",
        short_help="Predict whole models on this machine, run them, compare.",
        epilog="Example: tonnage verify --quick",
    )(verify)


def verify(
    profile: Annotated[
        Path | None,
        typer.Option(
            help="Predict from this profile of llama.cpp's nodes; without it they are measured first."
        ),
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Two small models, fewer steps: minutes.")] = False,
    threads: Annotated[
        int | None, typer.Option(min=1, help="Threads of llama.cpp; by default the usable CPUs.")
    ] = None,
    models: Annotated[str | None, typer.Option(help="Only these, e.g. transformer-0.3b,mamba-0.2b.")] = None,
    formats: Annotated[str | None, typer.Option(help="Only these, e.g. Q8_0,Q4_0.")] = None,
    output: Annotated[Path, typer.Option("-o", "--output", help="Write the rows here.")] = Path(
        "verify.json"
    ),
    figure: Annotated[
        Path | None, typer.Option(help="Write the picture here (SVG); by default beside the rows.")
    ] = None,
    save_profile: Annotated[
        Path | None, typer.Option(help="Also write the profile of the nodes here.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the rows as JSON.")] = False,
) -> None:
    """Predict prefill and decode of llama.cpp on files of random weights, run them, and show the errors.

    Nothing is downloaded, and nothing is fitted to the runs. Files are kept in ~/.cache/tonnage/models (7 GB
    for all of them, 2 GB with --quick).
    """
    from tonnage import api
    from tonnage.files import check_writable, write_bytes, write_record

    picture = figure or output.with_suffix(".svg")
    for path in (output, picture, *([save_profile] if save_profile is not None else [])):
        check_writable(path)
    found = api.verify(
        profile, quick=quick, threads=threads, models=_names(models), formats=_names(formats),
        save_profile=save_profile, on_progress=_tell,
    )  # fmt: skip
    from reports.verification import draw

    write_record(output, found)
    write_bytes(picture, draw(found))
    if as_json:
        typer.echo(found.to_json())
        return
    from reports.terminal.verification import show_verification

    show_verification(found)
    typer.echo(f"Rows: {output}  Picture: {picture}")


def _names(words: str | None) -> tuple[str, ...] | None:
    return tuple(word.strip() for word in words.split(",")) if words is not None else None


def _tell(words: str) -> None:
    """Say what runs, on a terminal only."""
    if sys.stderr.isatty():
        typer.echo(f"\r\x1b[K{words}", err=True, nl=False)
