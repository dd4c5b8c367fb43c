"""The rows that tie chains to shares: whoever is a solver makes the tries that chains ask of it.

Notes
-----
Class j sends the part z_cjt of its tasks down chain c in period t, sum_c z_cjt = 1. Its shares
f are tries, as multiples of one try at every task. Chain c asks a_cl tries of a solver that is of
level l or faster. For each class, solver, level L that is asked, and period::

    sum_{owners of level <= L} f  >=  sum_c sum_{l <= L} a_cl z_cjt

with equality at the slowest level asked. Whoever may serve a try at level l may serve one at
every slower level, so the sets of those who may are nested, and these conditions are also enough
to hand every try to somebody fast enough (P. Hall, "On representatives of subsets", 1935, for
nested sets: give the most urgent tries to the slowest who may make them).
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from planner.fleet.programme.chain import Ask
from planner.fleet.programme.layout import Layout, Share
from planner.fleet.programme.milp import Programme
from planner.fleet.programme.problem import Problem

Array = NDArray[np.float64]


def solver_of(problem: Problem, share: Share) -> tuple[str, int]:
    """Return the solver and level of a share's owner for its class."""
    n_kinds = len(problem.kinds)
    owner = problem.kinds[share.owner] if share.owner < n_kinds else problem.offers[share.owner - n_kinds]
    return owner.skill.of(share.klass)


def asked(problem: Problem, klass: int) -> dict[str, list[tuple[int, Ask]]]:
    """Return, per solver, the chains of a class that ask it, and what."""
    found: dict[str, list[tuple[int, Ask]]] = {}
    for place in problem.tasks.of(klass):
        for ask in problem.tasks.chains[place].asks:
            found.setdefault(ask.solver, []).append((place, ask))
    return found


def most_tries(problem: Problem) -> dict[tuple[int, str], float]:
    """Return, per class with tasks and solver, the most tries that one chain asks: no share is larger."""
    found: dict[tuple[int, str], float] = {}
    for chain in problem.tasks.chains:
        own: dict[str, float] = {}
        for ask in chain.asks:
            own[ask.solver] = own.get(ask.solver, 0.0) + ask.tries
        for solver, tries in own.items():
            key = (chain.klass, solver)
            found[key] = max(tries, found.get(key, 0.0))
    return found


def add_chain_rows(problem: Problem, layout: Layout, programme: Programme) -> None:
    """Add the rows of every class with tasks; shares of solvers that no chain asks are shut."""
    for klass in sorted(problem.tasks.classes):
        own = [share for share in layout.shares if share.klass == klass]
        wanted = asked(problem, klass)
        for solver, asks in wanted.items():
            _add_solver(problem, layout, programme, klass, solver, asks, own)
        for share in own:
            solver, level = solver_of(problem, share)
            slowest = max((ask.level for _, ask in wanted.get(solver, ())), default=-1)
            if level > slowest:
                programme.upper[share.columns] = 0.0
        _add_floor(problem, layout, programme, klass)


def _add_solver(
    problem: Problem,
    layout: Layout,
    programme: Programme,
    klass: int,
    solver: str,
    asks: list[tuple[int, Ask]],
    own: list[Share],
) -> None:
    owners = [
        (share, level) for share in own for name, level in [solver_of(problem, share)] if name == solver
    ]
    levels = sorted({ask.level for _, ask in asks})
    for level in levels:
        upper = 0.0 if level == levels[-1] else np.inf
        for t, period in enumerate(problem.spans):
            if period.scale[klass]:
                row = [(int(share.columns[t]), 1.0) for share, speed in owners if speed <= level]
                row += [
                    (int(layout.chains[place, t]), -ask.tries) for place, ask in asks if ask.level <= level
                ]
                programme.add(row, lower=0.0, upper=upper, period=t)


def _add_floor(problem: Problem, layout: Layout, programme: Programme, klass: int) -> None:
    """Require the part of the tasks that ends right, of those that are served."""
    rules = problem.tasks
    least = rules.right_min[klass] if rules.right_min else 0.0
    if least <= 0:
        return
    for t, period in enumerate(problem.spans):
        if period.scale[klass]:
            row = [
                (int(layout.chains[place, t]), chain.right_per_h / chain.tasks_per_h - least)
                for place in rules.of(klass)
                for chain in [rules.chains[place]]
            ]
            programme.add(row, lower=0.0, period=t)


def chain_parts(problem: Problem, layout: Layout, values: Array, t: int, served: float) -> Array:
    """Return the part of each class that each chain takes in a period, without solver noise."""
    parts = np.maximum(values[layout.chains[:, t]], 0.0) if len(layout.chains) else np.zeros(0)
    for klass in problem.tasks.classes:
        places = list(problem.tasks.of(klass))
        total = parts[places].sum()
        if total > 0:
            parts[places] *= served / total
    return parts


def tries_asked(problem: Problem, klass: int, parts: Array) -> dict[str, float]:
    """Return the tries that the chains of a class ask of each solver, per task of the class."""
    found: dict[str, float] = {}
    for place in problem.tasks.of(klass):
        for ask in problem.tasks.chains[place].asks:
            found[ask.solver] = found.get(ask.solver, 0.0) + ask.tries * float(parts[place])
    return found


def owners_of(problem: Problem, klass: int) -> Iterator[tuple[int, str]]:
    """Yield every kind, then every offer, with the solver that it is for a class."""
    skills = [owner.skill for owner in problem.kinds] + [owner.skill for owner in problem.offers]
    for place, skill in enumerate(skills):
        yield place, skill.of(klass)[0]
