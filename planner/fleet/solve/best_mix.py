"""The best mix for a scenario: the cheapest, or that of the least spend per task that ends right."""

from planner.fleet.programme.problem import Mix, Problem
from planner.fleet.solve.mix import cheapest
from planner.fleet.solve.task_solve import Aim, best_for_tasks
from tonnage.units import HOURS_PER_MONTH
from workloads.scenario import Objective, Scenario

PERIODS_GAP_FRAC, PERIODS_TIME_LIMIT_S = 5e-3, 50.0
"""Where reserved or owned hardware ties many periods together, this close and this long is enough."""
QUICK_GAP_FRAC, QUICK_TIME_LIMIT_S = 1e-2, 6.0
"""The same for each of the many solutions that say what would change the plan."""
QUICK_CHAINS = 120
"""Chains of each class that those look at."""


def best_mix(problem: Problem, scenario: Scenario, *, quick: bool) -> Mix | None:
    """Return the best mix, None if the load cannot be carried; a quick one may be off by a percent."""
    if not problem.tasks.classes:
        return _cheapest(problem, True, quick=quick)
    budget = scenario.budget.usd_per_month
    aim = Aim(
        per_right=scenario.objective is Objective.RELIABLE_TASK,
        budget_usd_per_h=None if budget is None else budget / HOURS_PER_MONTH,
        near=QUICK_CHAINS if quick else None,
    )
    return best_for_tasks(problem, aim, lambda asked, fewest: _cheapest(asked, fewest, quick=quick))


def _cheapest(problem: Problem, fewest: bool, *, quick: bool) -> Mix | None:
    if len(problem.spans) == 1:
        return cheapest(problem, fewest_kinds=fewest)
    gap_frac, time_limit_s = (
        (QUICK_GAP_FRAC, QUICK_TIME_LIMIT_S) if quick else (PERIODS_GAP_FRAC, PERIODS_TIME_LIMIT_S)
    )
    return cheapest(problem, gap_frac=gap_frac, time_limit_s=time_limit_s, fewest_kinds=fewest)
