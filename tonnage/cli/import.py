"""`tonnage import`: other tools' results as measurements to predict and fit with."""  # noqa: N999 - a verb

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the verb to the command."""
    app.command(
        "import",
        short_help="Read measured results of other tools.",
        epilog="Example: tonnage import llama_bench.json --device nvidia-rtx-4090 -o runs.json",
    )(import_results)


def import_results(
    files: Annotated[
        list[Path],
        typer.Argument(
            help="llama-bench, vllm bench serve, GuideLLM, AIPerf, MLPerf results; Vidur, LLMServingSim, "
            "aiconfigurator-core operator tables."
        ),
    ],
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Write the record here.")] = None,
    device: Annotated[str | None, typer.Option(help="Catalog id, where the file does not say it.")] = None,
    devices: Annotated[int | None, typer.Option(min=1, help="Devices of the deployment.")] = None,
    model: Annotated[str | None, typer.Option(help="Catalog id, where the file does not say it.")] = None,
    weights: Annotated[str | None, typer.Option(help="Weight format; by default as published.")] = None,
    kv: Annotated[str | None, typer.Option(help="Cache format.")] = None,
    engine: Annotated[str | None, typer.Option(help="vllm, sglang, trtllm ...")] = None,
    tp: Annotated[int | None, typer.Option(min=1, help="Tensor-parallel devices.")] = None,
    pp: Annotated[int | None, typer.Option(min=1, help="Pipeline stages.")] = None,
    isl: Annotated[str | None, typer.Option(help="Mean input tokens, where the file has none.")] = None,
    osl: Annotated[str | None, typer.Option(help="Mean output tokens, where the file has none.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the record as JSON.")] = False,
) -> None:
    """Read measured results: runs for 'predict --anchor', kernel times for 'fit'."""
    from tonnage import api, units
    from tonnage.files import check_writable, write_record

    if output is not None:
        check_writable(output)
    measured = api.import_results(
        files,
        device=device,
        devices=devices,
        model=model,
        weights=weights,
        kv=kv,
        engine=engine,
        tp=tp,
        pp=pp,
        isl=None if isl is None else units.count(isl, name="--isl", unit="tokens"),
        osl=None if osl is None else units.count(osl, name="--osl", unit="tokens"),
    )
    if output is not None:
        write_record(output, measured)
    if as_json:
        typer.echo(measured.to_json())
        return
    from reports.terminal import show_measured

    show_measured(measured)
    if output is not None:
        typer.echo(f"Measurements: {output}")
