"""Self-host or API on the terminal: pair by pair, and the cost of each volume."""

from rich.table import Table as Grid

from planner.break_even.record import BreakEven, Pair, Point
from reports.numbers import UNKNOWN, percent, usd
from reports.terminal.console import console, note, prose, table
from reports.terminal.task_even import show_task_even


def show_break_even(found: BreakEven) -> None:
    """Print the pairs and the curve of the first one to stdout."""
    out = console()
    if found.task is not None:
        show_task_even(found.task)
    prose(verdict(found), style="bold")
    out.print()
    if found.pairs:
        out.print(_pairs(found.pairs))
        out.print()
        out.print(_curve(found))
        out.print()
    for line in found.notes:
        prose(note(line))


def verdict(found: BreakEven) -> str:
    """Return the first pair's answer in one sentence."""
    if not found.pairs:
        return "There is nothing to compare"
    pair = found.pairs[0]
    if pair.first_requests_per_s is None:
        return f"{pair.own_model} of one's own never costs less than {pair.api_model} at {pair.provider}"
    return (
        f"{pair.own_model} of one's own costs less than {pair.api_model} at {pair.provider} from "
        f"{pair.first_requests_per_s:.3g} requests/s on, or where a unit is busy for "
        f"{percent(pair.utilization, digits=2)} of its capacity"
    )


def _pairs(pairs: tuple[Pair, ...]) -> Grid:
    grid = table(
        "Own units against hosted offers",
        "!own unit",
        "!offer",
        ">own, full",
        ">API",
        ">even at",
        ">from",
        ">always",
    )
    grid.add_row("", "", "USD/Mtok", "USD/Mtok", "busy", "requests/s", "requests/s", style="dim")
    for pair in pairs:
        model, _, where = pair.own.partition(" on ")
        grid.add_row(
            f"{model}\n{where}",
            f"{pair.api_model}\n{pair.provider}{' (same model)' if pair.same_model else ''}",
            usd(pair.own_usd_per_mtok),
            usd(pair.api_usd_per_mtok),
            percent(pair.utilization, digits=2) if pair.utilization <= 1 else "never",
            "never" if pair.first_requests_per_s is None else f"{pair.first_requests_per_s:.3g}",
            "never" if pair.always_requests_per_s is None else f"{pair.always_requests_per_s:.3g}",
        )
    return grid


def _curve(found: BreakEven) -> Grid:
    pair = found.pairs[0]
    grid = table(
        f"USD a month by volume: {pair.own_model} against {pair.api_model} at {pair.provider}",
        ">requests/s",
        ">units alone",
        ">own",
        ">API",
        ">mix",
        ">of it API",
        "cheapest",
    )
    for point in found.curve:
        grid.add_row(
            f"{point.requests_per_s:.3g}",
            UNKNOWN if point.own_units is None else f"{point.own_units:,}",
            usd(point.own_usd_per_month),
            usd(point.api_usd_per_month),
            usd(point.mix_usd_per_month),
            UNKNOWN if point.mix_api_frac is None else percent(point.mix_api_frac, digits=2),
            cheapest(point),
        )
    return grid


def cheapest(point: Point) -> str:
    """Return which of the three costs least at a volume."""
    if point.mix_api_frac is None:
        return UNKNOWN
    if point.mix_api_frac > 1 - 1e-6:
        return "API"
    return "own" if point.mix_api_frac < 1e-6 else "mix"
