"""What less energy costs: the plan of least energy within every budget from the cheapest plan upwards."""

import math
from collections.abc import Iterable, Iterator

from planner.fleet.answer.outcome import Outcome, solve
from planner.fleet.fronts.jumps import SAME, jumps
from planner.fleet.fronts.point import ParetoPoint, point
from planner.fleet.supply.ability import Predictor
from planner.fleet.supply.energy_goal import power_w, unit_w
from planner.fleet.supply.market import rate, survey
from tonnage.units import HOURS_PER_MONTH
from workloads.scenario import Budget, Objective, Scenario

CLOSE = 1.01
"""Budgets this close are not told apart."""
MOST = 24
"""Budgets that are tried."""
NOTES = (
    "Energy is that of devices at their thermal limit while they are busy, with the site's PUE; what they "
    "draw when idle is left out.",
    "Hosted offers are left out: what they take is not published.",
)


def energy_front(scenario: Scenario) -> tuple[tuple[ParetoPoint, ...], tuple[str, ...]]:
    """Return the front of cost against energy [kWh/month], the cheapest plan first, and its notes."""
    own = scenario.model_copy(update={"candidates": scenario.candidates.model_copy(update={"api": False})})
    predictor = Predictor()
    _, found = survey(own, predictor)
    candidates = tuple(item for item in found if unit_w(item, scenario) is not None)

    def best(objective: Objective, usd_per_month: float | None) -> Outcome | None:
        budget = Budget(usd_per_month=usd_per_month)
        asked = own.model_copy(update={"objective": objective, "budget": budget})
        return solve(rate(asked, candidates, predictor, reasons=False))

    cheapest, thriftiest = best(Objective.COST, None), best(Objective.ENERGY, None)
    if cheapest is None or thriftiest is None:
        return (), NOTES
    low, high = cheapest.usd_per_month, thriftiest.usd_per_month
    if high <= low * (1 + SAME):
        return (point(_kwh(thriftiest), thriftiest, scenario.budget),), NOTES

    def within(usd_per_month: float) -> Outcome | None:
        return best(Objective.ENERGY, usd_per_month * (1 + SAME))

    between = jumps(within, _kwh, low, high, ratio=CLOSE, most=MOST)
    return tuple(_front(between.values(), scenario.budget)), NOTES


def _front(outcomes: Iterable[Outcome | None], budget: Budget) -> Iterator[ParetoPoint]:
    """Yield what takes less energy than all that is cheaper; outcomes come by rising budget."""
    least = math.inf
    for outcome in outcomes:
        if outcome is not None and _kwh(outcome) < least * (1 - SAME):
            least = _kwh(outcome)
            yield point(least, outcome, budget)


def _kwh(outcome: Outcome | None) -> float:
    """Return the energy of a month [kWh]; infinite where there is no plan."""
    if outcome is None:
        return math.inf
    drawn_w = power_w(
        outcome.problem, (line.candidate for line in outcome.lines), outcome.mix, outcome.market.scenario
    )
    return math.inf if drawn_w is None else drawn_w / 1e3 * HOURS_PER_MONTH
