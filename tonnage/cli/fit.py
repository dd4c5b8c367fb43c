"""`tonnage fit`: from a profile to laws that predict."""

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the verb to the command."""
    app.command(
        "fit",
        short_help="Fit laws to a profile, and say how well they predict.",
        epilog="Example: tonnage fit profile.json -o model.json",
    )(fit)


def fit(
    profile: Annotated[Path, typer.Argument(help="What 'tonnage bench' wrote.")],
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Write the cost model here.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the cost model as JSON.")] = False,
) -> None:
    """Fit a roofline with saturation to every kernel, and say how well each predicts shapes left out."""
    from tonnage import api
    from tonnage.files import check_writable, write_record

    if output is not None:
        check_writable(output)
    model = api.fit(profile)
    if output is not None:
        write_record(output, model)
    if as_json:
        typer.echo(model.to_json())
        return
    from reports.terminal import show_cost_model

    show_cost_model(model)
    if output is not None:
        typer.echo(f"Cost model: {output}")
