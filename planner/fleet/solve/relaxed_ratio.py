"""The least spend, or spend per task that ends right, where purchases may be fractions: where to start.

Notes
-----
The same sequence of prices as for whole purchases (`planner.fleet.solve.ratio`), of linear programmes on the
same rows: only what a task costs that does not end right changes between them. Its ratio is a lower
bound on that of whole purchases, and its duals tell how much dearer each chain would be.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from planner.fleet.programme.columns import Columns
from planner.fleet.programme.dominance import reduce
from planner.fleet.programme.milp import Vector
from planner.fleet.programme.problem import Problem

STEPS = 24
SETTLED_FRAC = 1e-9
"""A ratio that falls by less than this part has settled."""
ANY_RATIO = 1e-6
"""Part of the tasks; with fewer that end right there is no ratio."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Relaxed:
    """What fractions of purchases would do.

    Attributes
    ----------
    price_usd : float
        The least spend per task that ends right; 0 where spend alone was made least. [USD]
    reduced : ndarray, shape (chains,)
        By how much a chain would make the plan dearer, in its best period.
    """

    price_usd: float
    reduced: NDArray[np.float64]


def relaxed(problem: Problem, *, per_right: bool) -> Relaxed | None:
    """Return the optimum with fractions of purchases; None if the tasks cannot be served."""
    columns = Columns(reduce(problem).problem)
    spend, right, wrong = columns.cost, _right(columns), _wrong(columns)
    price, cost, duals = 0.0, spend, spend
    for _ in range(STEPS):
        cost = spend + price * wrong
        found = columns.programme.relax(cost)
        if found is None:
            return None
        _, duals, values = found
        if not per_right:
            break
        ends = float(right @ values)
        if ends <= ANY_RATIO * tasks_per_h(problem):
            price = max(2 * price, 1.0)
            continue
        before, price = price, float(spend @ values) / ends
        if price >= before * (1 - SETTLED_FRAC) and before > 0:
            break
    return Relaxed(price_usd=price, reduced=_reduced(columns, cost, duals))


def _right(columns: Columns) -> Vector:
    """Return the tasks per hour that end right, by column."""
    return _of_chains(columns, [chain.right_per_h for chain in columns.problem.tasks.chains])


def _wrong(columns: Columns) -> Vector:
    chains = columns.problem.tasks.chains
    return _of_chains(columns, [chain.tasks_per_h - chain.right_per_h for chain in chains])


def _of_chains(columns: Columns, per_h: list[float]) -> Vector:
    """Return a vector of what each chain does in an hour, on the mean over time."""
    found = columns.programme.vector()
    for t, span in enumerate(columns.problem.spans):
        scale = [span.time_frac * span.scale[chain.klass] for chain in columns.problem.tasks.chains]
        found[columns.layout.chains[:, t]] = np.array(scale) * np.array(per_h)
    return found


def _reduced(columns: Columns, cost: Vector, duals: Vector) -> NDArray[np.float64]:
    own = columns.layout.chains
    worth = columns.programme.worth(duals, [int(column) for column in own.ravel()]).sum(axis=1)
    left: NDArray[np.float64] = (cost[own.ravel()] - worth).reshape(own.shape).min(axis=1)
    return left


def tasks_per_h(problem: Problem) -> float:
    """Return the tasks of all classes on the mean over time [1/h]."""
    of_class = {chain.klass: chain.tasks_per_h for chain in problem.tasks.chains}
    return sum(each * mean_scale(problem, klass) for klass, each in of_class.items())


def mean_scale(problem: Problem, klass: int) -> float:
    """Return the rate of a class on the mean over time, over that of the problem."""
    return sum(span.time_frac * span.scale[klass] for span in problem.spans)
