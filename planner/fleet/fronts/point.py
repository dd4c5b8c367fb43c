"""One point of a front: a plan that nothing beats in cost and in what it is held against."""

from planner.fleet.answer.label import label_of
from planner.fleet.answer.outcome import Outcome
from tonnage.files import Record
from workloads.scenario import Budget


class ParetoPoint(Record):
    """The cheapest plan of at least this score, or of at most this latency or energy."""

    value: float
    cost_usd_per_month: float
    within_budget: bool
    label: str


def point(value: float, outcome: Outcome, budget: Budget) -> ParetoPoint:
    """Return the point of a solved mix, held against the budget of the scenario."""
    return ParetoPoint(
        value=value,
        cost_usd_per_month=outcome.usd_per_month,
        within_budget=outcome.keeps(budget),
        label=label_of(outcome),
    )
