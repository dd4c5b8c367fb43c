"""What each line of the plan costs per month, beside the budget."""

from reports import theme
from reports.numbers import usd
from reports.sources import Sources
from reports.tables.fleet import lines
from tonnage.units import HOURS_PER_MONTH

NAME = "costs"
CAPTION = "Cost per month by line of the bill."


def describe(sources: Sources) -> str:
    """Return the figure in words."""
    parts = [f"{line.label}: {usd(line.usd_per_h * HOURS_PER_MONTH)}" for line in lines(sources.plan)]
    return "Bars of monthly cost. " + "; ".join(parts) + "."


def draw(sources: Sources) -> bytes | None:
    """Draw one bar per line and the budget; None where a single bar would say nothing."""
    shown, budget = lines(sources.plan), sources.plan.scenario.budget.usd_per_month
    if len(shown) < 2:
        return None
    amounts = [line.usd_per_h * HOURS_PER_MONTH for line in shown]
    with theme.style(NAME):
        figure = theme.blank(theme.bars_height_in(len(shown)))
        axes = figure.subplots()
        positions = theme.bars(axes, [f"{line.letter}  {line.label}" for line in shown])
        theme.money_bars(axes, positions, amounts, tones=[theme.ACCENT] * len(shown), budget=budget)
        return theme.svg(figure, NAME)
