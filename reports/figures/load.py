"""How much of its capacity each kind of unit uses, by traffic class."""

from planner.fleet.records.plan_record import Plan, Unit
from reports import theme
from reports.numbers import percent
from reports.sources import Sources
from reports.tables.fleet import lines

NAME = "load"
CAPTION = (
    "Load as a share of capacity under the service levels, by traffic class; spare units count as capacity."
)


def split(plan: Plan, unit: Unit) -> dict[str, float]:
    """Return the load of a unit by class; parts add up to its utilization.

    A class weighs rate x share / capacity; where no capacity is known it weighs rate x share.
    """
    rates = {one.name: one.requests_per_s * one.peak_to_mean for one in plan.scenario.classes}
    known = unit.capacity_requests_per_s
    weights = {
        name: rates.get(name, 0.0) * frac / (known.get(name) or 1.0)
        for name, frac in unit.share.items()
        if frac > 0
    }
    total = sum(weights.values())
    return {name: unit.utilization * weight / total for name, weight in weights.items()} if total else {}


def describe(sources: Sources) -> str:
    """Return the figure in words."""
    parts = [f"{line.label}: {percent(line.unit.utilization)}" for line in lines(sources.plan) if line.unit]
    return "Bars of load over capacity. " + "; ".join(parts) + "."


def draw(sources: Sources) -> bytes | None:
    """Draw one bar per kind of unit; None where the plan buys none."""
    shown = [(line, line.unit) for line in lines(sources.plan) if line.unit is not None]
    if not shown:
        return None
    classes = [one.name for one in sources.plan.scenario.classes]
    with theme.style(NAME):
        figure = theme.blank(theme.bars_height_in(len(shown), extra_in=0.75 if len(classes) == 1 else 1.0))
        axes = figure.subplots()
        positions = theme.bars(axes, [f"{line.letter}  {line.label}" for line, _ in shown])
        axes.barh(positions, [100.0] * len(shown), height=0.55, color=theme.TRACK)
        for position, (_, unit) in zip(positions, shown, strict=True):
            left = 0.0
            for name, frac in split(sources.plan, unit).items():
                tone = (
                    theme.SERIES[classes.index(name) % len(theme.SERIES)] if name in classes else theme.MUTED
                )
                axes.barh(position, 100 * frac, left=left, height=0.55, color=tone)
                left += 100 * frac
        used = [100 * unit.utilization for _, unit in shown]
        theme.value_labels(
            axes, positions, [max(100.0, one) for one in used], [f"{one:.0f} %" for one in used]
        )
        axes.set(xlim=(0, max(112.0, 1.12 * max(used))), xlabel="Share of capacity [%]")
        if len(classes) > 1:
            theme.class_legend(figure, classes)
        return theme.svg(figure, NAME)
