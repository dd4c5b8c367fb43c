"""Periods that commitments tie together, where one programme for all of them takes too long.

Notes
-----
The price of a commitment is shared out over the periods by what it is worth in each, at first as
the duals of the linear relaxation have it, then moved towards where periods disagree. The periods
solved at these prices (`boxes`) bound the cost from below. Where that bound stays below the best mix
known, commitments are what is branched on (`branching`), until the periods agree.
"""

import time
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from planner.fleet.programme.columns import Columns
from planner.fleet.programme.layout import Way
from planner.fleet.programme.problem import Mix, Problem
from planner.fleet.programme.reduction import Reduction
from planner.fleet.programme.solution import mix_of
from planner.fleet.programme.tight import tighten
from planner.fleet.solve.box import everything
from planner.fleet.solve.boxes import Periods
from planner.fleet.solve.branching import Node, Place, Search, branch, try_counts, try_near, visit
from tonnage.errors import TonnageError

SUPPORT = 1e-6
"""Columns of the linear relaxation above this are bought by it."""
DIRECT_PART, OWN_PART = 0.05, 0.5
"""Of the time: for one programme of everything at first; of what is left, for that of what good mixes buy."""
ROOT_ASCENTS = 3
"""Times that prices are shared out anew before anything is branched on."""

Array = NDArray[np.float64]


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
    solved = None
    try:
        part = 1.0 if problem.mean_stock else DIRECT_PART
        solved = columns.programme.solve(columns.cost, gap_frac=gap_frac, time_limit_s=part * time_limit_s)
        if solved is None:
            return None
    except TonnageError:  # no mix in so short a time: the periods solved one by one give one
        if problem.mean_stock:
            raise
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
    if solved is not None:
        search.take(mix_of(columns, solved))
        search.raise_bound(search.mix_usd_per_h * (1 - solved.gap_frac))
    if not problem.mean_stock and not search.is_over():
        try_counts(search, np.round([values[way.columns[-1]] for way in ways]))
        _close(search, _shared_prices(search.periods, columns, duals))
    if search.mix is None:  # a busy machine: any mix is better than none, so the time starts anew
        solved = Columns(problem).programme.solve(columns.cost, gap_frac=gap_frac, time_limit_s=time_limit_s)
        return None if solved is None else mix_of(columns, solved)
    return replace(search.mix, gap_frac=search.gap_frac)


def _supported(columns: Columns, values: Array) -> set[Place]:
    """Return what the linear relaxation buys."""
    return {(way.kind, way.place) for way in columns.layout.ways if values[way.columns].max() > SUPPORT}


def _commitments(columns: Columns) -> tuple[Way, ...]:
    kinds = columns.problem.kinds
    return tuple(way for way in columns.layout.ways if kinds[way.kind].purchases[way.place].committed)


def _shared_prices(periods: Periods, columns: Columns, duals: Array) -> Array:
    """Return what each commitment is worth in each period, by the duals of the linear relaxation."""
    worth = columns.programme.worth(duals, [int(way.columns[-1]) for way in periods.ways]) * periods.present
    left = periods.prices - worth.sum(axis=1)
    return periods.fair(worth + periods.present * (left / periods.present.sum(axis=1))[:, None])


def _close(search: Search, shared: Array) -> None:
    """Raise the bound and improve the mix until they meet or time is up."""
    start = Node(search.lowest_usd_per_h, 0, everything(search.periods.ways), shared)
    root = visit(search, start, ROOT_ASCENTS)
    if root is None:
        return
    search.raise_bound(root.lowest_usd_per_h)
    try_near(search, root)
    if not search.is_over() and not search.problem.spare_domains:
        # where domains may fail, the fullest part does not split into what is there and what is added
        branch(search, root)
    if not search.is_over():
        _improve(search)


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
