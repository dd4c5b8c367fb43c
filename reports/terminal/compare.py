"""A comparison on the terminal: each model over the context, then where they cross."""

from rich.text import Text

from planner.compare.comparison import Comparison, Crossing, Metric, ModelCurve, Pair, Point
from reports.names import device_name
from reports.numbers import UNKNOWN, count, plural
from reports.terminal.console import console, evidence, interval, note, table
from tonnage.units import gib

_BETTER = {
    Metric.TTFT: "sooner to its first token",
    Metric.TPOT: "faster per output token",
    Metric.MEMORY: "smaller in memory",
}


def show_comparison(comparison: Comparison) -> None:
    """Print a table per model and the crossings to stdout; intervals hold 80 %."""
    out = console()
    for curve in comparison.models:
        out.print(_curve(curve))
        for line in curve.notes:
            out.print(note(line))
        out.print()
    if comparison.pairs:
        out.print(_crossings(comparison))
    out.print(note(_conditions(comparison)))


def _conditions(comparison: Comparison) -> str:
    devices = f"{comparison.tp} × {device_name(comparison.device)}"
    users = plural(comparison.concurrency, "user")
    return f"{devices}, {comparison.engine}, {users}, {count(comparison.osl)} output tokens"


def _curve(curve: ModelCurve) -> object:
    grid = table(
        f"{curve.name}, {curve.weights}",
        ">context",
        ">first token (80 %)",
        ">per output token (80 %)",
        ">memory",
        ">most users",
        "!known as",
        "",
    )
    for point in curve.points:
        grid.add_row(
            count(point.context_tokens),
            *_times(point),
            gib(point.memory_bytes),
            count(point.largest_concurrency),
            evidence(point.evidence),
            _remark(point, curve),
        )
    return grid


def _times(point: Point) -> tuple[str, str]:
    """Return both times; a model that does not fit has none."""
    if point.fits is False:
        return "-", "-"
    return interval(point.ttft_s, "s"), interval(point.tpot_s, "s")


def _remark(point: Point, curve: ModelCurve) -> Text:
    if point.fits is False:
        return Text("does not fit", style="red")
    if point.beyond_max_context:
        return Text(f"beyond its {count(curve.max_context_tokens)}", style="yellow")
    return Text("")


def _crossings(comparison: Comparison) -> object:
    grid = table("Where they cross", "which is", "!at first", "!then", ">from about", "intervals apart")
    for pair in comparison.pairs:
        if not pair.crossings:
            grid.add_row(_BETTER[pair.metric], *_no_crossing(pair))
        before = pair.lower
        for crossing in pair.crossings:
            row = (before or "", crossing.lower_after, _tokens(crossing.context_tokens), _sure(crossing))
            grid.add_row(_BETTER[pair.metric], *row)
            before = crossing.lower_after
    return grid


def _no_crossing(pair: Pair) -> tuple[str, str, str, str]:
    if pair.from_tokens is None:
        return UNKNOWN, "", "", f"at no context do both {pair.models[0]} and {pair.models[1]} fit"
    if pair.lower is None:
        return "neither", "", "", "equal throughout"
    other = pair.models[1] if pair.lower == pair.models[0] else pair.models[0]
    sure = "nowhere"
    if pair.apart_from_tokens is not None:
        sure = f"from {_tokens(pair.apart_from_tokens)}"
    return pair.lower, f"never {other}", "", sure


def _sure(crossing: Crossing) -> str:
    """Say where the intervals do not overlap, so that the order is sure."""
    until, since = crossing.apart_until_tokens, crossing.apart_from_tokens
    parts = [f"until {_tokens(until)}"] if until is not None else []
    parts += [f"from {_tokens(since)}"] if since is not None else []
    words = " and ".join(parts) or "nowhere"
    passed = crossing.beyond_max_context
    return f"{words}; beyond what {' and '.join(passed)} was made for" if passed else words


def _tokens(tokens: float) -> str:
    """Return a context with three digits: an interpolated one is no better known.

    Examples
    --------
    >>> _tokens(13427.8), _tokens(1000)
    ('13,400', '1,000')
    """
    return count(float(f"{tokens:.3g}"))
