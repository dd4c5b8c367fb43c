"""Periods that commitments tie together, where one programme for all of them takes too long.

Notes
-----
The price of a commitment is shared out over the periods by what it is worth in each, at first as
the duals of the linear relaxation have it, then moved towards where periods disagree. The periods
solved at these prices (`boxes`) bound the cost from below. Where that bound stays below the best mix
known, commitments are what is branched on: their number is at most m in one half and more in the
other, until the periods agree. A mix comes out of every number of commitments tried: each period is
solved around them.
"""

import heapq
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from planner.fleet.boxes import Alone, Box, Periods, everything
from planner.fleet.columns import Columns
from planner.fleet.dominance import Reduction
from planner.fleet.layout import Way
from planner.fleet.problem import Mix, Problem
from planner.fleet.solution import mix_of, of_periods
from planner.fleet.tight import tighten

SUPPORT = 1e-6
"""Columns of the linear relaxation above this are bought by it."""
DIRECT_PART, OWN_PART, NEAR_PART = 0.1, 0.2, 0.3
"""Of the time: for one programme of everything at first, for that of what is needed, for neighbours."""
ROOT_ASCENTS, ASCENTS = 4, 2
"""Times that prices are shared out anew, for all commitments and within each half."""

Array = NDArray[np.float64]
Place = tuple[int, int]
"""A kind, and one of its ways to buy."""


@dataclass(frozen=True, slots=True, order=True)
class Node:
    """A box of commitments that is still to be looked at, the lowest bound first."""

    lowest_usd_per_h: float
    number: int
    box: Box = field(compare=False)
    shared: Array = field(compare=False)


@dataclass(slots=True)
class Search:
    """What is known on the way: the best mix, what bounds it, and what good mixes buy."""

    problem: Problem
    periods: Periods
    lowest_usd_per_h: float
    ends_at_s: float
    gap_wanted_frac: float
    used: set[Place]
    mix: Mix | None = None
    tried: set[tuple[float, ...]] = field(default_factory=set)

    @property
    def mix_usd_per_h(self) -> float:
        """Cost of the best mix."""
        return np.inf if self.mix is None else self.mix.usd_per_h

    @property
    def gap_frac(self) -> float:
        """Proven distance of the mix from the cheapest."""
        return max(0.0, 1 - self.lowest_usd_per_h / self.mix_usd_per_h) if self.mix_usd_per_h > 0 else 0.0

    @property
    def cutoff_usd_per_h(self) -> float:
        """Bounds from here on leave nothing worth looking for."""
        return self.mix_usd_per_h * (1 - self.gap_wanted_frac)

    def take(self, mix: Mix) -> None:
        """Keep a mix if it is the cheapest so far."""
        if mix.usd_per_h < self.mix_usd_per_h:
            self.mix = mix
        self.used |= _bought(mix)

    def raise_bound(self, usd_per_h: float) -> None:
        """Note that no mix is cheaper."""
        self.lowest_usd_per_h = max(self.lowest_usd_per_h, min(usd_per_h, self.mix_usd_per_h))

    def left_s(self) -> float:
        """Return the time that is left, a little at least."""
        return max(0.5, self.ends_at_s - time.monotonic())

    def is_over(self) -> bool:
        """Tell whether the mix is good enough or time is up."""
        return self.gap_frac <= self.gap_wanted_frac or time.monotonic() >= self.ends_at_s


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
    part = 1.0 if problem.mean_stock else DIRECT_PART
    solved = columns.programme.solve(columns.cost, gap_frac=gap_frac, time_limit_s=part * time_limit_s)
    if solved is None:
        return None
    tighten(columns)
    lowest, duals, values = columns.programme.relax(columns.cost) or relaxed
    ways = _commitments(columns)
    search = Search(
        problem=problem,
        periods=Periods(problem, ways),
        lowest_usd_per_h=lowest,
        ends_at_s=ends_at_s,
        gap_wanted_frac=gap_frac,
        used=_supported(columns, values),
    )
    search.take(mix_of(columns, solved))
    search.raise_bound(search.mix_usd_per_h * (1 - solved.gap_frac))
    if not problem.mean_stock and not search.is_over():
        _close(search, _shared_prices(columns, ways, duals))
    return None if search.mix is None else replace(search.mix, gap_frac=search.gap_frac)


def _supported(columns: Columns, values: Array) -> set[Place]:
    """Return what the linear relaxation buys."""
    return {(way.kind, way.place) for way in columns.layout.ways if values[way.columns].max() > SUPPORT}


def _commitments(columns: Columns) -> tuple[Way, ...]:
    kinds = columns.problem.kinds
    return tuple(way for way in columns.layout.ways if kinds[way.kind].purchases[way.place].committed)


def _shared_prices(columns: Columns, ways: Sequence[Way], duals: Array) -> Array:
    """Return what each commitment is worth in each period, by the duals of the linear relaxation."""
    prices = np.array([columns.problem.kinds[w.kind].purchases[w.place].usd_per_h for w in ways])
    worth = columns.programme.worth(duals, [int(way.columns[0]) for way in ways])
    left = prices - worth.sum(axis=1)
    return _fair(worth + left[:, None] / worth.shape[1], prices)


def _fair(shared: Array, prices: Array) -> Array:
    """Return shares of at least 0 that sum to the price of each commitment."""
    shares = np.maximum(shared, 0.0)
    total = shares.sum(axis=1)
    even = np.broadcast_to((prices / shares.shape[1])[:, None], shares.shape)
    factor = prices / np.where(total > 0, total, 1.0)
    fair: Array = np.where(total[:, None] > 0, shares * factor[:, None], even)
    return fair


def _close(search: Search, shared: Array) -> None:
    """Raise the bound and improve the mix until they meet or time is up."""
    root = Node(search.lowest_usd_per_h, 0, everything(search.periods.ways), shared)
    seen = _visit(search, root, ROOT_ASCENTS)
    if seen is None:
        return
    root, wanted = seen
    search.raise_bound(root.lowest_usd_per_h)
    if not search.is_over():
        _improve(search)
    _try_near(search, wanted.max(axis=1) > 0)
    if not search.problem.spare_domains:  # a domain's fullest part does not split into what is there and more
        _branch(search, root, wanted)


def _branch(search: Search, root: Node, wanted: Array) -> None:
    """Halve the box with the lowest bound until no box is left that may hold a cheaper mix."""
    open_nodes = [root]
    wants = {root.number: wanted}
    count = 0
    while open_nodes and not search.is_over():
        node = heapq.heappop(open_nodes)
        search.raise_bound(node.lowest_usd_per_h)
        for box in _halves(node.box, wants.pop(node.number)):
            count += 1
            half = Node(node.lowest_usd_per_h, count, box, node.shared)
            seen = _visit(search, half, ASCENTS)
            if seen is None and time.monotonic() >= search.ends_at_s:
                return
            if seen is not None and seen[0].lowest_usd_per_h < search.cutoff_usd_per_h:
                heapq.heappush(open_nodes, seen[0])
                wants[count] = seen[1]
    if not open_nodes:
        search.raise_bound(search.cutoff_usd_per_h)


def _halves(box: Box, wanted: Array) -> tuple[Box, ...]:
    """Split a box where periods disagree most; none is left of a box in which they agree."""
    spread = wanted.max(axis=1) - wanted.min(axis=1)
    open_places = np.array(box.high) > np.array(box.low)
    if not (open_places & (wanted.max(axis=1) > 0)).any():
        return ()
    place = int(np.argmax(np.where(open_places, spread + wanted.mean(axis=1), -1.0)))
    split = box.low[place] + float(np.floor(wanted[place].mean()))
    split = min(split, box.high[place] - 1)
    return box.at_most(place, split), box.at_least(place, split + 1)


def _visit(search: Search, node: Node, ascents: int) -> tuple[Node, Array] | None:
    """Bound a box, and try the commitments that its periods want on the mean.

    Prices move towards where periods disagree, less far whenever that lowers the bound. None if the
    box holds nothing, or time ran out.
    """
    best, reach, highest = node.shared, 1.0, -np.inf
    wanted_at_best = np.zeros_like(node.shared)
    shared = node.shared
    for number in range(ascents + 1):
        parts = search.periods.solve(node.box, shared, ends_at_s=search.ends_at_s)
        if parts is None:
            break
        total = search.periods.cost(node.box) + sum(part.lowest_usd for part in parts)
        wanted = np.array([part.wanted for part in parts]).T
        _take_parts(search, parts)
        if total > highest:
            best, wanted_at_best, highest = shared, wanted, total
        else:
            reach /= 2
        if max(highest, node.lowest_usd_per_h) >= search.cutoff_usd_per_h or number == ascents:
            break
        away = wanted_at_best - wanted_at_best.mean(axis=1, keepdims=True)
        if not away.any():
            break
        step = reach * (search.mix_usd_per_h - highest) / float((away**2).sum())
        shared = _fair(best + step * away, search.periods.prices)
    if highest == -np.inf:
        return None
    usual = np.array(node.box.low) + np.round(wanted_at_best.mean(axis=1))
    _try_counts(search, tuple(map(float, usual)), shared)
    return replace(node, lowest_usd_per_h=max(highest, node.lowest_usd_per_h), shared=best), wanted_at_best


def _take_parts(search: Search, parts: Sequence[Alone]) -> None:
    """Take the mix that commits to the most that any period wants."""
    search.take(of_periods(search.problem, search.periods.mix(parts), gap_frac=0.0))


def _try_counts(search: Search, counts: tuple[float, ...], shared: Array) -> None:
    """Take the cheapest mix with these commitments."""
    if counts not in search.tried and not search.is_over():
        search.tried.add(counts)
        parts = search.periods.solve(Box(low=counts, high=counts), 0.0 * shared, ends_at_s=search.ends_at_s)
        if parts is not None:
            _take_parts(search, parts)


def _try_near(search: Search, wanted: NDArray[np.bool_]) -> None:
    """Try one commitment more and one less of what any period wants, as long as that helps."""
    ways = search.periods.ways
    shared = np.zeros((len(ways), len(search.problem.spans)))
    ends_at_s = time.monotonic() + NEAR_PART * search.left_s()
    known = np.inf
    while search.mix is not None and search.mix_usd_per_h < known:
        known = search.mix_usd_per_h
        counts = [float(search.mix.bought[way.kind][way.place]) for way in ways]
        for place, count in enumerate(counts):
            for moved in (count + 1, count - 1):
                if moved < 0 or not (wanted[place] or count):
                    continue
                if search.is_over() or time.monotonic() > ends_at_s:
                    return
                _try_counts(search, (*counts[:place], moved, *counts[place + 1 :]), shared)


def _bought(mix: Mix) -> set[Place]:
    return {(k, place) for k, row in enumerate(mix.bought) for place, count in enumerate(row) if count}


def _improve(search: Search) -> None:
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
        columns.cost,
        gap_frac=search.gap_wanted_frac / 2,
        time_limit_s=max(1.0, OWN_PART * search.left_s()),
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
