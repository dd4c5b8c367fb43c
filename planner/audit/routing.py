"""How far a fixed fleet carries a load, and how little of it would do.

Notes
-----
Kinds k of n_k units, capacity c_kj for class j, peak rate r_j. The load is
multiplied by the largest t that can still be routed::

    maximise    t
    subject to  sum_k f_kj = t                       every class j
                sum_j f_kj r_j / c_kj <= n_k         every kind k,   f >= 0

The dual of a kind's row is what one more unit of it adds to t; where it is zero,
the kind is not what holds the fleet back.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tonnage.errors import TonnageError

Array = NDArray[np.float64]
NOISE = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Routed:
    """The largest load of the given mix of classes.

    Attributes
    ----------
    factor : float
        Over the given rates; 0 if some class can be served nowhere.
    shares : ndarray, shape (kinds, classes)
        Of each class, at that load.
    worth : ndarray, shape (kinds,)
        What one more unit of each kind adds to the factor.
    """

    factor: float
    shares: Array
    worth: Array

    def utilization(self, capacity: Array, counts: Array, rates: Array) -> Array:
        """Return how busy the units of each kind are at the given rates, routed in these shares."""
        if self.factor <= 0:
            return np.full(len(counts), np.nan)
        asked = np.divide(rates, capacity, out=np.zeros_like(capacity), where=capacity > 0)
        busy = (self.shares * asked).sum(axis=1)
        return np.asarray(np.divide(busy, counts, out=np.zeros_like(busy), where=counts > 0))


def largest(capacity: Array, counts: Sequence[float], rates: Sequence[float]) -> Routed:
    """Return the largest multiple of a load that a fleet carries.

    Parameters
    ----------
    capacity : ndarray, shape (kinds, classes)
        Of one unit that serves one class alone; 0 where it cannot. [requests/s]
    counts : sequence of float
        Units of each kind.
    rates : sequence of float
        Peak rate of each class. [requests/s]
    """
    from scipy.optimize import linprog

    kinds, classes = capacity.shape
    usable = (capacity > 0) & (np.asarray(counts) > 0)[:, None]
    if not usable.any(axis=0).all():
        return Routed(factor=0.0, shares=np.zeros((kinds, classes)), worth=np.zeros(kinds))
    routes = list(zip(*np.nonzero(usable), strict=True))
    demand = np.zeros((classes, len(routes) + 1))
    load = np.zeros((kinds, len(routes) + 1))
    demand[:, -1] = -1.0
    for column, (k, j) in enumerate(routes):
        demand[j, column] = 1.0
        load[k, column] = rates[j] / capacity[k, j]
    aim = np.zeros(len(routes) + 1)
    aim[-1] = -1.0
    solved = linprog(
        aim, A_ub=load, b_ub=np.asarray(counts, dtype=np.float64), A_eq=demand, b_eq=np.zeros(classes)
    )
    if solved.x is None:
        raise TonnageError(f"the load could not be routed: {solved.message}")
    factor = float(solved.x[-1])
    shares = np.zeros((kinds, classes))
    for column, (k, j) in enumerate(routes):
        shares[k, j] = solved.x[column] / factor
    shares[shares < NOISE] = 0.0
    return Routed(factor=factor, shares=shares, worth=-np.asarray(solved.ineqlin.marginals))


def fewest(
    capacity: Array, counts: Sequence[int], rates: Sequence[float], prices: Sequence[float], *, spare: int
) -> tuple[int, ...] | None:
    """Return how many units of each kind the load needs, the cheapest choice; None if all are too few.

    Parameters
    ----------
    prices : sequence of float
        Of one unit; where several choices cost the same, fewer units are kept. [USD/h]
    spare : int
        Units of each kind that is kept, beyond what its load needs.

    Notes
    -----
    m_k units at work and a switch z_k: sum_k f_kj = 1, sum_j f_kj r_j / c_kj <= m_k,
    m_k <= (n_k - s) z_k; the cost is that of m_k + s z_k units.
    """
    from scipy.optimize import Bounds, LinearConstraint, milp

    kinds, classes = capacity.shape
    routes = list(zip(*np.nonzero(capacity > 0), strict=True))
    size = 2 * kinds + len(routes)  # m, z, f
    rows: list[tuple[Array, float, float]] = []
    for j in range(classes):
        row = np.zeros(size)
        row[[2 * kinds + c for c, (_, of) in enumerate(routes) if of == j]] = 1.0
        rows.append((row, 1.0, 1.0))
    for k in range(kinds):
        row = np.zeros(size)
        for c, (of, j) in enumerate(routes):
            row[2 * kinds + c] = rates[j] / capacity[k, j] if of == k else 0.0
        row[k] = -1.0
        switch = np.zeros(size)
        switch[k], switch[kinds + k] = 1.0, -float(max(counts[k] - spare, 0))
        rows += [(row, -np.inf, 0.0), (switch, -np.inf, 0.0)]
    scale = max(max(prices, default=0.0), 1e-12)
    each = np.asarray(prices) / scale + 1e-4
    solved = milp(
        np.concatenate([each, spare * each, np.zeros(len(routes))]),
        integrality=np.concatenate([np.ones(2 * kinds), np.zeros(len(routes))]),
        bounds=Bounds(0, np.concatenate([np.asarray(counts), np.ones(kinds + len(routes))])),
        constraints=LinearConstraint(
            np.stack([row for row, _, _ in rows]), [low for _, low, _ in rows], [high for _, _, high in rows]
        ),
    )
    if solved.x is None:
        return None
    work, switched = np.rint(solved.x[:kinds]), np.rint(solved.x[kinds : 2 * kinds])
    return tuple(int(n) for n in work + spare * switched)
