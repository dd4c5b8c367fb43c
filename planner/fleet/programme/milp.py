"""A mixed-integer programme as sparse rows, solved by HiGHS."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from planner.fleet.programme.silence import c_stdout_silenced
from tonnage.errors import TonnageError

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Vector = NDArray[np.float64]
Row = Iterable[tuple[int, float]]
"""Columns with their factors; a column may come more than once."""

TIME_LIMIT_S = 60.0
"""A programme that takes longer returns its best solution so far with its gap."""
GAP_FRAC = 1e-7
"""Costs are proven optimal to this part."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Solved:
    """Column values and the proven relative gap."""

    values: Vector
    gap_frac: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """The programme without whole numbers: a lower bound on its cost.

    Attributes
    ----------
    duals : ndarray
        Of the rows.
    values : ndarray
        Of the columns.
    dearer : ndarray
        What one of a column that is not used adds to the cost at least.
    """

    value: float
    duals: Vector
    values: Vector
    dearer: Vector


class Programme:
    """Columns between 0 and `upper`, some of them whole, under rows with bounds.

    Parameters
    ----------
    size : int
        Number of columns.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self.upper: Vector = np.full(size, np.inf)
        self.integral = np.zeros(size, dtype=bool)
        self._entries: list[tuple[int, int, float]] = []
        self._bounds: list[tuple[float, float]] = []
        self._periods: list[int] = []

    def vector(self) -> Vector:
        """Return a cost of nothing for every column."""
        return np.zeros(self.size)

    def add(self, row: Row, *, lower: float = -np.inf, upper: float = np.inf, period: int = 0) -> None:
        """Require lower <= row . x <= upper, in a period if there are several."""
        number = len(self._bounds)
        self._periods.append(period)
        self._entries.extend((number, column, value) for column, value in row if value)
        self._bounds.append((lower, upper))

    def _rows(self) -> "csr_array":
        from scipy.sparse import csr_array

        rows, columns, values = zip(*self._entries, strict=True) if self._entries else ((), (), ())
        shape = (len(self._bounds), self.size)
        return csr_array((np.array(values, dtype=float), (rows, columns)), shape=shape)

    def solve(
        self, cost: Vector, *, gap_frac: float = GAP_FRAC, time_limit_s: float = TIME_LIMIT_S
    ) -> Solved | None:
        """Minimise cost . x; None if no x satisfies the rows.

        Parameters
        ----------
        gap_frac : float
            A solution that is proven to be within this part of the optimum is enough.
        time_limit_s : float
            The best solution after this time is returned, with its gap.

        Raises
        ------
        TonnageError
            If time ran out before any solution was found.
        """
        from scipy.optimize import Bounds, LinearConstraint, milp

        if self.size == 0:
            return self._empty()
        lower, upper = np.array(self._bounds).T
        with c_stdout_silenced():
            result = milp(
                cost,
                integrality=self.integral.astype(int),
                bounds=Bounds(0, self.upper),
                constraints=LinearConstraint(self._rows(), lower, upper),
                options={"mip_rel_gap": gap_frac, "time_limit": time_limit_s},
            )
        if result.status == 2:
            return None
        if result.x is None:
            raise TonnageError(f"the planner found no solution in {time_limit_s:g} s: {result.message}")
        return Solved(values=result.x, gap_frac=float(result.mip_gap or 0.0))

    def _empty(self) -> Solved | None:
        allowed = all(lower <= 0 <= upper for lower, upper in self._bounds)
        return Solved(values=np.zeros(0), gap_frac=0.0) if allowed else None

    def relax(self, cost: Vector) -> tuple[float, Vector, Vector] | None:
        """Minimise cost . x without whole numbers.

        Returns
        -------
        tuple of float, ndarray and ndarray, or None
            The cost, the duals of the rows, which are what one more of each
            binding bound adds to it, and x. None if no x satisfies the rows.
        """
        found = self.bound(cost)
        return None if found is None else (found.value, found.duals, found.values)

    def bound(self, cost: Vector) -> "Bound | None":
        """Minimise cost . x without whole numbers; None if no x satisfies the rows."""
        from scipy.optimize import linprog
        from scipy.sparse import vstack

        if self.size == 0:
            return None
        rows, bounds = self._rows(), np.array(self._bounds)
        equal = bounds[:, 0] == bounds[:, 1]
        above = ~equal & np.isfinite(bounds[:, 1])
        below = ~equal & np.isfinite(bounds[:, 0])
        result = linprog(
            cost,
            A_ub=vstack([rows[above], -rows[below]]),
            b_ub=np.concatenate([bounds[above, 1], -bounds[below, 0]]),
            A_eq=rows[equal],
            b_eq=bounds[equal, 1],
            bounds=[(0.0, float(upper)) for upper in self.upper],
            method="highs",
        )
        if result.x is None:
            return None
        duals = np.zeros(rows.shape[0])
        marginals = np.asarray(result.ineqlin.marginals)
        n_above = int(above.sum())
        duals[above] += marginals[:n_above]
        duals[below] -= marginals[n_above:]
        duals[equal] = result.eqlin.marginals
        return Bound(
            value=float(cost @ result.x),
            duals=duals,
            values=result.x,
            dearer=np.asarray(result.lower.marginals),
        )

    def worth(self, duals: Vector, columns: Sequence[int]) -> Vector:
        """Return what one more of some columns saves in each period, shape (columns, periods)."""
        rows = self._rows().tocsc()[:, list(columns)].T.tocsr()
        saved = rows.multiply(duals[None, :]).toarray()
        each = np.zeros((len(columns), max(self._periods) + 1))
        np.add.at(each.T, np.array(self._periods), saved.T)
        return each
