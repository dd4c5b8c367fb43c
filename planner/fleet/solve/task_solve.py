"""The best mix where requests are tries at tasks: least spend, or least spend per task that ends right."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from planner.fleet.programme.problem import Kind, Metered, Mix, Problem, cost_usd_per_h
from planner.fleet.programme.solution import of_periods
from planner.fleet.solve.near_chains import expand, nearest, only
from planner.fleet.solve.ratio import charged, least_per_right, right_per_h
from planner.fleet.supply.energy_goal import BUDGET

WITHIN = 1 + 1e-9

Find = Callable[[Problem, bool], Mix | None]
"""Returns the cheapest mix of a problem; the flag asks for fewest kinds among equal ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Aim:
    """What is wanted of a plan for tasks.

    Attributes
    ----------
    per_right : bool
        Least spend per task that ends right, instead of least spend.
    budget_usd_per_h : float or None
        Most that units and offers may cost, checks and the person not counted. [USD/h]
    near : int or None
        Look at so many chains of each class alone, the nearest to the best; None for all.
    """

    per_right: bool
    budget_usd_per_h: float | None = None
    near: int | None = None


def best_for_tasks(problem: Problem, aim: Aim, find: Find) -> Mix | None:
    """Return the best mix, None if the tasks cannot be served.

    Where the budget is too small for any mix it is the one with the smallest bill.

    Notes
    -----
    A budget that the best mix keeps anyway binds nothing, so its row is added only to
    a programme whose best mix breaks it.
    """
    mix = _best(problem, aim, find)
    if (
        mix is None
        or aim.budget_usd_per_h is None
        or bill_usd_per_h(problem, mix) <= aim.budget_usd_per_h * WITHIN
    ):
        return mix
    within = _best(within_budget(problem, aim.budget_usd_per_h), aim, find)
    if within is not None:
        return within
    least = find(without_extras(problem), True)
    return None if least is None else of_periods(problem, least.by_period, gap_frac=least.gap_frac)


def _best(problem: Problem, aim: Aim, find: Find) -> Mix | None:
    places = None if aim.near is None else nearest(problem, aim.near, per_right=aim.per_right)
    if places is None:
        return _best_of_all(problem, aim, find)
    mix = _best_of_all(only(problem, places), aim, find)
    return None if mix is None else expand(problem, places, mix)


def _best_of_all(problem: Problem, aim: Aim, find: Find) -> Mix | None:
    if not aim.per_right:
        return find(problem, True)
    found = least_per_right(problem, lambda asked: find(asked, False))
    if found is None:
        return None
    fewer = find(charged(problem, found.usd), True) if aim.near is None else None
    if fewer is None:
        return replace(found.mix, gap_frac=found.gap_frac)
    true = of_periods(problem, fewer.by_period, gap_frac=found.gap_frac)
    return true if fewer.kinds_used < found.mix.kinds_used else replace(found.mix, gap_frac=found.gap_frac)


def usd_per_right(problem: Problem, mix: Mix) -> float | None:
    """Return the spend per task that ends right [USD]; None if there are no tasks, or none ends right."""
    right = right_per_h(problem, mix) if problem.tasks.chains else 0.0
    return mix.usd_per_h / right if right > 0 else None


def bill_usd_per_h(problem: Problem, mix: Mix) -> float:
    """Return what units and offers cost, without checks and the person [USD/h]."""
    if not problem.tasks.chains:
        return mix.usd_per_h
    return cost_usd_per_h(without_extras(problem), mix)


def without_extras(problem: Problem) -> Problem:
    """Return the problem in which checks and the person cost nothing."""
    chains = tuple(replace(chain, usd_per_h=0.0) for chain in problem.tasks.chains)
    return replace(problem, tasks=replace(problem.tasks, chains=chains))


def within_budget(problem: Problem, usd_per_h: float) -> Problem:
    """Return the problem with a limit on the mean cost of units and offers."""

    def drawn(kind: Kind) -> Kind:
        ways = tuple(replace(way, draws=(*way.draws, (BUDGET, way.usd_per_h))) for way in kind.purchases)
        return replace(kind, purchases=ways)

    def used(offer: Metered) -> Metered:
        prices = tuple(price or 0.0 for price in offer.usd_per_h)
        return replace(offer, mean_draws=(*offer.mean_draws, (BUDGET, prices)))

    return replace(
        problem,
        kinds=tuple(map(drawn, problem.kinds)),
        offers=tuple(map(used, problem.offers)),
        mean_stock={**problem.mean_stock, BUDGET: usd_per_h},
    )


def as_mixed(problem: Problem, mix: Mix) -> Problem:
    """Return the problem in which every class takes the chains of a mix, in its proportions, at no extra."""
    chains = []
    for klass in sorted(problem.tasks.classes):
        own = [
            (problem.tasks.chains[place], mix.chains[place])
            for place in problem.tasks.of(klass)
            if mix.chains[place] > 0
        ]
        if own:
            asks = tuple(replace(ask, tries=ask.tries * part) for chain, part in own for ask in chain.asks)
            chains.append(
                replace(
                    own[0][0],
                    key="as planned",
                    asks=asks,
                    usd_per_h=0.0,
                    right_per_h=sum(chain.right_per_h * part for chain, part in own),
                )
            )
    return replace(problem, tasks=replace(problem.tasks, chains=tuple(chains)))
