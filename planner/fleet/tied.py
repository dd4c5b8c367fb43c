"""Periods that commitments tie together, where one programme for all of them takes too long.

Notes
-----
The price of a commitment is shared out over the periods by what it is worth in each, l_pt with
sum_t l_pt = price_p, as the duals of the linear relaxation have it. Each period may then choose
its own number of commitments at these prices, and the sum of the cheapest periods is a lower
bound on the cost (A. M. Geoffrion, "Lagrangean relaxation for integer programming",
Mathematical Programming Study 2, 1974), above that of the linear relaxation. What these periods
buy, and what the relaxation buys, is nearly all that a good mix needs: the programme of it alone
is small, and its commitments, with each period solved anew around them, give the mix.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from planner.fleet.columns import Columns
from planner.fleet.dominance import Reduction, reduce
from planner.fleet.layout import Way
from planner.fleet.problem import Mix, Period, Problem
from planner.fleet.solution import mix_of

PERIOD_GAP_FRAC = 1e-3
"""Each period is solved to this part; its own proven bound counts."""
SUPPORT = 1e-6
"""Columns of the linear relaxation above this are bought by it."""
DIRECT_PART, OWN_PART = 0.2, 0.3
"""Of the time: for one programme of everything at first, and for each programme of what is needed."""
ROUNDS = 12
"""Times that the prices of commitments are shared out anew, if time allows."""

Array = NDArray[np.float64]
Place = tuple[int, int]
"""A kind, and one of its ways to buy."""


@dataclass(slots=True)
class Search:
    """What is known on the way: the best mix, the best bound, and what good mixes buy."""

    problem: Problem
    lowest_usd_per_h: float
    ends_at_s: float
    used: set[Place]
    mix: Mix | None = None

    @property
    def mix_usd_per_h(self) -> float:
        """Cost of the best mix."""
        return np.inf if self.mix is None else self.mix.usd_per_h

    @property
    def gap_frac(self) -> float:
        """Proven distance of the mix from the cheapest."""
        return max(0.0, 1 - self.lowest_usd_per_h / self.mix_usd_per_h) if self.mix_usd_per_h > 0 else 0.0

    def take(self, mix: Mix) -> None:
        """Keep a mix if it is the cheapest so far."""
        if mix.usd_per_h < self.mix_usd_per_h:
            self.mix = mix
        self.used |= _bought(mix)

    def left_s(self) -> float:
        """Return the time that is left, a little at least."""
        return max(0.5, self.ends_at_s - time.monotonic())

    def is_over(self, gap_frac: float) -> bool:
        """Tell whether the mix is good enough or time is up."""
        return self.gap_frac <= gap_frac or time.monotonic() >= self.ends_at_s


def close_to_cheapest(problem: Problem, *, gap_frac: float, time_limit_s: float) -> Mix | None:
    """Return a mix and its proven distance from the cheapest; None if the load cannot be served.

    Parameters
    ----------
    gap_frac : float
        Distance that is good enough.
    time_limit_s : float
        About how long it may take.

    Raises
    ------
    TonnageError
        If no mix was found in time.
    """
    ends_at_s = time.monotonic() + time_limit_s
    columns = Columns(problem)
    relaxed = columns.programme.relax(columns.cost)
    if relaxed is None:
        return None
    lowest, duals, values = relaxed
    search = Search(problem, lowest, ends_at_s, _supported(columns, values))
    part = 1.0 if problem.mean_stock else DIRECT_PART
    solved = columns.programme.solve(columns.cost, gap_frac=gap_frac, time_limit_s=part * time_limit_s)
    if solved is None:
        return None
    search.take(mix_of(columns, solved))
    search.lowest_usd_per_h = max(lowest, search.mix_usd_per_h * (1 - solved.gap_frac))
    if not problem.mean_stock:
        _narrow(search, columns, _shared_prices(columns, duals), gap_frac)
    return None if search.mix is None else replace(search.mix, gap_frac=search.gap_frac)


def _supported(columns: Columns, values: Array) -> set[Place]:
    """Return what the linear relaxation buys."""
    return {(way.kind, way.place) for way in columns.layout.ways if values[way.columns].max() > SUPPORT}


def _narrow(search: Search, columns: Columns, shared: Array, gap_frac: float) -> None:
    """Raise the bound and improve the mix in turn until they meet or time is up.

    Prices move towards where periods disagree on commitments, less far whenever that lowers the bound.
    """
    ways = _commitments(columns)
    prices = _prices(search.problem, ways)
    best, reach = shared, 1.0
    wanted_at_best = np.zeros_like(shared)
    highest = -np.inf
    for _ in range(ROUNDS):
        if search.is_over(gap_frac):
            return
        known = len(search.used)
        found = _bound(search, ways, shared)
        if found is None:
            return
        total, wanted = found
        if total > highest:
            best, wanted_at_best, highest = shared, wanted, total
        else:
            reach /= 2
        if len(search.used) > known and not search.is_over(gap_frac):
            _improve(search, gap_frac / 2)
        away = wanted_at_best - wanted_at_best.mean(axis=1, keepdims=True)
        step = reach * (search.mix_usd_per_h - highest) / max(float((away**2).sum()), 1e-9)
        shared = _fair(best + step * away, prices)


def _commitments(columns: Columns) -> tuple[Way, ...]:
    kinds = columns.problem.kinds
    return tuple(way for way in columns.layout.ways if kinds[way.kind].purchases[way.place].committed)


def _prices(problem: Problem, ways: Sequence[Way]) -> Array:
    return np.array([problem.kinds[way.kind].purchases[way.place].usd_per_h for way in ways])


def _shared_prices(columns: Columns, duals: Array) -> Array:
    """Return what each commitment is worth in each period, by the duals of the linear relaxation."""
    ways = _commitments(columns)
    worth = columns.programme.worth(duals, [int(way.columns[0]) for way in ways])
    left = _prices(columns.problem, ways) - worth.sum(axis=1)
    return _fair(worth + left[:, None] / worth.shape[1], _prices(columns.problem, ways))


def _fair(shared: Array, prices: Array) -> Array:
    """Return shares of at least 0 that sum to the price of each commitment."""
    shares = np.maximum(shared, 0.0)
    total = shares.sum(axis=1)
    even = np.broadcast_to((prices / shares.shape[1])[:, None], shares.shape)
    factor = prices / np.where(total > 0, total, 1.0)
    fair: Array = np.where(total[:, None] > 0, shares * factor[:, None], even)
    return fair


def _bound(search: Search, ways: Sequence[Way], shared: Array) -> tuple[float, Array] | None:
    """Solve every period at shared prices; return the bound and the commitments wanted.

    None if time ran out.
    """
    wanted = np.zeros_like(shared)
    total = 0.0
    for t, span in enumerate(search.problem.spans):
        if time.monotonic() >= search.ends_at_s:
            return None
        smaller = reduce(_alone(search.problem, span, ways, shared[:, t]))
        columns = Columns(smaller.problem)
        solved = columns.programme.solve(columns.cost, gap_frac=PERIOD_GAP_FRAC, time_limit_s=search.left_s())
        if solved is None:
            return None
        mix = smaller.expand(mix_of(columns, solved))
        total += span.time_frac * float(columns.cost @ solved.values) * (1 - solved.gap_frac)
        search.used |= _bought(mix)
        wanted[:, t] = [mix.bought[way.kind][way.place] for way in ways]
    search.lowest_usd_per_h = max(search.lowest_usd_per_h, total)
    return total, wanted


def _alone(problem: Problem, span: Period, ways: Sequence[Way], shared: Array) -> Problem:
    """Return one period as a problem of its own, commitments at the price shared out to it."""
    kinds = [list(kind.purchases) for kind in problem.kinds]
    for way, usd in zip(ways, shared, strict=True):
        priced = kinds[way.kind][way.place]
        kinds[way.kind][way.place] = replace(priced, usd_per_h=float(usd) / span.time_frac, committed=False)
    return replace(
        problem,
        kinds=tuple(
            replace(kind, purchases=tuple(row)) for kind, row in zip(problem.kinds, kinds, strict=True)
        ),
        periods=(replace(span, time_frac=1.0),),
    )


def _bought(mix: Mix) -> set[Place]:
    return {(k, place) for k, row in enumerate(mix.bought) for place, count in enumerate(row) if count}


def _improve(search: Search, gap_frac: float) -> None:
    """Solve the programme of what good mixes buy alone."""
    problem = search.problem
    chosen: dict[int, list[int]] = {}
    for kind, place in sorted(search.used):
        chosen.setdefault(kind, []).append(place)
    smaller = replace(
        problem,
        kinds=tuple(
            replace(problem.kinds[kind], purchases=tuple(problem.kinds[kind].purchases[p] for p in places))
            for kind, places in chosen.items()
        ),
    )
    columns = Columns(smaller)
    solved = columns.programme.solve(
        columns.cost, gap_frac=gap_frac, time_limit_s=max(1.0, OWN_PART * search.left_s())
    )
    if solved is None:
        return
    back = Reduction(
        given=problem,
        problem=smaller,
        ways=tuple((kind, tuple(places)) for kind, places in chosen.items()),
        offers=tuple(range(len(problem.offers))),
    )
    search.take(back.expand(mix_of(columns, solved)))
