"""Commitments branched on: their number at most m in one part and more in the other.

Notes
-----
Every part is bounded by its periods, solved one by one at shared prices (`boxes`). A mix comes out of
every number of commitments that is tried: each period is solved around them.
"""

import heapq
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from planner.fleet.programme.problem import Mix, Problem
from planner.fleet.programme.solution import of_periods
from planner.fleet.solve.ascent import FIRST_REACH_FRAC, LEAST_REACH_FRAC, Ascent
from planner.fleet.solve.box import Alone, Box
from planner.fleet.solve.boxes import Periods

ASCENTS = 1
"""Times that prices are shared out anew within each part."""
NEAR_PART = 0.3
"""Of the time: for one commitment more or less."""

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
    parts: tuple[Alone, ...] = field(compare=False, default=())

    @property
    def wanted(self) -> Array:
        """Commitments beyond the least that each period wants, shape (commitments, periods)."""
        return np.array([part.wanted for part in self.parts]).T


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
    reach_frac: float = FIRST_REACH_FRAC
    """How far shared prices move."""

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
        near = self.gap_frac <= self.gap_wanted_frac * (1 + 1e-9) + 1e-12
        return near or time.monotonic() >= self.ends_at_s


def branch(search: Search, root: Node) -> None:
    """Split the box with the lowest bound until no box is left that may hold a cheaper mix."""
    open_nodes, count = [root], 0
    while open_nodes and not search.is_over():
        node = heapq.heappop(open_nodes)
        search.raise_bound(node.lowest_usd_per_h)
        for part in _parts_of(search, node):
            count += 1
            seen = visit(search, replace(part, number=count), ASCENTS)
            if seen is None and time.monotonic() >= search.ends_at_s:
                return
            if seen is not None and seen.lowest_usd_per_h < search.cutoff_usd_per_h:
                heapq.heappush(open_nodes, seen)
    if not open_nodes:
        search.raise_bound(search.cutoff_usd_per_h)


def _parts_of(search: Search, node: Node) -> Iterator[Node]:
    """Cut off what is too dear to commit to, and split the box where that ends.

    None is left of a box in which periods agree.
    """
    box = node.box
    left = False
    for place in _disputed(search, node):
        split = box.low[place] + float(np.floor(search.periods.mean(node.wanted)[place]))
        more = box.at_least(place, split + 1)
        box, left = box.at_most(place, split), True
        known = [
            part.lowest_usd - float(node.shared[place, t]) * (split + 1 - node.box.low[place])
            for t, part in enumerate(node.parts)
        ]
        lowest = search.periods.bound(
            more, node.shared, known, enough=search.cutoff_usd_per_h, ends_at_s=search.ends_at_s
        )
        if lowest < search.cutoff_usd_per_h:
            yield replace(node, box=more, lowest_usd_per_h=max(lowest, node.lowest_usd_per_h))
            break
    if left:
        yield replace(node, box=box)


def _disputed(search: Search, node: Node) -> Iterator[int]:
    """Yield the commitments that periods disagree on, the most disputed first."""
    wanted = node.wanted
    least = np.where(search.periods.present, wanted, np.inf).min(axis=1)
    weight = wanted.max(axis=1) - least + search.periods.mean(wanted)
    for place in np.argsort(-weight, kind="stable"):
        if wanted[place].max() > 0 and node.box.high[place] > node.box.low[place]:
            yield int(place)


def visit(search: Search, node: Node, ascents: int) -> Node | None:
    """Bound a box, and try the commitments that its periods want on the mean.

    None if the box holds nothing, or time ran out.
    """
    parts = search.periods.solve(node.box, node.shared, ends_at_s=search.ends_at_s)
    if parts is None:
        return None
    ascent = Ascent(search.periods, node.box, node.shared, parts, search.reach_frac)
    node = _reached(search, node, ascent)
    left = ascents
    while left and not ascent.is_over and not search.is_over():
        if node.lowest_usd_per_h >= search.cutoff_usd_per_h or _agree(search, node):
            break
        left -= 1
        if ascent.step(ends_at_s=search.ends_at_s):
            node = _reached(search, node, ascent)
    search.reach_frac = max(ascent.reach_frac, LEAST_REACH_FRAC)
    return node


def _reached(search: Search, node: Node, ascent: Ascent) -> Node:
    """Return the node at the prices reached, after its commitments were tried."""
    lowest = max(node.lowest_usd_per_h, ascent.lowest_usd_per_h)
    node = replace(node, lowest_usd_per_h=lowest, shared=ascent.shared, parts=ascent.parts)
    _take_parts(search, node.parts)
    try_counts(search, np.array(node.box.low) + np.round(search.periods.mean(node.wanted)), node)
    return node


def _agree(search: Search, node: Node) -> bool:
    """Tell whether all periods want the same."""
    away = (node.wanted - search.periods.mean(node.wanted)[:, None]) * search.periods.present
    return not away.any()


def _take_parts(search: Search, parts: Sequence[Alone]) -> None:
    """Take the mix that commits to the most that any period wants."""
    search.take(of_periods(search.problem, search.periods.mix(parts), gap_frac=0.0))


def try_counts(search: Search, wanted: Sequence[float] | Array, seen: Node | None = None) -> None:
    """Take the cheapest mix with these commitments; give up once it is sure to be dearer than the best."""
    counts = tuple(map(float, wanted))
    if counts in search.tried or search.is_over():
        return
    search.tried.add(counts)
    box = Box(low=counts, high=counts)
    nothing = np.zeros((len(counts), len(search.problem.spans)))
    if seen is not None:
        beyond = np.array(counts) - np.array(seen.box.low)
        known = [part.lowest_usd - float(seen.shared[:, t] @ beyond) for t, part in enumerate(seen.parts)]
        lowest = search.periods.bound(
            box, nothing, known, enough=search.mix_usd_per_h, ends_at_s=search.ends_at_s
        )
        if lowest >= search.mix_usd_per_h:
            return
    parts = search.periods.solve(box, nothing, ends_at_s=search.ends_at_s)
    if parts is not None:
        _take_parts(search, parts)


def try_near(search: Search, root: Node) -> None:
    """Try one commitment more and one less of what any period wants, as long as that helps."""
    ways = search.periods.ways
    wanted = root.wanted.max(axis=1) > 0
    ends_at_s = time.monotonic() + NEAR_PART * search.left_s()
    known = np.inf
    while search.mix is not None and search.mix_usd_per_h < known:
        known = search.mix_usd_per_h
        counts = [float(search.mix.bought[way.kind][way.place]) for way in ways]
        for place in np.argsort(-search.periods.mean(root.wanted), kind="stable"):
            count = counts[place]
            for moved in (count + 1, count - 1):
                if moved < 0 or not (wanted[place] or count):
                    continue
                if search.is_over() or time.monotonic() > ends_at_s:
                    return
                try_counts(search, (*counts[:place], moved, *counts[place + 1 :]), root)


def _bought(mix: Mix) -> set[Place]:
    return {(k, place) for k, row in enumerate(mix.bought) for place, count in enumerate(row) if count}
