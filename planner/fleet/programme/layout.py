"""Where the columns of a buying problem stand in its programme."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from planner.fleet.programme.problem import Priced, Problem

Places = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Way:
    """One way to buy units of one kind, with its column in each period."""

    kind: int
    place: int
    columns: Places
    """Per period; the same one in all periods where it is committed, another while it is not there yet."""
    per_domain: Places
    """Columns of the units in the fullest failure domain; empty where none may fail."""


@dataclass(frozen=True, slots=True)
class Share:
    """The part of a class that a kind, or an offer, serves, with its column in each period."""

    owner: int
    """Kinds first, then offers."""
    klass: int
    columns: Places


class Layout:
    """Columns in this order: purchases, fullest domains, shares, spares, switches, the served part, chains.

    Parameters
    ----------
    problem : Problem
        What is to be solved.
    partial : bool
        Add the served part of the load.
    counted : bool
        Add one switch per kind and offer that says whether it is used at all.
    """

    def __init__(self, problem: Problem, *, partial: bool, counted: bool) -> None:
        self.size = 0
        self.absent: list[int] = []
        """Columns that stand for commitments before they are there."""
        self.n_periods = len(problem.spans)
        self.ways = tuple(self._ways(problem))
        self.first_share = self.size
        self.shares = tuple(self._shares(problem))
        self.first_switch = self.size
        self.spares = self._grid(len(problem.kinds) if problem.spare_units else 0)
        self.used = self._take(len(problem.kinds) + len(problem.offers) if counted else 0)
        self.served = self._take(int(partial))
        self.chains = self._grid(len(problem.tasks.chains))

    def _take(self, count: int) -> Places:
        columns = np.arange(self.size, self.size + count)
        self.size += count
        return columns

    def _grid(self, count: int) -> Places:
        """Take one column per row and period."""
        return self._take(count * self.n_periods).reshape(count, self.n_periods)

    def _ways(self, problem: Problem) -> Iterator[Way]:
        counted_by_domain = problem.spare_domains > 0
        for k, kind in enumerate(problem.kinds):
            for p, priced in enumerate(kind.purchases):
                columns = self._in_periods(priced)
                fullest = self._in_periods(priced) if counted_by_domain else columns[:0]
                yield Way(k, p, columns, fullest)

    def _in_periods(self, priced: Priced) -> Places:
        if not priced.committed:
            return self._take(self.n_periods)
        places = np.repeat(self._take(1), self.n_periods)
        if priced.since:
            places[: priced.since] = self._take(1)
            self.absent.append(int(places[0]))
        return places

    def _shares(self, problem: Problem) -> Iterator[Share]:
        for k, kind in enumerate(problem.kinds):
            for j, capacity in enumerate(kind.capacity):
                if capacity:
                    yield Share(k, j, self._take(self.n_periods))
        for o, offer in enumerate(problem.offers):
            for j, price in enumerate(offer.usd_per_h):
                if price is not None:
                    yield Share(len(problem.kinds) + o, j, self._take(self.n_periods))
