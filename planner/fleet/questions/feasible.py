"""Whether a market can serve the load within a budget, with as few predictions as that takes.

Notes
-----
A unit that is not predicted yet stands at its ceiling
(`planner.fleet.supply.ceiling`), which its true capacity
does not reach. So the cheapest mix of all lines as they stand costs no more than the true one: where that
breaks the budget, or there is none, nothing needs to be predicted to say no. And the cheapest mix of those
that are predicted costs no less: where that keeps the budget, the others need not be predicted to say
yes. In between, those that the first of the two mixes is made of are predicted, and those that promise
most for their price.
"""

import math

from planner.fleet.programme.columns import Columns
from planner.fleet.programme.dominance import reduce
from planner.fleet.programme.problem import Mix, Problem
from planner.fleet.solve.mix import cheapest
from planner.fleet.solve.periods import merged
from planner.fleet.supply.market import Market
from planner.fleet.supply.task_market import by_chains
from workloads.scenario import Objective

MARGIN_FRAC = 1e-6
"""By which a bound must pass the budget: programmes are solved to a part of this."""
WITHIN = 1 + 1e-9
FIRST_ROUND = 48
"""Lines that are predicted between the first two looks; twice as many before each one after."""


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
    if by_chains(market.scenario) or all(line.is_rated for line in market.lines):
        return False
    problem = market.problem()
    if any(math.isinf(rate) for kind in problem.kinds for rate in kind.capacity):
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


def is_simple(market: Market) -> bool:
    """Tell a market on which the cheapest mix is wanted, in one period and of known peaks."""
    lines = market.lines
    return (
        market.scenario.objective is Objective.COST
        and not by_chains(market.scenario)
        and len(market.problem().spans) == 1
        and not any(math.isinf(rate) for line in lines for rate in line.capacity)
    )


def can_serve(market: Market, *, usd_per_h: float | None) -> bool:
    """Tell whether some mix serves the load within a budget, on a simple market."""
    count = FIRST_ROUND
    while True:
        mix = cheapest(market.of_lines(market.rated()).problem(), fewest_kinds=False)
        if mix is not None and _keeps(mix, usd_per_h):
            return True
        bound = cheapest(market.problem(), fewest_kinds=False)
        if bound is None or not _keeps(bound, usd_per_h):
            return False
        wanted = market.nearest(
            frozenset(
                line.candidate.key
                for line, bought in zip(market.lines, bound.bought, strict=True)
                if any(bought) and not line.is_rated
            ),
            count,
        )
        if not wanted:
            return False
        market, count = market.with_rated(wanted), 2 * count


def _keeps(mix: Mix, usd_per_h: float | None) -> bool:
    return usd_per_h is None or mix.usd_per_h <= usd_per_h * WITHIN
