"""The cheapest mix: whole purchases, fractional routing, proven optimal.

Notes
-----
Kinds k with capacity c_kj for class j, purchases p of each kind, hosted offers o::

    minimise    sum_p price_p n_p + sum_oj price_oj g_oj
    subject to  sum_k f_kj + sum_o g_oj = 1                          every class j
                sum_j f_kj r_j / c_kj <= sum_p units_p n_p - s z_k   every kind k
                f_kj <= z_k,  g_oj <= z_o                            where switches are needed
                sum_p use_p n_p <= stock                             every pool of owned hardware
                n whole and >= 0, 0 <= f, g <= 1, z in {0, 1}

r_j is the peak rate of class j and s the spare units of each deployed kind. A
unit that serves several classes is busy for the sum of their rates over their
capacities. With a class per size bucket, one purchase per kind and whole classes
this is the programme of T. Griggs et al., "Melange: Cost Efficient Large Language
Model Serving by Exploiting GPU Heterogeneity", arXiv 2404.14527, 2024.
"""

from planner.fleet.columns import Columns
from planner.fleet.dominance import reduce
from planner.fleet.problem import Mix, Problem

TIE_FRAC = 1e-6
"""Costs that differ by less are equal: the plan with fewer kinds is taken."""


def cheapest(problem: Problem) -> Mix | None:
    """Return the cheapest mix that serves the whole load, None if there is none.

    Among mixes of equal cost it is one with the fewest kinds and offers.
    """
    smaller = reduce(problem)
    columns = Columns(smaller.problem)
    solved = columns.programme.solve(columns.cost)
    if solved is None:
        return None
    mix = columns.mix(solved)
    if mix.kinds_used > 1:
        mix = _fewest_kinds(smaller.problem, mix)
    return smaller.expand(mix)


def _fewest_kinds(problem: Problem, best: Mix) -> Mix:
    columns = Columns(problem, switched=True)
    scale = best.usd_per_h or 1.0
    columns.programme.add(columns.cost / scale, upper=best.usd_per_h / scale + TIE_FRAC)
    solved = columns.programme.solve(columns.used)
    if solved is None:
        return best
    mix = columns.mix(solved)
    return mix if mix.kinds_used < best.kinds_used else best


def most_load(problem: Problem, *, usd_per_h: float | None) -> Mix | None:
    """Return the mix that serves the largest part of every class within a budget.

    Parameters
    ----------
    problem : Problem
        Its rates are the whole load.
    usd_per_h : float or None
        Budget, None for no limit. [USD/h]

    Returns
    -------
    Mix or None
        `served_frac` is the part, the same for every class; None if it is zero.
    """
    smaller = reduce(problem)
    columns = Columns(smaller.problem, partial=True)
    if usd_per_h is not None:
        columns.programme.add(columns.cost / usd_per_h, upper=1.0)
    solved = columns.programme.solve(-columns.served)
    mix = columns.mix(solved) if solved is not None else None
    return smaller.expand(mix) if mix is not None and mix.served_frac > 0 else None


def shadow_prices(problem: Problem) -> tuple[float, ...] | None:
    """Return what one more request/s of each class costs once counts may be fractions.

    Returns
    -------
    tuple of float or None
        Per class [USD/h per request/s of peak rate]; None if the load cannot be served.

    Notes
    -----
    The dual of a class's demand row over its rate. Costs are linear in the load
    as long as no pool runs out, so prices times rates then sum to the cost of
    the linear relaxation, a lower bound on the plan's.
    """
    columns = Columns(reduce(problem).problem)
    relaxed = columns.programme.relax(columns.cost)
    if relaxed is None:
        return None
    _, duals = relaxed
    return tuple(float(dual) / rate for dual, rate in zip(duals, problem.rates, strict=False))
