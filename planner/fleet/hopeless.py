"""What no prediction can save: markets that are too dear even where every unit reaches its datasheet peak.

Notes
-----
A unit that is not predicted yet stands at its ceiling (`planner.fleet.ceiling`), which its true capacity
does not reach. The cheapest mix of units that carry more costs no more: so where that mix breaks a
budget, or there is none, so it is for the true capacities, and nothing needs to be predicted to know.
"""

import math

from planner.fleet.columns import Columns
from planner.fleet.dominance import reduce
from planner.fleet.market import Market
from planner.fleet.mix import cheapest
from planner.fleet.periods import merged
from planner.fleet.problem import Problem

MARGIN_FRAC = 1e-6
"""By which a bound must pass the budget: programmes are solved to a part of this."""


def is_hopeless(market: Market, *, usd_per_h: float | None) -> bool:
    """Tell that a market, whatever its units turn out to carry, serves the load at no such cost.

    Parameters
    ----------
    usd_per_h : float or None
        Most that a mix may cost; None for any. [USD/h]

    Notes
    -----
    False where that is not known: nobody says what a profiled machine carries at most, and of tasks it is
    chains of models that are chosen.
    """
    if all(line.is_rated for line in market.lines):
        return False
    problem = market.problem(chains=False)
    if problem.tasks.classes or any(math.isinf(rate) for kind in problem.kinds for rate in kind.capacity):
        return False
    least = _least_usd_per_h(problem)
    return least is None or (usd_per_h is not None and least > usd_per_h * (1 + MARGIN_FRAC))


def _least_usd_per_h(problem: Problem) -> float | None:
    """Return a lower bound on the cost of a problem; None if it has no solution."""
    if len(problem.spans) == 1:
        mix = cheapest(problem, fewest_kinds=False)
        return None if mix is None else mix.usd_per_h * (1 - mix.gap_frac)
    columns = Columns(merged(reduce(problem).problem).problem)
    bound = columns.programme.bound(columns.cost)
    return None if bound is None else bound.value
