"""`tonnage deploy`: a plan as command lines, containers, manifests, router weights and a load test."""

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the verb to the command."""
    app.command(
        "deploy",
        short_help="Write what it takes to run a plan, and to test it.",
        epilog="Example: tonnage deploy plan.json -o deploy",
    )(deploy)


def deploy(
    plan: Annotated[Path, typer.Argument(metavar="PLAN.json", help="What `tonnage plan -o` wrote.")],
    output: Annotated[Path, typer.Option("-o", "--output-folder", help="New folder for the files.")],
    force: Annotated[
        bool, typer.Option("--force", help="Replace a folder that this command wrote before.")
    ] = False,
    weights: Annotated[
        list[str] | None,
        typer.Option(
            metavar="MODEL:FORMAT=WHERE", help="Repository or path of a checkpoint; repeat for more."
        ),
    ] = None,
    image: Annotated[
        list[str] | None,
        typer.Option(metavar="ENGINE=IMAGE", help="Container image of an engine; repeat for more."),
    ] = None,
) -> None:
    """Write everything it takes to run a plan, and a script that measures whether it keeps its word."""
    from tonnage import api

    folder = api.deploy(
        plan,
        output,
        force=force,
        weights=_pairs(weights, flag="--weights", example="llama-3.1-8b:AWQ_INT4_G128=org/repository"),
        images=_pairs(image, flag="--image", example="vllm=vllm/vllm-openai:v0.11.0"),
    )
    typer.echo(f"wrote {folder}; {folder / 'README.md'} says how to run it", err=True)


def _pairs(given: list[str] | None, *, flag: str, example: str) -> dict[str, str]:
    from tonnage.errors import InvalidInput

    found = {}
    for text in given or ():
        key, equals, value = text.partition("=")
        if not equals or not key or not value:
            raise InvalidInput(f"{flag} takes NAME=VALUE, e.g. {example}, not '{text}'")
        found[key] = value
    return found
