"""`tonnage predict`: what a deployment will do, for one case or a file of them."""

import sys
from collections.abc import Iterator
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated, Any

import typer


def register(app: typer.Typer) -> None:
    """Add the verb to the command."""
    app.command("predict")(predict)


def predict(
    batch: Annotated[
        Path | None, typer.Option(help="Cases, one JSON object a line ('-' is stdin); answers likewise.")
    ] = None,
    device: Annotated[
        str | None, typer.Option(help="Catalog id, or a profile.json; see 'tonnage catalog'.")
    ] = None,
    model: Annotated[str | None, typer.Option(help="Catalog id, model folder, config.json or .gguf.")] = None,
    weights: Annotated[
        str | None, typer.Option(help="Weight format: BF16, FP8, Q4_K_M ...; by default as published.")
    ] = None,
    kv: Annotated[str | None, typer.Option(help="Cache format: BF16, FP8 ...")] = None,
    engine: Annotated[str | None, typer.Option(help="vllm, sglang, trtllm, llama.cpp ...")] = None,
    tp: Annotated[int, typer.Option(help="Tensor-parallel devices.")] = 1,
    pp: Annotated[int, typer.Option(help="Pipeline stages, or llama.cpp's layer split.")] = 1,
    isl: Annotated[str, typer.Option(help="Input tokens per request: 4096 or 4k.")] = "1024",
    osl: Annotated[str, typer.Option(help="Output tokens per request.")] = "256",
    context: Annotated[str, typer.Option(help="Tokens already in the cache.")] = "0",
    concurrency: Annotated[int, typer.Option(help="Users that each wait for their answer.")] = 1,
    qps: Annotated[
        float | None, typer.Option(help="Random arrivals per second instead of waiting users.")
    ] = None,
    saturated: Annotated[bool, typer.Option("--saturated", help="All requests queued at once.")] = False,
    anchor: Annotated[
        Path | None, typer.Option(help="Measured runs of your own, as 'tonnage import' writes them.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the prediction as JSON.")] = False,
) -> None:
    """Say TTFT, TPOT, throughput and memory, each with its interval and how it is known."""
    from tonnage.errors import InvalidInput
    from tonnage.files import positive

    if batch is not None:
        if device or model or weights:
            raise InvalidInput("--batch holds its own cases; leave out --device, --model and --weights")
        _stream(batch, anchor)
        return
    if device is None or model is None:
        missing = [name for name, value in (("--device", device), ("--model", model)) if value is None]
        raise InvalidInput(f"{', '.join(missing)} missing: one case needs a device and a model")
    from workloads.stored import stored_format

    single = {"device": device, "model": model, "weights": weights or stored_format(model)}
    if qps is not None:
        qps = positive(qps, name="--qps", unit="requests per second")
        if saturated:
            raise InvalidInput("--qps and --saturated are two kinds of load; give one of them")
    lengths = {"isl": isl, "osl": osl, "context": context}
    load = {"concurrency": concurrency, "requests_per_s": qps}
    kind = "saturated" if saturated else "open" if qps is not None else "closed"
    _one(
        {**single, "kv": kv, "engine": engine, "tp": tp, "pp": pp, **load, "load": kind},
        lengths,
        anchor,
        as_json,
    )


def _one(data: dict[str, Any], lengths: dict[str, str], anchor: Path | None, as_json: bool) -> None:
    from planner.deployment import Case
    from tonnage import api, units

    if engine := data["engine"]:
        from planner.serving import engines

        engines.check_known(engine)
    tokens = {name: units.count(text, name=f"--{name}", unit="tokens") for name, text in lengths.items()}
    case = Case.parse({"id": "case", **data, **tokens}, where="case")
    answer = api.predict(case, anchor=anchor)
    if as_json:
        typer.echo(answer.to_json())
        return
    from reports.terminal import show_predictions

    show_predictions([(case, answer)])


def _stream(path: Path, anchor: Path | None) -> None:
    """Answer line by line, so that a million lines need no more memory than a few thousand."""
    from planner.serving.anchor_points import of_file
    from planner.serving.stream import answer_lines

    anchors = () if anchor is None else of_file(anchor)
    answered = False
    for line in answer_lines(_lines(path), anchors=anchors):
        sys.stdout.write(line + "\n")
        answered = True
    if not answered:
        from tonnage.errors import InvalidInput

        where = "standard input" if str(path) == "-" else str(path)
        raise InvalidInput(f"{where} holds no case; give one JSON object a line")
    sys.stdout.flush()


def _lines(path: Path) -> Iterator[str]:
    from tonnage.errors import FormatError
    from tonnage.files import unreadable

    try:
        if str(path) == "-":
            if isinstance(sys.stdin, TextIOWrapper):
                sys.stdin.reconfigure(encoding="utf-8", errors="strict")  # whatever the locale says
            yield from sys.stdin or ()  # None where it is closed
            return
        with path.open(encoding="utf-8") as lines:
            yield from lines
    except UnicodeDecodeError:
        raise FormatError(f"{path}: not a UTF-8 text file") from None
    except OSError as problem:
        raise unreadable(path, problem) from None
