"""What can never be part of a cheapest mix: purchases that others replace at no higher cost."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from planner.fleet.problem import Kind, Metered, Mix, Priced, Problem

ROUNDING = 1e-9
NEVER = 1e12
"""More purchases than this are no replacement."""
PIVOTS = 24
"""Columns of the best value that are compared with all others before the rest is compared pairwise."""

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class _Columns:
    """One purchase per row, as arrays."""

    kind: NDArray[np.int64]
    way: NDArray[np.int64]
    capacity: Array
    units: Array
    usd_per_h: Array
    pool: NDArray[np.int64]
    pool_use: Array

    def take(self, rows: NDArray[np.int64]) -> "_Columns":
        return _Columns(*(getattr(self, name)[rows] for name in self.__slots__))


@dataclass(frozen=True, slots=True, kw_only=True)
class Reduction:
    """A smaller problem with the same optimum, and the way back.

    Attributes
    ----------
    problem : Problem
        Kinds and offers that are left, each kind with the purchases that are left.
    ways : tuple of (int, tuple of int)
        Per kind left: its place in the problem given, and those of its purchases.
    offers : tuple of int
        Places of the offers that are left.
    """

    given: Problem
    problem: Problem
    ways: tuple[tuple[int, tuple[int, ...]], ...]
    offers: tuple[int, ...]

    @property
    def dropped(self) -> tuple[int, ...]:
        """Places of the kinds that are dominated."""
        left = {kind for kind, _ in self.ways}
        return tuple(kind for kind in range(len(self.given.kinds)) if kind not in left)

    def expand(self, mix: Mix) -> Mix:
        """Return a mix of the smaller problem as one of the problem given."""
        n_classes = len(self.given.rates)
        bought = [[0] * len(kind.purchases) for kind in self.given.kinds]
        shares = [(0.0,) * n_classes] * len(self.given.kinds)
        offer_shares = [(0.0,) * n_classes] * len(self.given.offers)
        for place, (kind, ways) in enumerate(self.ways):
            shares[kind] = mix.shares[place]
            for way, count in zip(ways, mix.bought[place], strict=True):
                bought[kind][way] = count
        for place, offer in enumerate(self.offers):
            offer_shares[offer] = mix.offer_shares[place]
        return replace(
            mix, bought=tuple(map(tuple, bought)), shares=tuple(shares), offer_shares=tuple(offer_shares)
        )


def reduce(problem: Problem, *, trusted: Sequence[bool] | None = None) -> Reduction:
    """Drop purchases and offers that others replace at no higher cost.

    Parameters
    ----------
    problem : Problem
        May hold kinds whose capacity is only bounded from above.
    trusted : sequence of bool, optional
        Per kind: its capacity is known, so it may replace others; all by default.

    Notes
    -----
    i replaces j if k purchases of i bring at least what one of j does, cost no
    more, and draw no more from stock: with rho = max over the classes of
    c_j / c_i, k = ceil(rho units_j / units_i). Where spares are asked for, k
    purchases of i must not bring fewer units either, so rho is at least 1.
    Offers have no limits: the cheapest one of each class is enough, and units
    that cost more than it charges for all they could carry are not worth it.
    """
    columns = _columns(problem)
    may_replace = np.ones(len(columns.kind), dtype=bool)
    if trusted is not None:
        may_replace = np.array(trusted, dtype=bool)[columns.kind]
    left = _undominated(columns, may_replace, spares=problem.spare_units > 0)
    left = left[columns.usd_per_h[left] < _worth(problem, columns)[left]]
    ways: dict[int, list[int]] = {}
    for row in left:
        ways.setdefault(int(columns.kind[row]), []).append(int(columns.way[row]))
    kept = tuple((kind, tuple(sorted(ways[kind]))) for kind in sorted(ways))
    offers = _cheapest_offers(problem.offers)
    smaller = replace(
        problem,
        kinds=tuple(_only(problem.kinds[kind], chosen) for kind, chosen in kept),
        offers=tuple(problem.offers[offer] for offer in offers),
    )
    return Reduction(given=problem, problem=smaller, ways=kept, offers=offers)


def _only(kind: Kind, ways: tuple[int, ...]) -> Kind:
    return replace(kind, purchases=tuple(kind.purchases[way] for way in ways))


def _columns(problem: Problem) -> _Columns:
    pools = {pool: number for number, pool in enumerate(problem.stock)}
    rows: list[tuple[int, int, Priced]] = [
        (k, w, priced)
        for k, kind in enumerate(problem.kinds)
        if any(kind.capacity)
        for w, priced in enumerate(kind.purchases)
    ]
    return _Columns(
        kind=np.array([k for k, _, _ in rows], dtype=np.int64),
        way=np.array([w for _, w, _ in rows], dtype=np.int64),
        capacity=np.array([problem.kinds[k].capacity for k, _, _ in rows]).reshape(
            len(rows), len(problem.rates)
        ),
        units=np.array([float(priced.units) for _, _, priced in rows]),
        usd_per_h=np.array([priced.usd_per_h for _, _, priced in rows]),
        pool=np.array(
            [-1 if priced.pool is None else pools[priced.pool] for _, _, priced in rows], dtype=np.int64
        ),
        pool_use=np.array([float(priced.pool_use) for _, _, priced in rows]),
    )


def _worth(problem: Problem, columns: _Columns) -> Array:
    """Return what offers would charge for the most that one purchase can carry [USD/h]."""
    charged = [[price for price in prices if price is not None] for prices in _by_class(problem)]
    per_rate = [min(prices, default=np.inf) / r for prices, r in zip(charged, problem.rates, strict=True)]
    with np.errstate(invalid="ignore"):
        worth = np.where(columns.capacity > 0, columns.capacity * np.array(per_rate), 0.0)
    most: Array = columns.units * worth.max(axis=1, initial=0.0)
    return most


def _by_class(problem: Problem) -> list[tuple[float | None, ...]]:
    """Prices of the offers, class by class."""
    return [tuple(offer.usd_per_h[j] for offer in problem.offers) for j in range(len(problem.rates))]


def _undominated(columns: _Columns, may_replace: NDArray[np.bool_], *, spares: bool) -> NDArray[np.int64]:
    """Return the rows that no other row replaces, one of each set of equals."""
    carried = np.minimum((columns.capacity * columns.units[:, None]).sum(axis=1), NEVER)
    order = np.lexsort((columns.pool_use, -carried, columns.usd_per_h))
    eligible = may_replace & (columns.pool < 0)
    value = np.where(eligible, columns.usd_per_h, np.inf) / np.maximum(carried, ROUNDING)
    best = np.argsort(value[order], kind="stable")[:PIVOTS]
    ordered = columns.take(order)
    best = best[may_replace[order[best]]]
    earlier = best[:, None] < np.arange(len(order))
    beaten = (_replaces(ordered.take(best), ordered, spares=spares) & earlier).any(axis=0)
    left: list[int] = []
    dominators: list[int] = []
    for row in np.flatnonzero(~beaten):
        one = ordered.take(np.array([row]))
        if not _replaces(ordered.take(np.array(dominators, dtype=np.int64)), one, spares=spares).any():
            left.append(int(row))
            if may_replace[order[row]]:
                dominators.append(int(row))
    return order[np.array(left, dtype=np.int64)]


def _replaces(some: _Columns, others: _Columns, *, spares: bool) -> NDArray[np.bool_]:
    """Return, shape (n_some, n_others), which of `some` replaces which of `others`."""
    wanted = others.capacity[None, :, :]
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(wanted == 0, 0.0, wanted / some.capacity[:, None, :])
    rho = np.minimum(ratio, NEVER).max(axis=2, initial=1.0 if spares else 0.0)
    times = np.maximum(1.0, np.ceil(rho * others.units / some.units[:, None] - ROUNDING))
    cheap = times * some.usd_per_h[:, None] <= others.usd_per_h * (1 + ROUNDING)
    unlimited = some.pool[:, None] < 0
    same_stock = (some.pool[:, None] == others.pool) & (times * some.pool_use[:, None] <= others.pool_use)
    replaced: NDArray[np.bool_] = (rho < NEVER) & cheap & (unlimited | same_stock)
    return replaced


def _cheapest_offers(offers: tuple[Metered, ...]) -> tuple[int, ...]:
    chosen = set()
    for prices in zip(*(offer.usd_per_h for offer in offers), strict=True):
        known = [(price, place) for place, price in enumerate(prices) if price is not None]
        if known:
            chosen.add(min(known)[1])
    return tuple(sorted(chosen))
