"""Predictions on the terminal: what will happen, how sure, what limits it, how it is known."""

from collections.abc import Iterable

from rich.text import Text

from planner.deployment import Case, Load
from planner.prediction import Prediction
from reports.known import legend
from reports.numbers import UNKNOWN, interval, plural
from reports.terminal.console import console, evidence, note, prose, table
from tonnage.evidence import Quantiles
from tonnage.units import gib

_PERCENTILES = ("p50", "p95", "p99")


def show_predictions(rows: Iterable[tuple[Case, Prediction]]) -> None:
    """Print one table per case to stdout; intervals hold 80 %."""
    out = console()
    for case, answer in rows:
        grid = table(_title(case), "!what", ">median", ">80 % interval")
        for name, quantiles, unit in _figures(answer):
            grid.add_row(name, *_cells(quantiles, unit))
        grid.add_row("memory per device", gib(answer.memory_bytes), _fits(answer))
        if answer.max_context_tokens is not None:
            grid.add_row("longest sequence", f"{answer.max_context_tokens:,} tokens", "")
        if answer.max_concurrency is not None:
            grid.add_row("most sequences at once", f"{answer.max_concurrency:,}", "")
        grid.add_row("limited by", answer.bound.value if answer.bound else UNKNOWN, "")
        grid.add_row("known as", evidence(answer.evidence), "")
        out.print(grid)
        prose(note(legend([answer.evidence])))
        for line in answer.notes:
            out.print(note(line))


def _title(case: Case) -> str:
    engine = case.engine or "engine not given"
    load = {
        Load.CLOSED: plural(case.concurrency, "user"),
        Load.OPEN: f"{case.requests_per_s} requests/s",
        Load.SATURATED: "all requests queued",
    }[case.load]
    return (
        f"{case.model} {case.weights} on {case.devices} × {case.device}, {engine}, "
        f"{case.isl:g} in / {case.osl:g} out, {load}"
    )


def _figures(answer: Prediction) -> Iterable[tuple[str, Quantiles | None, str]]:
    yield "time to first token", answer.ttft_s, "s"
    yield "time per output token", answer.tpot_s, "s"
    yield "output", answer.output_tokens_per_s, "tokens/s"
    yield "requests", answer.requests_per_s, "requests/s"
    if answer.power_w is not None:
        yield "power of the devices", answer.power_w, "W"
        yield "energy per output token", answer.energy_j_per_output_token, "J"
    for metric, words in (("ttft", "first token"), ("tpot", "output token")):
        for name in _PERCENTILES:
            quantiles = getattr(answer, f"{metric}_{name}_s")
            if quantiles is not None:
                yield f"{words}, {name} of requests", quantiles, "s"


def _cells(quantiles: Quantiles | None, unit: str) -> tuple[str, str]:
    if quantiles is None:
        return UNKNOWN, ""
    median, _, rest = interval(quantiles, unit).partition(" (")
    return median, rest.removesuffix(")")


def _fits(answer: Prediction) -> Text:
    if answer.fits is None:
        return Text("memory of the device is unknown")
    return Text("fits", style="green") if answer.fits else Text("does not fit", style="red")
