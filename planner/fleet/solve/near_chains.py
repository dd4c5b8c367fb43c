"""The chains that are nearest to the best: few enough for the many programmes that ask what if.

Notes
-----
Where purchases may be fractions, a chain whose reduced cost is r would make the plan dearer by r
per class that takes it. The chains of least reduced cost hold an optimum of that programme; one
of whole purchases may take others as well, which is why the plan itself is solved with them all.
"""

from dataclasses import replace

import numpy as np

from planner.fleet.programme.problem import Mix, PeriodMix, Problem
from planner.fleet.solve.relaxed_ratio import relaxed


def nearest(problem: Problem, count: int, *, per_right: bool) -> tuple[int, ...] | None:
    """Return the places of the chains of least reduced cost, per class; None if nothing can be served.

    Parameters
    ----------
    count : int
        Chains of each class at most.
    per_right : bool
        What is made least: spend per task that ends right, or spend.
    """
    rules = problem.tasks
    if all(len(rules.of(klass)) <= count for klass in rules.classes):
        return tuple(range(len(rules.chains)))
    found = relaxed(problem, per_right=per_right)
    if found is None:
        return None
    kept = [
        place
        for klass in rules.classes
        for place in sorted(rules.of(klass), key=lambda place: float(found.reduced[place]))[:count]
    ]
    return tuple(sorted(kept))


def only(problem: Problem, places: tuple[int, ...]) -> Problem:
    """Return the problem with some of its chains."""
    chains = tuple(problem.tasks.chains[place] for place in places)
    return replace(problem, tasks=replace(problem.tasks, chains=chains))


def expand(problem: Problem, places: tuple[int, ...], mix: Mix) -> Mix:
    """Return a mix of some chains as one of them all."""

    def whole(taken: tuple[float, ...]) -> tuple[float, ...]:
        parts = np.zeros(len(problem.tasks.chains))
        parts[list(places)] = taken
        return tuple(map(float, parts))

    def period(part: PeriodMix) -> PeriodMix:
        return replace(part, chains=whole(part.chains))

    return replace(mix, chains=whole(mix.chains), by_period=tuple(map(period, mix.by_period)))
