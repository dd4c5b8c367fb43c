"""Predicted service levels with their intervals, as a share of the limits that were asked for."""

from typing import TYPE_CHECKING

from planner.fleet.records.plan_record import Plan
from reports import theme
from reports.sources import Sources
from reports.tables.service import judged, prediction
from reports.wording import limit_name, limits
from tonnage.evidence import Quantiles
from tonnage.units import human

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NAME = "service"
CAPTION = "Predicted service levels at the planned peak, in percent of their limits: median, 80 % interval."
MOST_PERCENT = 300.0
"""Where the axis ends at the latest: what is farther out is missed anyway, and is drawn as an arrow."""
_TONES = {"holds": theme.GREEN, "probably holds": theme.ORANGE}


def _levels(plan: Plan) -> list[tuple[str, float, Quantiles]]:
    named = len(plan.scenario.classes) > 1
    return [
        (f"{one.name}: {limit_name(field)}" if named else limit_name(field), limit, predicted)
        for one in plan.scenario.classes
        for field, limit in limits(one.slo).items()
        if (predicted := prediction(plan, one.name, field)) is not None
    ]


def describe(sources: Sources) -> str:
    """Return the figure in words."""
    parts = [
        f"{name}: {human(predicted.p50, 's')} of {human(limit, 's')}, {judged(predicted, limit)}"
        for name, limit, predicted in _levels(sources.plan)
    ]
    return "Intervals against limits. " + "; ".join(parts) + "."


def draw(sources: Sources) -> bytes | None:
    """Draw one interval per limit; None where nothing is both limited and predicted."""
    shown = _levels(sources.plan)
    if not shown:
        return None
    with theme.style(NAME):
        figure = theme.blank(theme.bars_height_in(len(shown), extra_in=0.75))
        axes = figure.subplots()
        positions = theme.bars(axes, [f"{name}, limit {human(limit, 's')}" for name, limit, _ in shown])
        for position, (_, limit, predicted) in zip(positions, shown, strict=True):
            _interval(axes, position, predicted, limit)
        reach = min(MOST_PERCENT, max(1.12 * _percent(predicted.p90, limit) for _, limit, predicted in shown))
        axes.axvline(100, color=theme.INK, linewidth=1)
        axes.annotate(
            "limit", (100, -0.6), xytext=(3, 1), textcoords="offset points", va="bottom", fontsize=8.5
        )
        axes.set(xlim=(0, max(125.0, reach)), xlabel="Share of the limit [%]")
        return theme.svg(figure, NAME)


def _percent(value: float, limit: float) -> float:
    return min(100 * value / limit, MOST_PERCENT)


def _interval(axes: "Axes", position: float, predicted: Quantiles, limit: float) -> None:
    tone = _TONES.get(judged(predicted, limit), theme.VERMILION)
    span = [_percent(predicted.p10, limit), _percent(predicted.p90, limit)]
    middle = _percent(predicted.p50, limit)
    axes.plot(span, [position, position], color=tone, linewidth=5, alpha=0.45, solid_capstyle="butt")
    shape = ">" if middle == MOST_PERCENT else "o"
    axes.plot(middle, position, marker=shape, markersize=6, color=tone, clip_on=False)
