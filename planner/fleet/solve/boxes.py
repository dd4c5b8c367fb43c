"""Periods solved one by one, where commitments lie between given numbers.

Notes
-----
What is committed at least is there in every period and paid for; what may be committed besides has
a price in each period, l_pt, with sum_t l_pt the price of the commitment. The periods then no
longer depend on each other, and what they cost in all is a lower bound on every mix whose
commitments lie in the box (A. M. Geoffrion, "Lagrangean relaxation for integer programming",
Mathematical Programming Study 2, 1974). Where the box is a single point the bound is what the
cheapest mix with these commitments costs.
"""

import os
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from planner.fleet.programme.columns import Columns
from planner.fleet.programme.dominance import reduce
from planner.fleet.programme.layout import Way
from planner.fleet.programme.problem import Kind, Mix, PeriodMix, Priced, Problem
from planner.fleet.programme.solution import mix_of
from planner.fleet.solve.box import Alone, Box, Counts
from tonnage.errors import TonnageError

PERIOD_GAP_FRAC = 1e-3
"""Each period is solved to this part; its own proven bound counts."""

Array = NDArray[np.float64]
Left = list[dict[str, float]]
"""Of every stock, in each period."""


@dataclass
class Periods:
    """A problem whose periods only commitments tie together, and what is known of each period."""

    problem: Problem
    ways: tuple[Way, ...]
    _known: list[list[Alone]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._known = [[] for _ in self.problem.spans]

    @cached_property
    def present(self) -> NDArray[np.bool_]:
        """Whether a commitment is there, shape (commitments, periods)."""
        return np.array(
            [[t >= self._priced(way).since for t in range(len(self.problem.spans))] for way in self.ways]
        )

    @cached_property
    def prices(self) -> Array:
        """Price of each commitment on the mean over all time, that before it is there included [USD/h]."""
        times = self.present @ np.array([span.time_frac for span in self.problem.spans])
        return np.asarray(np.array([self._priced(way).usd_per_h for way in self.ways]) * times)

    def fair(self, shared: Array) -> Array:
        """Return shares of at least 0 that sum to the price of each commitment, none before it is there."""
        shares = np.maximum(shared, 0.0) * self.present
        total = shares.sum(axis=1)
        even = self.present * (self.prices / self.present.sum(axis=1))[:, None]
        factor = self.prices / np.where(total > 0, total, 1.0)
        return np.asarray(np.where(total[:, None] > 0, shares * factor[:, None], even))

    def mean(self, wanted: Array) -> Array:
        """Return how much is wanted of each commitment on the mean over the periods in which it is there."""
        return np.asarray((wanted * self.present).sum(axis=1) / self.present.sum(axis=1))

    def _priced(self, way: Way) -> Priced:
        return self.problem.kinds[way.kind].purchases[way.place]

    def solve(self, box: Box, shared: Array, *, ends_at_s: float) -> tuple[Alone, ...] | None:
        """Solve every period; None if one cannot be served, or time ran out.

        Parameters
        ----------
        shared : ndarray, shape (commitments, periods)
            Price of each commitment beyond the least, shared out to the periods. [USD/h]
        """
        stock = self._left(box)
        if stock is None:
            return None
        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            found = pool.map(
                lambda t: self._one(t, box, shared, stock, ends_at_s), range(len(self.problem.spans))
            )
            solved = tuple(part for part in found if part is not None)
        return solved if len(solved) == len(self.problem.spans) else None

    def bound(
        self,
        box: Box,
        shared: Array,
        known: Sequence[float],
        *,
        enough: float,
        ends_at_s: float,
    ) -> float:
        """Return a lower bound on the cost of a box, found by solving periods only until it is enough.

        Parameters
        ----------
        known : sequence of float
            What each period costs at least. [USD/h]
        enough : float
            A bound from here on need not be any better. [USD/h]
        """
        lowest = list(known)
        stock = self._left(box)
        if stock is None:
            return np.inf
        order = np.argsort(-np.array(known), kind="stable")
        at_once = os.cpu_count() or 1
        with ThreadPoolExecutor(at_once) as pool:
            for first in range(0, len(order), at_once):
                some = [int(t) for t in order[first : first + at_once]]
                for t, new in zip(
                    some, pool.map(lambda t: self._one(t, box, shared, stock, ends_at_s), some), strict=True
                ):
                    if new is None and time.monotonic() < ends_at_s:
                        return np.inf
                    if new is not None:
                        lowest[t] = max(lowest[t], new.lowest_usd)
                if self.cost(box) + sum(lowest) >= enough or time.monotonic() >= ends_at_s:
                    break
        return self.cost(box) + sum(lowest)

    def cuts(self, t: int, box: Box) -> Iterator[tuple[Array, float]]:
        """Yield what is known of a period: commitments beyond the least, and what the rest costs [USD/h].

        With more than was wanted the rest costs no more, so what wanted fewer than the least holds too.
        """
        low, high = np.array(box.low), np.array(box.high)
        for each in self._known[t]:
            wanted = np.array(each.wanted)
            counts = np.array(each.box.low) + wanted
            if (counts <= high).all():
                yield np.maximum(counts - low, 0.0), each.lowest_usd - float(np.array(each.usd) @ wanted)

    def _one(self, t: int, box: Box, shared: Array, stock: Left, ends_at_s: float) -> Alone | None:
        usd = tuple(map(float, shared[:, t]))
        known = self._still(t, box, usd)
        if known is None:
            known = self._alone(t, box, usd, stock, ends_at_s)
            if known is not None:
                self._known[t].append(known)
        return known

    def _still(self, t: int, box: Box, usd: Counts) -> Alone | None:
        return next((each for each in reversed(self._known[t]) if each.holds_for(box, usd)), None)

    def cost(self, box: Box) -> float:
        """Return what the least commitments of a box cost [USD/h]."""
        return float(self.prices @ np.array(box.low))

    def mix(self, parts: Sequence[Alone]) -> tuple[PeriodMix, ...]:
        """Return the periods with the most commitments of any of them in all of them."""
        most = np.array([max(part.part.bought[w.kind][w.place] for part in parts) for w in self.ways])
        return tuple(
            self._committed(part.part, [int(n) for n in most * self.present[:, t]])
            for t, part in enumerate(parts)
        )

    def _committed(self, part: PeriodMix, counts: Sequence[int]) -> PeriodMix:
        bought = [list(row) for row in part.bought]
        for way, count in zip(self.ways, counts, strict=True):
            bought[way.kind][way.place] = count
        return replace(part, bought=tuple(map(tuple, bought)))

    def _left(self, box: Box) -> Left | None:
        """Return what is left of every stock in each period; None if commitments take more than there is."""
        low = np.array(box.low)[:, None] * self.present
        left = {
            name: stock - np.array([self._priced(way).use_of(name) for way in self.ways]) @ low
            for name, stock in self.problem.stock.items()
        }
        if any(rest.min() < -1e-9 for rest in left.values()):
            return None
        return [
            {name: max(float(rest[t]), 0.0) for name, rest in left.items()}
            for t in range(len(self.problem.spans))
        ]

    def _alone(self, t: int, box: Box, usd: Counts, stock: Left, ends_at_s: float) -> Alone | None:
        if time.monotonic() >= ends_at_s:
            return None
        posed, back = self._posed(t, box, usd, dict(stock[t]))
        smaller = reduce(posed)
        columns = Columns(smaller.problem)
        limit_s = max(0.5, ends_at_s - time.monotonic())
        try:
            solved = columns.programme.solve(columns.cost, gap_frac=PERIOD_GAP_FRAC, time_limit_s=limit_s)
        except TonnageError:  # time ran out
            return None
        if solved is None:
            return None
        part = _gathered(self.problem, smaller.expand(mix_of(columns, solved)), back)
        wanted = tuple(
            max(0.0, part.bought[way.kind][way.place] - low)
            for way, low in zip(self.ways, box.low, strict=True)
        )
        value = float(columns.cost @ solved.values) * (1 - solved.gap_frac)
        return Alone(
            box=box,
            usd=usd,
            lowest_usd=value * self.problem.spans[t].time_frac,
            part=part,
            wanted=wanted,
        )

    def _posed(
        self, t: int, box: Box, usd: Counts, stock: dict[str, float]
    ) -> tuple[Problem, list[list[int]]]:
        """Return one period as a problem, and for each of its purchases that of the problem given."""
        span = self.problem.spans[t]
        place_of = {(way.kind, way.place): i for i, way in enumerate(self.ways)}
        kinds: list[Kind] = []
        back: list[list[int]] = []
        for k, kind in enumerate(self.problem.kinds):
            bought: list[tuple[int, Priced]] = []
            for p, priced in enumerate(kind.purchases):
                i = place_of.get((k, p))
                if i is None:
                    bought.append((p, priced))
                    continue
                if not self.present[i, t]:
                    continue
                low, high = box.low[i], box.high[i]
                if low:
                    bought.append((p, _there(priced, f"there {i}")))
                    stock[f"there {i}"] = low
                if high > low:
                    more = replace(priced, usd_per_h=usd[i] / span.time_frac, committed=False)
                    if high < np.inf:
                        more = replace(more, draws=(*more.draws, (f"more {i}", 1.0)))
                        stock[f"more {i}"] = high - low
                    bought.append((p, more))
            back.append([p for p, _ in bought])
            kinds.append(replace(kind, purchases=tuple(priced for _, priced in bought)))
        period = replace(span, time_frac=1.0)
        return replace(self.problem, kinds=tuple(kinds), stock=stock, periods=(period,)), back


def _there(priced: Priced, name: str) -> Priced:
    """Return a commitment that is made already: it costs nothing more and there are only so many."""
    return replace(priced, usd_per_h=0.0, committed=False, pool=name, pool_use=1, draws=())


def _gathered(problem: Problem, mix: Mix, back: list[list[int]]) -> PeriodMix:
    """Return the only period of a mix with the purchases of the problem given."""
    part = mix.by_period[0]
    bought = []
    for kind, places, counts in zip(problem.kinds, back, part.bought, strict=True):
        row = [0] * len(kind.purchases)
        for place, count in zip(places, counts, strict=True):
            row[place] += count
        bought.append(tuple(row))
    return replace(part, bought=tuple(bought))
