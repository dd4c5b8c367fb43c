"""`tonnage predict`: what a deployment will do, for one case or a file of them."""

import sys
from collections.abc import Iterator
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from tonnage.cli import deployment_options as given
from tonnage.cli import spelled

if TYPE_CHECKING:
    from planner.deployment import Case


def register(app: typer.Typer) -> None:
    """Add the verb to the command."""
    app.command(
        "predict",
        short_help="Say latency, throughput, memory and energy of a model.",
        epilog="Example: tonnage predict --device nvidia-l40s --model llama-3.1-8b --concurrency 16",
    )(predict)


def predict(
    batch: given.Batch = None,
    device: given.Device = None,
    model: given.Model = None,
    weights: given.Weights = None,
    kv: given.Kv = None,
    engine: given.Engine = None,
    backend: given.Backend = None,
    tp: given.TensorParallel = 1,
    pp: given.Pipeline = 1,
    isl: given.InputTokens = "1024",
    osl: given.OutputTokens = "256",
    context: given.Context = "0",
    concurrency: given.Concurrency = 1,
    qps: given.Qps = None,
    saturated: given.Saturated = False,
    prefix_cache_hit: given.PrefixCacheHit = 0.0,
    prefix_shared: given.PrefixShared = False,
    draft_model: given.DraftModel = None,
    draft_weights: given.DraftWeights = None,
    draft_tokens: given.DraftTokens = None,
    acceptance_rate: given.AcceptanceRate = None,
    lora_rank: given.LoraRank = 0,
    lora_adapters: given.LoraAdapters = 1,
    pruned_layers: given.PrunedLayers = 0.0,
    disaggregated: given.Disaggregated = None,
    prefill_instances: given.PrefillInstances = 1,
    anchor: given.Anchor = None,
    as_json: given.AsJson = False,
) -> None:
    """Say TTFT, TPOT, throughput, memory and energy, each with its interval and how it is known."""
    asked = dict(locals())
    from tonnage.errors import InvalidInput

    if batch is not None:
        if device or model or weights:
            raise InvalidInput("--batch holds its own cases; leave out --device, --model and --weights")
        _stream(batch, anchor)
        return
    for name in ("batch", "anchor", "as_json"):
        del asked[name]
    _one(_case(asked), anchor, as_json)


def _case(asked: dict[str, Any]) -> "Case":
    """Build the case that the options describe."""
    from planner.deployment import Case
    from planner.serving import engines
    from planner.serving.step import backends
    from tonnage import units
    from tonnage.errors import InvalidInput
    from tonnage.files import positive
    from workloads.stored import stored_format

    missing = [f"--{name}" for name in ("device", "model") if asked[name] is None]
    if missing:
        raise InvalidInput(f"{', '.join(missing)} missing: one case needs a device and a model")
    qps, saturated = asked.pop("qps"), asked.pop("saturated")
    if qps is not None:
        qps = positive(qps, name="--qps", unit="requests per second")
        if saturated:
            raise InvalidInput("--qps and --saturated are two kinds of load; give one of them")
    if asked["engine"]:
        engines.check_known(asked["engine"])
    if asked["backend"]:
        backends.check_known(asked["backend"])
    asked["device"], asked["model"] = spelled.device(asked["device"]), spelled.model(asked["model"])
    for name in ("isl", "osl", "context"):
        asked[name] = units.count(asked[name], name=f"--{name}", unit="tokens")
    asked["weights"] = asked["weights"] or stored_format(asked["model"])
    asked["pruned_layers_frac"] = asked.pop("pruned_layers")
    kind = "saturated" if saturated else "open" if qps is not None else "closed"
    return Case.parse({"id": "case", **asked, "requests_per_s": qps, "load": kind}, where="case")


def _one(case: "Case", anchor: Path | None, as_json: bool) -> None:
    from tonnage import api

    answer = api.predict(case, anchor=anchor)
    if as_json:
        typer.echo(answer.to_json())
        return
    from reports.terminal import show_predictions

    show_predictions([(case, answer)])


def _stream(path: Path, anchor: Path | None) -> None:
    """Answer line by line, so that a million lines need no more memory than a few thousand."""
    from planner.serving.anchors.anchor_points import of_file
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
    from planner.serving.stream import bounded
    from tonnage.errors import FormatError
    from tonnage.files import unreadable

    try:
        if str(path) == "-":
            if isinstance(sys.stdin, TextIOWrapper):
                sys.stdin.reconfigure(encoding="utf-8-sig", errors="strict")  # whatever the locale says
            if sys.stdin is not None:  # None where it is closed
                yield from bounded(sys.stdin)
            return
        with path.open(encoding="utf-8-sig") as lines:
            yield from bounded(lines)
    except UnicodeDecodeError:
        raise FormatError(f"{path}: not a UTF-8 text file") from None
    except OSError as problem:
        raise unreadable(path, problem) from None
