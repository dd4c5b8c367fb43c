"""What can never be part of a cheapest mix: purchases that others replace at no higher cost."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from planner.fleet.programme.by_skill import by_skill
from planner.fleet.programme.problem import Kind, Metered, Priced, Problem
from planner.fleet.programme.reduction import Reduction
from planner.role import Role

ROUNDING = 1e-9
NEVER = 1e12
"""More purchases than this are no replacement."""
PIVOTS = 24
"""Columns of the best value that are compared with all others before the rest is compared pairwise."""
BLOCK = 128
"""Columns that are compared with all others at once."""

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class _Columns:
    """One purchase per row, as arrays."""

    kind: NDArray[np.int64]
    way: NDArray[np.int64]
    capacity: Array
    served: Array
    """What serving the whole of each class costs besides."""
    units: Array
    """That can be counted on."""
    usd_per_h: Array
    committed: NDArray[np.bool_]
    since: NDArray[np.int64]
    draws: Array
    """Of every stock and limit, shape (n, limits)."""
    lane: NDArray[np.int64]
    """Of halves of a split service: equal for those of a lane and role; -1 for whole units."""
    rank: NDArray[np.int64]
    """Low is better: a prefill unit hands over to more units, a decode unit takes from more."""

    def take(self, rows: NDArray[np.int64]) -> "_Columns":
        return _Columns(*(getattr(self, name)[rows] for name in self.__slots__))


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
    more, and draw no more of any stock or limit: with rho = max over the classes
    of c_j / c_i, k = ceil(rho units_j / units_i). Where spares are asked for, k
    purchases of i must not bring fewer units either, so rho is at least 1. What
    is bought for all periods does not replace what is bought anew in each.
    Of offers without limits the cheapest one of each class is enough, and units
    that cost more than it charges for all they could carry are not worth it.
    A whole unit also replaces either half of a split service, as the other half then
    has less to do; a half replaces the same half of its lane where it can work with
    all the units that the other works with.
    Where requests are tries at tasks, all of this holds solver by solver.
    """
    given, problem = problem, by_skill(problem)
    columns = _columns(problem)
    may_replace = np.ones(len(columns.kind), dtype=bool)
    if trusted is not None:
        may_replace = np.array(trusted, dtype=bool)[columns.kind]
    least = 1.0 if problem.spare_units or problem.spare_domains else 0.0
    left = np.concatenate(
        [
            rows[_undominated(columns.take(rows), may_replace[rows], least=least)]
            for rows in _alike(given, columns)
        ]
        or [np.zeros(0, dtype=np.int64)]
    )
    split = np.flatnonzero(columns.lane >= 0)
    if len(split):
        left = np.concatenate([left, *_halves(columns, may_replace, left, split, least=least)])
    left = left[columns.usd_per_h[left] < _worth(problem, columns)[left]]
    ways: dict[int, list[int]] = {}
    for row in left:
        ways.setdefault(int(columns.kind[row]), []).append(int(columns.way[row]))
    kept = tuple((kind, tuple(sorted(ways[kind]))) for kind in sorted(ways))
    offers = _cheapest_offers(problem.offers)
    smaller = replace(
        given,
        kinds=tuple(_only(given.kinds[kind], chosen) for kind, chosen in kept),
        offers=tuple(given.offers[offer] for offer in offers),
    )
    return Reduction(given=given, problem=smaller, ways=kept, offers=offers)


def _halves(
    columns: _Columns,
    may_replace: NDArray[np.bool_],
    whole: NDArray[np.int64],
    split: NDArray[np.int64],
    *,
    least: float,
) -> Iterator[NDArray[np.int64]]:
    """Yield the rows of halves that neither whole units replace nor the same halves of their lane."""
    strong = columns.take(whole[may_replace[whole]])
    parts = np.split(split, range(BLOCK, len(split), BLOCK))
    left = np.concatenate(
        [part[~_replaces(strong, columns.take(part), least=least).any(axis=0)] for part in parts]
    )
    left = left[np.argsort(columns.lane[left], kind="stable")]
    for rows in np.split(left, 1 + np.flatnonzero(np.diff(columns.lane[left]))):
        alone = len(rows) < 2 or not may_replace[rows].any()
        yield rows if alone else rows[_undominated(columns.take(rows), may_replace[rows], least=least)]


def _alike(problem: Problem, columns: _Columns) -> list[NDArray[np.int64]]:
    """Return the rows of whole kinds that are the same solvers: others cannot replace them."""
    whole = np.flatnonzero(columns.lane < 0)
    if not problem.tasks.classes:
        return [whole]
    groups: dict[tuple[str, ...], list[int]] = {}
    for row, kind in zip(whole, columns.kind[whole], strict=True):
        groups.setdefault(problem.kinds[kind].skill.solver, []).append(int(row))
    return [np.array(rows) for rows in groups.values()]


def _only(kind: Kind, ways: tuple[int, ...]) -> Kind:
    return replace(kind, purchases=tuple(kind.purchases[way] for way in ways))


def _columns(problem: Problem) -> _Columns:
    limits = (*problem.stock, *problem.mean_stock)
    flat = len(problem.spans) == 1
    able = [place for place, kind in enumerate(problem.kinds) if any(kind.capacity)]
    kinds = [problem.kinds[place] for place in able]
    ways = [len(kind.purchases) for kind in kinds]
    priced = [way for kind in kinds for way in kind.purchases]
    shape = (len(kinds), len(problem.rates))
    each = np.repeat(np.arange(len(kinds)), ways)
    lanes: dict[tuple[str, Role], int] = {}
    split = any(kind.role is not Role.WHOLE for kind in kinds)
    none = np.zeros(len(each), dtype=np.int64)
    told = (
        figure
        for way in priced
        for figure in (way.units * way.available_frac, way.usd_per_h, way.committed, way.since)
    )
    units, usd_per_h, committed, since = np.fromiter(told, float, 4 * len(priced)).reshape(-1, 4).T
    return _Columns(
        kind=np.array(able, dtype=np.int64)[each],
        way=np.array([place for count in ways for place in range(count)], dtype=np.int64),
        capacity=_by_class((kind.capacity for kind in kinds), shape)[each],
        served=_served(kinds, shape)[each],
        units=units,
        usd_per_h=usd_per_h,
        committed=(committed > 0) & (not flat),
        since=since.astype(np.int64),
        draws=(
            np.array([_draws(way, limits) for way in priced], dtype=float).reshape(len(priced), len(limits))
            if limits
            else np.zeros((len(priced), 0))
        ),
        lane=np.array([_lane(kind, lanes) for kind in kinds], dtype=np.int64)[each] if split else none - 1,
        rank=np.array([_rank(kind) for kind in kinds], dtype=np.int64)[each] if split else none,
    )


def _by_class(rows: Iterable[Sequence[float]], shape: tuple[int, int]) -> Array:
    return np.fromiter(chain.from_iterable(rows), float, shape[0] * shape[1]).reshape(shape)


def _served(kinds: Sequence[Kind], shape: tuple[int, int]) -> Array:
    if not any(kind.served_usd_per_h for kind in kinds):
        return np.zeros(shape)
    nothing = (0.0,) * shape[1]
    return _by_class((kind.served_usd_per_h or nothing for kind in kinds), shape)


def _lane(kind: Kind, lanes: dict[tuple[str, Role], int]) -> int:
    return -1 if kind.role is Role.WHOLE else lanes.setdefault((kind.lane, kind.role), len(lanes))


def _rank(kind: Kind) -> int:
    return -kind.rank if kind.role is Role.DECODE else kind.rank


def _draws(priced: Priced, limits: tuple[str, ...]) -> tuple[float, ...]:
    if priced.pool is None and not priced.draws:
        return (0.0,) * len(limits)
    return tuple(priced.use_of(limit) for limit in limits)


def _worth(problem: Problem, columns: _Columns) -> Array:
    """Return what offers would charge, less own costs, for the most that one purchase can carry [USD/h]."""
    free = [offer for offer in problem.offers if not offer.limits]
    charged = [
        min((price for offer in free if (price := offer.usd_per_h[j]) is not None), default=np.inf)
        for j in range(len(problem.rates))
    ]
    per_rate = (np.array(charged) - columns.served) / np.array(problem.rates)
    with np.errstate(invalid="ignore"):
        worth = np.where(columns.capacity > 0, columns.capacity * per_rate, 0.0)
    most: Array = columns.units * worth.max(axis=1, initial=0.0)
    return most


def _undominated(columns: _Columns, may_replace: NDArray[np.bool_], *, least: float) -> NDArray[np.int64]:
    """Return the rows that no earlier row replaces, in an order in which what replaces comes first.

    Replacing is transitive, so it does not matter whether what replaces is itself replaced.
    """
    some = columns.capacity.any(axis=0)
    columns = replace(columns, capacity=columns.capacity[:, some], served=columns.served[:, some])
    carried = np.minimum((columns.capacity * columns.units[:, None]).sum(axis=1), NEVER)
    drawn = columns.draws.sum(axis=1)
    order = np.lexsort((drawn, columns.committed, -carried, columns.usd_per_h))
    eligible = may_replace & (drawn == 0) & ~columns.committed
    value = np.where(eligible, columns.usd_per_h, np.inf) / np.maximum(carried, ROUNDING)
    best = np.argsort(value[order], kind="stable")[:PIVOTS]
    ordered = columns.take(order)
    best = best[may_replace[order[best]]]
    earlier = best[:, None] < np.arange(len(order))
    beaten = (_replaces(ordered.take(best), ordered, least=least) & earlier).any(axis=0)
    rest = np.flatnonzero(~beaten)
    strong = rest[may_replace[order[rest]]]
    stronger = ordered.take(strong)
    left = [
        part[~(_replaces(stronger, ordered.take(part), least=least) & (strong[:, None] < part)).any(axis=0)]
        for part in np.split(rest, range(BLOCK, len(rest), BLOCK))
    ]
    return order[np.concatenate(left)]


def _replaces(some: _Columns, others: _Columns, *, least: float) -> NDArray[np.bool_]:
    """Return, shape (n_some, n_others), which of `some` replaces which of `others`."""
    wanted = others.capacity[None, :, :]
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(wanted == 0, 0.0, wanted / some.capacity[:, None, :])
    rho = np.minimum(ratio, NEVER).max(axis=2, initial=least)
    times = np.maximum(1.0, np.ceil(rho * others.units / some.units[:, None] - ROUNDING))
    cheap = times * some.usd_per_h[:, None] <= others.usd_per_h * (1 + ROUNDING)
    dearer = (some.served[:, None, :] > others.served[None, :, :]) & (wanted > 0)
    replaced: NDArray[np.bool_] = (rho < NEVER) & cheap & ~dearer.any(axis=2)
    replaced &= ~some.committed[:, None] | (others.committed & (some.since[:, None] == others.since[None, :]))
    if (others.lane >= 0).any() or (some.lane >= 0).any():
        beside = (some.lane[:, None] == others.lane) & (some.rank[:, None] <= others.rank)
        replaced &= beside | (some.lane[:, None] < 0)
    for limit in range(some.draws.shape[1]):
        replaced &= times * some.draws[:, limit, None] <= others.draws[:, limit] * (1 + ROUNDING)
    return replaced


def _cheapest_offers(offers: tuple[Metered, ...]) -> tuple[int, ...]:
    """Return the cheapest offer without limits of each class, and those with limits that are cheaper."""
    chosen = set()
    for prices in zip(*(offer.usd_per_h for offer in offers), strict=True):
        known = [(price, place) for place, price in enumerate(prices) if price is not None]
        free = min((item for item in known if not offers[item[1]].limits), default=None)
        chosen |= {place for price, place in known if free is None or (price, place) <= free}
    return tuple(sorted(chosen))
