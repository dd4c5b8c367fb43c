"""The column values of a solved programme as a mix: whole counts, shares without solver noise."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from planner.fleet.programme.chain_rows import chain_parts, owners_of, tries_asked
from planner.fleet.programme.columns import Columns
from planner.fleet.programme.milp import Solved
from planner.fleet.programme.problem import (
    Kind,
    Mix,
    Period,
    PeriodMix,
    Priced,
    Problem,
    cost_usd_per_h,
    load_units,
    serving,
)

SHARE_NOISE = 1e-7
"""Smaller shares are the solver's rounding."""
LOAD_NOISE = 1e-6
"""Overload of a unit that the solver's feasibility tolerance lets through."""

Array = NDArray[np.float64]


def mix_of(columns: Columns, solved: Solved) -> Mix:
    """Return the solution as a mix."""
    problem, layout = columns.problem, columns.layout
    served = float(columns.served @ solved.values) if len(layout.served) else 1.0
    chains = [chain_parts(problem, layout, solved.values, t, served) for t in range(layout.n_periods)]
    shares = [_shares(columns, solved, t, served, chains[t]) for t in range(layout.n_periods)]
    counts = [_counts(columns, solved, t) for t in range(layout.n_periods)]
    bought = _without_surplus(problem, shares, counts)
    n_kinds = len(problem.kinds)
    periods = tuple(
        PeriodMix(
            bought=tuple(tuple(row) for row in rows),
            shares=tuple(tuple(map(float, row)) for row in parts[:n_kinds]),
            offer_shares=tuple(tuple(map(float, row)) for row in parts[n_kinds:]),
            chains=tuple(map(float, taken)),
        )
        for rows, parts, taken in zip(bought, shares, chains, strict=True)
    )
    return of_periods(problem, periods, served_frac=served, gap_frac=solved.gap_frac)


def of_periods(
    problem: Problem, periods: tuple[PeriodMix, ...], *, served_frac: float = 1.0, gap_frac: float
) -> Mix:
    """Return the mix of what is bought and served in each period, with its cost."""
    weights = np.array([[p.time_frac * scale for scale in p.scale] for p in problem.spans])
    weights = weights / np.maximum(weights.sum(axis=0), SHARE_NOISE)
    mix = Mix(
        usd_per_h=0.0,
        bought=tuple(
            tuple(max(counts) for counts in zip(*rows, strict=True))
            for rows in zip(*(part.bought for part in periods), strict=True)
        ),
        shares=_mean([part.shares for part in periods], weights),
        offer_shares=_mean([part.offer_shares for part in periods], weights),
        by_period=periods,
        served_frac=served_frac,
        gap_frac=gap_frac,
        chains=_mean_chains(problem, [part.chains for part in periods], weights),
    )
    return replace(mix, usd_per_h=cost_usd_per_h(problem, mix))


def _mean(rows: list[tuple[tuple[float, ...], ...]], weights: Array) -> tuple[tuple[float, ...], ...]:
    """Mean over the requests of all periods; exactly the only one where there is one."""
    if len(rows) == 1:
        return rows[0]
    if not rows[0]:
        return ()
    mean = (np.array(rows) * weights[:, None, :]).sum(axis=0)
    return tuple(tuple(map(float, row)) for row in mean)


def _mean_chains(problem: Problem, rows: list[tuple[float, ...]], weights: Array) -> tuple[float, ...]:
    """Mean over the tasks of all periods."""
    return tuple(
        sum(float(weights[t, chain.klass]) * row[place] for t, row in enumerate(rows))
        if len(rows) > 1
        else rows[0][place]
        for place, chain in enumerate(problem.tasks.chains)
    )


def _shares(columns: Columns, solved: Solved, t: int, served: float, chains: Array) -> Array:
    problem = columns.problem
    shares = np.zeros((len(problem.kinds) + len(problem.offers), len(problem.rates)))
    for share in columns.layout.shares:
        value = solved.values[share.columns[t]]
        shares[share.owner, share.klass] = value if value > SHARE_NOISE else 0.0
    serves = np.array([*serving(problem), *(True for _ in problem.offers)], dtype=bool)
    whole: Array = shares * (served / np.maximum(shares[serves].sum(axis=0), SHARE_NOISE))
    for klass in problem.tasks.classes:
        whole[:, klass] = _tries(problem, klass, shares[:, klass], chains)
    return whole


def _tries(problem: Problem, klass: int, shares: Array, chains: Array) -> Array:
    """Scale the shares of each solver of a class to the tries that are asked of it."""
    wanted = tries_asked(problem, klass, chains)
    owners = list(owners_of(problem, klass))
    made: dict[str, float] = {}
    for place, solver in owners:
        made[solver] = made.get(solver, 0.0) + float(shares[place])
    return np.array(
        [
            shares[place] * wanted.get(solver, 0.0) / made[solver] if made[solver] > SHARE_NOISE else 0.0
            for place, solver in owners
        ]
    )


def _counts(columns: Columns, solved: Solved, t: int) -> list[list[int]]:
    counts = [[0] * len(kind.purchases) for kind in columns.problem.kinds]
    for way in columns.layout.ways:
        counts[way.kind][way.place] = round(solved.values[way.columns[t]])
    return counts


def _without_surplus(
    problem: Problem, shares: list[Array], counts: list[list[list[int]]]
) -> list[list[list[int]]]:
    """Return the counts, per period and kind, less those that cost nothing and serve nothing."""
    for k, kind in enumerate(problem.kinds):
        needed = [
            _needed(problem, kind, tuple(map(float, part[k])), period)
            for part, period in zip(shares, problem.spans, strict=True)
        ]
        rows = [period[k] for period in counts]
        for p in sorted(range(len(kind.purchases)), key=lambda p: -kind.purchases[p].usd_per_h):
            if kind.purchases[p].committed:
                there = slice(kind.purchases[p].since, None)
                surplus = min(
                    _surplus(problem, kind, row, p, need)
                    for row, need in zip(rows[there], needed[there], strict=True)
                )
                for row in rows[there]:
                    row[p] -= surplus
            else:
                for row, need in zip(rows, needed, strict=True):
                    row[p] -= _surplus(problem, kind, row, p, need)
    return counts


def _needed(problem: Problem, kind: Kind, shares: tuple[float, ...], period: Period) -> float:
    busy = load_units(problem, shares, kind, period)
    return busy + problem.spare_units - LOAD_NOISE if busy > 0 else 0.0


def _surplus(problem: Problem, kind: Kind, counts: list[int], p: int, needed: float) -> int:
    """Return how many purchases can go so that what remains still counts for what is needed."""
    way, others = kind.purchases[p], list(counts)
    others[p] = 0
    left = needed - sum(
        held(problem, other, count) for other, count in zip(kind.purchases, others, strict=True)
    )
    keep = counts[p]
    if left <= 0:
        return keep
    if not problem.spare_domains:
        return max(0, keep - int(np.ceil(left / way.usable)))
    while keep and held(problem, way, keep - 1) >= left:
        keep -= 1
    return counts[p] - keep


def held(problem: Problem, way: Priced, count: int) -> float:
    """Return the units of so many purchases that can be counted on after failures."""
    fullest = -(-count // problem.domains) if problem.spare_domains else 0
    return way.usable * (count - problem.spare_domains * fullest)
