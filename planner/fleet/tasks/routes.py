"""Every chain of solvers for a task: how many tries each takes, who ends it rightly, what is left.

Notes
-----
A task of chance p at a solver passes n tries of it untaken with u^n, u = p f_r + (1 - p)(1 - f_a),
after S = 1 + u + ... + u^(n-1) tries, of which p (1 - f_r) are taken and right, (1 - p) f_a taken
and wrong. Means over tasks are sums over difficulties, on which solvers are taken to agree
(`planner.fleet.tasks.reliable`). What reaches a chain's next step is a product over its steps so far, so
all chains of one more step are one product of matrices.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product

import numpy as np
from numpy.typing import NDArray

from planner.fleet.tasks.reliable import DIFFICULTIES
from planner.fleet.tasks.solvers import Solver
from workloads.task import Task

MOST_SOLVERS = 16
"""Whose chains are looked at: those that are right most often."""
MOST_CHAINS = 8000
"""Where more are possible, steps try 1, 2, 4 ... times and as often as is allowed."""
FITS = 1 + 1e-9
NOBODY = 1e-9
"""Tries per task; a step that makes fewer is never reached."""

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Able:
    """A solver with the times in which tries of it can be had, the fastest first.

    Attributes
    ----------
    times_s : tuple of float
        Of its levels; empty where time does not matter. [s]
    """

    solver: Solver
    times_s: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One solver of a chain: how often it tries at most, and the slowest level that will do."""

    solver: str
    up_to: int
    level: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A chain with how tasks end on it, as means over all tasks.

    Attributes
    ----------
    tries, solved : tuple of float
        Per step.
    wrong, left : float
        Share that ends with a wrong result taken, and that no step ended.
    worst_s : float or None
        Time in which the last try has ended at the latest; None where time does not matter.
    """

    steps: tuple[Step, ...]
    tries: tuple[float, ...]
    solved: tuple[float, ...]
    wrong: float
    left: float
    worst_s: float | None = None

    @property
    def key(self) -> str:
        """A unique name: `small*2 > large`."""
        return " > ".join(f"{s.solver}*{s.up_to}" + (f"@{s.level}" if s.level else "") for s in self.steps)


def routes(task: Task, able: Sequence[Able]) -> tuple[Route, ...]:
    """Return every chain that a task may take.

    Parameters
    ----------
    able : sequence of Able
        Solvers that can be had.

    Returns
    -------
    tuple of Route
        Where a deadline is set, one for every choice of levels whose tries all end in time and of
        which none could be slower.
    """
    return _routes(task, tuple(able))


@lru_cache(maxsize=64)
def _routes(task: Task, able: tuple[Able, ...]) -> tuple[Route, ...]:
    known = {one.solver.name: one for one in able}
    return tuple(
        Route(
            steps=steps,
            tries=ended.tries,
            solved=ended.solved,
            wrong=ended.wrong,
            left=ended.left,
            worst_s=_worst_s(task, steps, known),
        )
        for ended in _ended(task, able)
        if min(ended.tries) > NOBODY
        for steps in _in_time(task, ended.steps, known)
    )


def of_steps(task: Task, steps: Sequence[Step], solvers: dict[str, Solver]) -> Route:
    """Return how tasks end on one chain."""
    keep, slip = 1 - task.false_reject_frac, task.false_accept_frac
    reaches = np.ones(DIFFICULTIES)
    tries, solved, wrong = [], [], 0.0
    for step in steps:
        chance = _chances(solvers[step.solver])
        refused = 1 - (chance * keep + (1 - chance) * slip)
        tried = reaches * _tried(refused, step.up_to)
        tries.append(float(tried.mean()))
        solved.append(float((tried * chance).mean()) * keep)
        wrong += float((tried * (1 - chance)).mean()) * slip
        reaches = reaches * refused**step.up_to
    return Route(
        steps=tuple(steps), tries=tuple(tries), solved=tuple(solved), wrong=wrong, left=float(reaches.mean())
    )


def _ended(task: Task, able: tuple[Able, ...]) -> Iterator[Route]:
    """Yield the chains that are allowed, whatever time they take."""
    solvers = {one.solver.name: one.solver for one in able}
    if task.chains is None:
        yield from _rising(task, [one.solver for one in able])
        return
    for chain in task.chains:
        formats = [[name for name, one in solvers.items() if one.model == step.model] for step in chain]
        for names in product(*formats):
            steps = [Step(solver=n, up_to=step.tries) for n, step in zip(names, chain, strict=True)]
            yield from (of_steps(task, cut, solvers) for cut in _cuts(task, steps, able))


def _cuts(task: Task, steps: Sequence[Step], able: tuple[Able, ...]) -> list[tuple[Step, ...]]:
    """Return a chain that is asked for, less the tries that no longer fit before its deadline.

    Which ones fit depends on how fast each step is served, so there may be several.
    """
    if task.deadline_s is None:
        return [tuple(steps)]
    times = {one.solver.name: one.times_s for one in able}
    found: dict[tuple[Step, ...], None] = {}
    for levels in product(*(times[step.solver] for step in steps)):
        left, kept = task.deadline_s * FITS, []
        for step, time_s in zip(steps, levels, strict=True):
            made = min(step.up_to, int(left / (time_s + task.verifier_s)))
            left -= made * (time_s + task.verifier_s)
            if made:
                kept.append(Step(solver=step.solver, up_to=made))
        if kept:
            found[tuple(kept)] = None
    return list(found)


def _rising(task: Task, solvers: Sequence[Solver]) -> Iterator[Route]:
    """Yield every chain in which each solver is more often right than the one before."""
    ranked = sorted(solvers, key=lambda one: one.fit.tries.mean)[-MOST_SOLVERS:]
    options = _options(task, len(ranked))
    asked = [(place, n) for place in range(len(ranked)) for n in options]
    if not asked:
        return
    keep, slip = 1 - task.false_reject_frac, task.false_accept_frac
    chances = [_chances(one) for one in ranked]
    refused = [1 - (chance * keep + (1 - chance) * slip) for chance in chances]
    tried = np.array([_tried(refused[place], n) for place, n in asked])
    right = tried * np.array([chances[place] for place, _ in asked]) * keep
    wrong = (tried - right / keep) * slip if keep else tried * slip
    passed = np.array([refused[place] ** n for place, n in asked])
    prefixes: list[Route] = [Route(steps=(), tries=(), solved=(), wrong=0.0, left=1.0)]
    reach, last = np.ones((1, DIFFICULTIES)), [-1]
    for depth in range(task.max_steps):
        further = _extended(prefixes, last, asked, ranked)
        sums = [reach @ part.T / DIFFICULTIES for part in (tried, right, wrong, passed)]
        longer = [
            Route(
                steps=(*before.steps, Step(solver=ranked[asked[a][0]].name, up_to=asked[a][1])),
                tries=(*before.tries, float(sums[0][b, a])),
                solved=(*before.solved, float(sums[1][b, a])),
                wrong=before.wrong + float(sums[2][b, a]),
                left=float(sums[3][b, a]),
            )
            for b, a in further
            for before in [prefixes[b]]
        ]
        yield from longer
        if depth + 1 < task.max_steps and further:
            reach = reach[[b for b, _ in further]] * passed[[a for _, a in further]]
            prefixes, last = longer, [asked[a][0] for _, a in further]


def _extended(
    prefixes: Sequence[Route], last: Sequence[int], asked: Sequence[tuple[int, int]], ranked: Sequence[Solver]
) -> list[tuple[int, int]]:
    """Return which step may come after which prefix: another model that is more often right."""
    models = {one.name: one.model for one in ranked}
    means = [one.fit.tries.mean for one in ranked]
    taken = [{models[step.solver] for step in prefix.steps} for prefix in prefixes]
    return [
        (b, a)
        for b, before in enumerate(last)
        for a, (place, _) in enumerate(asked)
        if before < 0 or (means[place] > means[before] and ranked[place].model not in taken[b])
    ]


def _options(task: Task, n_solvers: int) -> list[int]:
    """Return how often a step may try at most."""
    every = list(range(1, task.tries + 1))
    total, ways = 0.0, 1.0
    for size in range(1, task.max_steps + 1):
        ways *= (n_solvers - size + 1) * len(every) / size
        total += ways
    if total <= MOST_CHAINS:
        return every
    powers = [2**k for k in range(task.tries.bit_length()) if 2**k < task.tries]
    return [*powers, task.tries]


def _in_time(task: Task, steps: tuple[Step, ...], able: dict[str, Able]) -> list[tuple[Step, ...]]:
    """Return a chain at every choice of levels that is in time and of which none could be slower."""
    if task.deadline_s is None:
        return [steps]
    times = [able[step.solver].times_s for step in steps]
    longest = task.deadline_s * FITS
    fits: list[tuple[int, ...]] = []
    for levels in product(*(range(len(row)) for row in times[:-1])):
        used = sum(
            step.up_to * (row[level] + task.verifier_s)
            for step, row, level in zip(steps[:-1], times[:-1], levels, strict=True)
        )
        left = (longest - used) / steps[-1].up_to - task.verifier_s
        slowest = sum(time_s <= left for time_s in times[-1]) - 1
        if slowest >= 0:
            fits.append((*levels, slowest))
    best = [one for one in fits if not any(_slower(other, one) for other in fits)]
    return [
        tuple(
            Step(solver=step.solver, up_to=step.up_to, level=level)
            for step, level in zip(steps, levels, strict=True)
        )
        for levels in best
    ]


def _slower(some: tuple[int, ...], others: tuple[int, ...]) -> bool:
    return some != others and all(a >= b for a, b in zip(some, others, strict=True))


def _worst_s(task: Task, steps: Sequence[Step], able: dict[str, Able]) -> float | None:
    if task.deadline_s is None:
        return None
    return sum(step.up_to * (able[step.solver].times_s[step.level] + task.verifier_s) for step in steps)


def _tried(refused: Array, n: int) -> Array:
    total: Array = np.zeros_like(refused)
    for j in range(n):
        total = total + refused**j
    return total


@lru_cache(maxsize=1024)
def _chances(solver: Solver) -> Array:
    return solver.fit.tries.easiest_first(DIFFICULTIES)
