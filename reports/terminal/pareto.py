"""A front on the terminal: what each better score, latency or energy costs, and with which plan."""

from planner.fleet.fronts.pareto import ParetoFront
from reports.numbers import percent, quantity, usd
from reports.terminal.console import console, note, prose, table
from reports.wording import benchmark_name

NAMES = {"latency": "all latency limits", "energy": "energy"}
HEADINGS = {"%": "score", "x": "times the limits", "s": "limit", "kWh/month": "kWh/month"}


def show_pareto(front: ParetoFront) -> None:
    """Print a front of cost to stdout."""
    name = benchmark_name(front.axis) if front.unit == "%" else NAMES.get(front.axis, front.axis)
    grid = table(f"Cost against {name}", f">{HEADINGS[front.unit]}", ">USD/month", "cheapest plan", "budget")
    for point in front.points:
        grid.add_row(
            _value(point.value, front.unit),
            usd(point.cost_usd_per_month),
            point.label,
            "" if point.within_budget else "over",
        )
    console().print(grid if front.points else note("No candidate can serve this."))
    for line in front.notes:
        prose(note(line))


def _value(value: float, unit: str) -> str:
    if unit == "%":
        return percent(value / 100)
    if unit == "s":
        return quantity(value, "s")
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
