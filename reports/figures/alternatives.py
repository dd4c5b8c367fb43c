"""The chosen plan beside the next best ones, by monthly cost."""

from reports import theme
from reports.numbers import usd
from reports.sources import Sources
from reports.wording import bought

NAME = "alternatives"
CAPTION = "Cost per month of the chosen plan and of the best plans that differ in kind."


def _bars(sources: Sources) -> list[tuple[str, float]]:
    plan = sources.plan
    others = sorted(plan.alternatives, key=lambda one: one.usd_per_reliable_task or one.cost_usd_per_month)
    entries = [(bought(one), one.cost_usd_per_month) for one in others]
    return (
        [("This plan", plan.cost_usd_per_month), *entries] if plan.cost_usd_per_month is not None else entries
    )


def describe(sources: Sources) -> str:
    """Return the figure in words."""
    return "Bars of monthly cost. " + "; ".join(f"{name}: {usd(cost)}" for name, cost in _bars(sources)) + "."


def draw(sources: Sources) -> bytes | None:
    """Draw one bar per plan; None without alternatives."""
    if not sources.plan.alternatives:
        return None
    entries = _bars(sources)
    amounts = [amount for _, amount in entries]
    with theme.style(NAME):
        figure = theme.blank(theme.bars_height_in(len(entries)))
        axes = figure.subplots()
        positions = theme.bars(axes, [label for label, _ in entries])
        tones = [theme.ACCENT if label == "This plan" else theme.MUTED for label, _ in entries]
        theme.money_bars(
            axes, positions, amounts, tones=tones, budget=sources.plan.scenario.budget.usd_per_month
        )
        return theme.svg(figure, NAME)
