"""Shared prices of commitments moved towards those that bound the cost best.

Notes
-----
What the periods cost in all, each solved by itself, is a concave function of the prices l_pt of the
commitments, and every period solved once bounds it from above at all prices: with x its cheapest mix
at l, of own cost c(x) and wanting n_p(x) commitments, it costs at most c(x) + sum_p l_pt n_p(x). The
prices that are best by all these cuts, near to the best known ones, are tried next; near is nearer
after every failure, and farther where the cuts were right (R. E. Marsten, W. W. Hogan, J. W.
Blankenship, "The Boxstep Method for Large-Scale Optimization", Operations Research 23, 1975).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from planner.fleet.programme.milp import Programme
from planner.fleet.solve.box import Alone, Box
from planner.fleet.solve.boxes import Periods

FIRST_REACH_FRAC = 0.03
"""Of the mean price of a commitment in a period: how far prices move at first."""
LEAST_REACH_FRAC, MOST_REACH_FRAC = 1e-3, 1.0
"""Nearer is nowhere, and farther is everywhere."""
FARTHER, NEARER, RIGHT_FRAC = 1.5, 0.5, 0.3
"""Factors of the reach, and the part of what cuts promised that has to come true for the first."""
ENOUGH_FRAC = 1e-4
"""Cuts that promise less than this part of the bound are not followed any more."""

Array = NDArray[np.float64]


@dataclass(slots=True)
class Ascent:
    """The best prices known for the commitments of a box.

    Attributes
    ----------
    shared : ndarray, shape (commitments, periods)
        Price of each commitment beyond the least of the box in each period. [USD/h]
    parts : tuple of Alone
        The periods at these prices.
    """

    periods: Periods
    box: Box
    shared: Array
    parts: tuple[Alone, ...]
    reach_frac: float = FIRST_REACH_FRAC

    @property
    def lowest_usd_per_h(self) -> float:
        """What every mix in the box costs at least."""
        return self.periods.cost(self.box) + sum(part.lowest_usd for part in self.parts)

    @property
    def is_over(self) -> bool:
        """Tell whether prices have come to rest."""
        return self.reach_frac < LEAST_REACH_FRAC

    def step(self, *, ends_at_s: float) -> bool:
        """Try the prices that are best by what is known; tell whether they are better than before."""
        promised, shared = self._promising()
        now = sum(part.lowest_usd for part in self.parts)
        if promised - now < ENOUGH_FRAC * abs(now):
            reach = self._reach()
            held_back = bool((np.abs(shared - self.shared) > 0.99 * reach)[reach > 0].any())
            wider = self.reach_frac * FARTHER
            self.reach_frac = wider if held_back and wider < MOST_REACH_FRAC else 0.0
            return False
        parts = self.periods.solve(self.box, shared, ends_at_s=ends_at_s)
        if parts is None:
            self.reach_frac = 0.0
            return False
        gained = sum(part.lowest_usd for part in parts) - now
        if gained <= 0:
            self.reach_frac *= NEARER
            return False
        if gained > RIGHT_FRAC * (promised - now):
            self.reach_frac *= FARTHER
        self.shared, self.parts = shared, parts
        return True

    def _reach(self) -> Array:
        each = self.periods.prices / self.periods.present.sum(axis=1)
        return np.asarray(self.reach_frac * each[:, None] * self.periods.present)

    def _promising(self) -> tuple[float, Array]:
        """Return the most that the periods may cost within reach [USD/h], and the prices at which they do."""
        n_ways, n_periods = self.shared.shape
        reach = self._reach()
        low, high = np.maximum(self.shared - reach, 0.0), self.shared + reach
        programme = Programme(n_periods * (1 + n_ways))
        programme.upper[n_periods:] = (high - low).ravel()
        for t in range(n_periods):
            for wanted, usd in self.periods.cuts(t, self.box):
                shared = [
                    (n_periods * (1 + int(way)) + t, -float(wanted[way])) for way in np.flatnonzero(wanted)
                ]
                programme.add([(t, 1.0), *shared], upper=usd + float(low[:, t] @ wanted))
        for way, left in enumerate((self.shared - low).sum(axis=1)):
            first = n_periods * (1 + way)
            row = [(column, 1.0) for column in range(first, first + n_periods)]
            programme.add(row, lower=float(left), upper=float(left))
        cost = programme.vector()
        cost[:n_periods] = -1.0
        found = programme.relax(cost)
        if found is None:
            return -np.inf, self.shared
        return -found[0], low + found[2][n_periods:].reshape(n_ways, n_periods)
