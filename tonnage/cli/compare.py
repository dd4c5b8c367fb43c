"""`tonnage compare`: which model is faster or smaller, and from which context on."""

from pathlib import Path
from typing import Annotated

import typer

from tonnage.cli import spelled


def register(app: typer.Typer) -> None:
    """Add the verb to the command."""
    app.command(
        "compare",
        short_help="Compare models as the context grows, and say where they cross.",
        epilog="Example: tonnage compare --device nvidia-l40s --models llama-3.1-8b,falcon-mamba-7b",
    )(compare)


def compare(
    device: Annotated[
        str, typer.Option(help="Catalog id or name, or a profile.json; see 'tonnage catalog'.")
    ],
    models: Annotated[str, typer.Option(help="Catalog ids, model folders or .gguf, joined by commas.")],
    weights: Annotated[
        str | None, typer.Option(help="Weight format of all; by default as each is published.")
    ] = None,
    context: Annotated[str, typer.Option(help="Prompt tokens: 1k..1M doubles; or 4k,32k.")] = "1k..1M",
    kv: Annotated[str | None, typer.Option(help="Cache format: BF16, FP8 ...")] = None,
    engine: Annotated[str | None, typer.Option(help="vllm, sglang, trtllm, llama.cpp ...")] = None,
    tp: Annotated[int, typer.Option(help="Tensor-parallel devices.")] = 1,
    concurrency: Annotated[int, typer.Option(help="Users that each wait for their answer.")] = 1,
    osl: Annotated[str, typer.Option(help="Output tokens per request.")] = "256",
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Also write comparison.json here.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the comparison as JSON.")] = False,
) -> None:
    """Say how models compare as the context grows: speed, memory, users, and where they cross."""
    from tonnage import api, units
    from tonnage.files import check_writable, write_record

    if output is not None:
        check_writable(output)
    found = api.compare(
        [spelled.model(name.strip()) for name in models.split(",") if name.strip()],
        device=spelled.device(device),
        weights=weights,
        kv=kv,
        engine=engine,
        tp=tp,
        context=context,
        concurrency=concurrency,
        osl=units.count(osl, name="--osl"),
    )
    if output is not None:
        write_record(output, found)
    if as_json:
        typer.echo(found.to_json())
        return
    from reports.terminal.compare import show_comparison

    show_comparison(found)
