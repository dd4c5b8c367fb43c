"""The cheapest mix: whole purchases, fractional routing, proven optimal.

Notes
-----
Kinds k with capacity c_kj for class j, purchases p of each kind, hosted offers o, periods t that
last the part w_t of all time and scale the rate of class j by m_jt::

    minimise    sum_t w_t (sum_p price_p n_pt + sum_oj price_oj m_jt g_ojt)
    subject to  sum_k f_kjt + sum_o g_ojt = 1                             every class j
                sum_j f_kjt r_j m_jt / c_kj
                    <= sum_p units_p a_p (n_pt - d h_pt) - s y_kt         every kind k
                f_kjt <= y_kt                                             where spares are needed
                h_pt >= n_pt / D                                          where domains may fail
                sum_p use_p n_pt <= stock                                 every stock and limit
                sum_j use_oj m_jt g_ojt <= limit                          every limit of an offer
                n_pt = n_p                                                what is reserved or owned
                n, h whole and >= 0, 0 <= f, g <= 1, y in {0, 1}

and all of it in every period t. Where requests are tries at tasks, chains take the place of the
first row (`planner.fleet.programme.chain_rows`). r_j is the peak rate of class j, a_p the part of a
purchase that can be counted on, s the spare units of each deployed kind, d of D failure domains may fail at
once and h_pt is what the fullest of them holds. A unit that serves several classes is busy for the sum
of their rates over their capacities. With one period, a class per size bucket, one purchase per
kind and whole classes this is the programme of T. Griggs et al., "Melange: Cost Efficient Large
Language Model Serving by Exploiting GPU Heterogeneity", arXiv 2404.14527, 2024.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from planner.fleet.programme.columns import Columns
from planner.fleet.programme.dominance import reduce
from planner.fleet.programme.milp import GAP_FRAC, TIME_LIMIT_S
from planner.fleet.programme.problem import Mix, Problem
from planner.fleet.programme.solution import mix_of, of_periods
from planner.fleet.solve.periods import alone, merged
from planner.fleet.solve.tied import close_to_cheapest
from tonnage.errors import TonnageError

TIE_FRAC = 1e-6
"""Costs that differ by less are equal: the plan with fewer kinds is taken."""
TIE_TIME_LIMIT_S = 5.0
"""Spent at most in search of fewer kinds where periods make that hard."""


def cheapest(
    problem: Problem,
    *,
    gap_frac: float = GAP_FRAC,
    time_limit_s: float = TIME_LIMIT_S,
    fewest_kinds: bool = True,
) -> Mix | None:
    """Return the cheapest mix that serves the whole load, None if there is none.

    Among mixes of equal cost it is one with the fewest kinds and offers.

    Parameters
    ----------
    gap_frac : float
        Distance from the optimum that is good enough where periods are tied together.
    time_limit_s : float
        The best mix after this time is returned, with its gap.
    fewest_kinds : bool
        Look for fewer kinds at the same cost; False if any cheapest mix will do.
    """
    smaller = reduce(problem)
    fewer = merged(smaller.problem)
    mix = _cheapest(fewer.problem, gap_frac, time_limit_s)
    if mix is None:
        return None
    if fewest_kinds and mix.kinds_used > 1:
        mix = _fewest_kinds(fewer.problem, mix)
    return smaller.expand(fewer.expand(mix))


def _cheapest(problem: Problem, gap_frac: float, time_limit_s: float) -> Mix | None:
    """Solve each period for itself where nothing ties them together, else all at once."""
    parts = alone(problem)
    if parts is None and len(problem.spans) > 1:
        return close_to_cheapest(problem, gap_frac=gap_frac, time_limit_s=time_limit_s)
    if parts is None:
        columns = Columns(problem)
        solved = columns.programme.solve(columns.cost, gap_frac=gap_frac, time_limit_s=time_limit_s)
        return None if solved is None else mix_of(columns, solved)
    found = []
    for part in parts:
        mix = _cheapest(part, GAP_FRAC, time_limit_s)
        if mix is None:
            return None
        found.append(mix)
    return _joined(problem, found)


def _joined(problem: Problem, parts: Sequence[Mix]) -> Mix:
    """Put the mixes of single periods together; their gaps weigh as their costs do."""
    weights = [
        period.time_frac * abs(part.usd_per_h) for period, part in zip(problem.spans, parts, strict=True)
    ]
    gap = sum(part.gap_frac * weight for part, weight in zip(parts, weights, strict=True))
    return of_periods(
        problem,
        tuple(part.by_period[0] for part in parts),
        gap_frac=gap / sum(weights) if any(weights) else 0.0,
    )


def _fewest_kinds(problem: Problem, best: Mix) -> Mix:
    columns = Columns(problem, counted=True)
    scale = abs(best.usd_per_h) or 1.0
    row = [(column, value / scale) for column, value in enumerate(columns.cost)]
    columns.programme.add(row, upper=best.usd_per_h / scale + TIE_FRAC)
    one_period = len(problem.spans) == 1
    try:
        solved = columns.programme.solve(
            columns.used, time_limit_s=TIME_LIMIT_S if one_period else TIE_TIME_LIMIT_S
        )
    except TonnageError:  # no time to look for fewer kinds: the mix is as cheap all the same
        return best
    if solved is None:
        return best
    mix = mix_of(columns, solved)
    return replace(mix, gap_frac=best.gap_frac) if mix.kinds_used < best.kinds_used else best


def cheapest_of_best(problem: Problem, goal: Problem, best: Mix) -> Mix:
    """Return the cheapest mix that is as good as one given; its gap is that of the one given.

    Parameters
    ----------
    problem : Problem
        What costs money.
    goal : Problem
        The same kinds, offers and periods, at the prices that `best` makes least.
    """
    aims, columns = Columns(goal), Columns(goal)
    paid = np.array(columns.cost)
    for way in columns.layout.ways:
        price = problem.kinds[way.kind].purchases[way.place].usd_per_h
        for t, period in enumerate(problem.spans):
            paid[way.columns[t]] += period.time_frac * price
    for share in columns.layout.shares:
        paid[share.columns] -= aims.cost[share.columns]
    scale = abs(best.usd_per_h) or 1.0
    row = [(column, value / scale) for column, value in enumerate(aims.cost)]
    columns.programme.add(row, upper=best.usd_per_h / scale + TIE_FRAC)
    try:
        solved = columns.programme.solve(paid, time_limit_s=TIE_TIME_LIMIT_S)
    except TonnageError:
        solved = None
    chosen = best if solved is None else mix_of(columns, solved)
    return of_periods(problem, chosen.by_period, gap_frac=best.gap_frac)


def most_load(problem: Problem, *, usd_per_h: float | None, at_most: float = 1.0) -> Mix | None:
    """Return the mix that serves the largest part of every class within a budget.

    Parameters
    ----------
    problem : Problem
        Its rates are the whole load.
    usd_per_h : float or None
        Budget, None for no limit. [USD/h]
    at_most : float
        Largest part of the load that is asked for; more than 1 for more than there is.

    Returns
    -------
    Mix or None
        `served_frac` is the part, the same for every class; None if it is zero.
    """
    smaller = reduce(problem)
    fewer = merged(smaller.problem)
    columns = Columns(fewer.problem, partial=True)
    columns.programme.upper[columns.layout.served] = at_most
    if usd_per_h is not None:
        row = [(column, value / usd_per_h) for column, value in enumerate(columns.cost)]
        columns.programme.add(row, upper=1.0)
    solved = columns.programme.solve(-columns.served)
    mix = mix_of(columns, solved) if solved is not None else None
    return smaller.expand(fewer.expand(mix)) if mix is not None and mix.served_frac > 0 else None


def shadow_prices(problem: Problem) -> tuple[float, ...] | None:
    """Return what one more request/s of each class costs once counts may be fractions.

    Returns
    -------
    tuple of float or None
        Per class [USD/h per request/s of peak rate]; None if the load cannot be served.

    Notes
    -----
    The duals of a class's demand rows over its rate. Costs are linear in the load
    as long as no pool runs out, so prices times rates then sum to the cost of
    the linear relaxation, a lower bound on the plan's.
    """
    columns = Columns(merged(reduce(problem).problem).problem)
    relaxed = columns.programme.relax(columns.cost)
    if relaxed is None:
        return None
    _, duals, _ = relaxed
    prices = [0.0] * len(problem.rates)
    for klass, dual in zip(columns.demand(), duals, strict=False):
        prices[klass] += float(dual) / problem.rates[klass]
    return tuple(prices)
