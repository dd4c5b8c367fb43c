"""The programme of a buying problem: which column is which purchase, share or switch."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from planner.fleet.problem import Kind, Mix, Problem, cost_usd_per_h, load_units
from planner.fleet.programme import Programme, Solved, Vector

SHARE_NOISE = 1e-7
"""Smaller shares are the solver's rounding."""
LOAD_NOISE = 1e-6
"""Overload of a unit that the solver's feasibility tolerance lets through."""


class Columns:
    """A problem as a programme, and its solution back as a mix.

    Columns stand in this order: purchases, shares of kinds, shares of offers,
    one switch per kind and offer, and the served part of the load.

    Parameters
    ----------
    problem : Problem
        What is to be solved.
    partial : bool
        Let a part of the load go unserved, the same part of every class.
    switched : bool
        Add the switches that say whether a kind or offer is used at all.
    """

    def __init__(self, problem: Problem, *, partial: bool = False, switched: bool = False) -> None:
        self.problem = problem
        self._switched = switched or problem.spare_units > 0
        self._purchases = [(k, p) for k, kind in enumerate(problem.kinds) for p in range(len(kind.purchases))]
        self._routes = [
            (k, j) for k, kind in enumerate(problem.kinds) for j, c in enumerate(kind.capacity) if c
        ]
        self._metered = [
            (o, j)
            for o, offer in enumerate(problem.offers)
            for j, p in enumerate(offer.usd_per_h)
            if p is not None
        ]
        n_owners = len(problem.kinds) + len(problem.offers)
        sizes = [len(self._purchases), len(self._routes), len(self._metered)]
        sizes += [n_owners if self._switched else 0, int(partial)]
        self._starts = [int(start) for start in np.cumsum([0, *sizes])]
        self.programme = Programme(self._starts[-1])
        self._bound_columns()
        self._add_demand()
        self._add_load()
        self._add_switches()
        self._add_stock()

    @property
    def cost(self) -> Vector:
        """Objective: USD per hour."""
        cost = self.programme.row()
        for column, (k, p) in enumerate(self._purchases):
            cost[column] = self.problem.kinds[k].purchases[p].usd_per_h
        for column, (o, j) in enumerate(self._metered, start=self._starts[2]):
            cost[column] = self.problem.offers[o].usd_per_h[j]
        return cost

    @property
    def used(self) -> Vector:
        """Objective: number of kinds and offers that take part."""
        return self._block(3)

    @property
    def served(self) -> Vector:
        """Objective: part of the load that is served."""
        return self._block(4)

    def _block(self, block: int) -> Vector:
        row = self.programme.row()
        row[self._starts[block] : self._starts[block + 1]] = 1.0
        return row

    def _shares(self) -> Iterator[tuple[int, int, int]]:
        """Column, owner (kinds first, then offers) and class of every share."""
        for column, (k, j) in enumerate(self._routes, start=self._starts[1]):
            yield column, k, j
        for column, (o, j) in enumerate(self._metered, start=self._starts[2]):
            yield column, len(self.problem.kinds) + o, j

    def _bound_columns(self) -> None:
        _, routes, _, switches, served, _ = self._starts
        self.programme.upper[switches:] = 1.0  # demand rows bound shares; bounds would blur its duals
        self.programme.integral[:routes] = True
        self.programme.integral[switches:served] = True
        if self.problem.whole_classes:
            self.programme.integral[routes:switches] = True

    def _add_demand(self) -> None:
        rows = [-self.served for _ in self.problem.rates]
        for column, _, j in self._shares():
            rows[j][column] = 1.0
        everything = 0.0 if self.served.any() else 1.0
        for row in rows:
            self.programme.add(row, lower=everything, upper=everything)

    def _add_load(self) -> None:
        rows = [self.programme.row() for _ in self.problem.kinds]
        for column, (k, p) in enumerate(self._purchases):
            rows[k][column] = -self.problem.kinds[k].purchases[p].units
        for column, (k, j) in enumerate(self._routes, start=self._starts[1]):
            rows[k][column] = self.problem.rates[j] / self.problem.kinds[k].capacity[j]
        for k, row in enumerate(rows):
            if self._switched:
                row[self._starts[3] + k] = self.problem.spare_units
            self.programme.add(row, upper=0.0)

    def _add_switches(self) -> None:
        if not self._switched:
            return
        for column, owner, _ in self._shares():
            row = self.programme.row()
            row[column], row[self._starts[3] + owner] = 1.0, -1.0
            self.programme.add(row, upper=0.0)

    def _add_stock(self) -> None:
        for pool, stock in self.problem.stock.items():
            row = self.programme.row()
            for column, (k, p) in enumerate(self._purchases):
                way = self.problem.kinds[k].purchases[p]
                row[column] = way.pool_use if way.pool == pool else 0
            self.programme.add(row, upper=float(stock))

    def mix(self, solved: Solved) -> Mix:
        """Return the solution as a mix: whole counts, shares without solver noise."""
        problem, values = self.problem, solved.values
        shares = np.zeros((len(problem.kinds) + len(problem.offers), len(problem.rates)))
        for column, owner, j in self._shares():
            shares[owner, j] = values[column] if values[column] > SHARE_NOISE else 0.0
        served_frac = float(self.served @ values) if self.served.any() else 1.0
        shares *= served_frac / np.maximum(shares.sum(axis=0), SHARE_NOISE)
        rows = [tuple(map(float, row)) for row in shares]
        counts = iter(values[: self._starts[1]])
        bought = [[round(next(counts)) for _ in kind.purchases] for kind in problem.kinds]
        mix = Mix(
            usd_per_h=0.0,
            bought=tuple(
                _without_surplus(problem, kind, row, counts)
                for kind, row, counts in zip(problem.kinds, rows, bought, strict=False)
            ),
            shares=tuple(rows[: len(problem.kinds)]),
            offer_shares=tuple(rows[len(problem.kinds) :]),
            served_frac=served_frac,
            gap_frac=solved.gap_frac,
        )
        return replace(mix, usd_per_h=cost_usd_per_h(problem, mix))


def _without_surplus(
    problem: Problem, kind: Kind, shares: tuple[float, ...], counts: list[int]
) -> tuple[int, ...]:
    """Return the purchases less those that cost nothing and serve nothing."""
    busy = load_units(problem, shares, kind)
    needed = busy + problem.spare_units - LOAD_NOISE if busy > 0 else 0.0
    counts = list(counts)
    held = sum(way.units * count for way, count in zip(kind.purchases, counts, strict=True))
    for p in sorted(range(len(counts)), key=lambda p: -kind.purchases[p].usd_per_h):
        surplus = min(counts[p], int((held - needed) // kind.purchases[p].units))
        counts[p] -= max(0, surplus)
        held -= kind.purchases[p].units * max(0, surplus)
    return tuple(counts)
