"""What to buy in which month while the load grows: one programme over all months and their periods.

Notes
-----
What is reserved or taken into use in a month stays until the last one and is paid for from then on;
what is bought by the hour, and what goes to APIs, follows the load of each month. Every commitment
is a column per month in which it can be made, there from that month on (`Priced.since`), so what is
paid early for the sake of later months, and what is put off, is weighed as one sum.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from planner.fleet.programme.problem import Mix, Period, Priced, Problem, of_period
from planner.fleet.solve.mix import cheapest
from planner.fleet.solve.periods import merged

MOST_MONTHS = 13
"""Months in which commitments can be made; more are told apart in groups of equal length."""
GAP_FRAC, TIME_LIMIT_S = 5e-3, 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Stairs:
    """The months of a joint plan.

    Attributes
    ----------
    usd_per_h : tuple of float
        Cost in each month. [USD/h]
    bought : tuple of tuple of tuple of int
        Commitments that begin in each month, per kind and way to buy.
    gap_frac : float
        Proven distance of the sum of all months from the least possible.
    """

    usd_per_h: tuple[float, ...]
    bought: tuple[tuple[tuple[int, ...], ...], ...]
    gap_frac: float


def stairs(problem: Problem, loads: Sequence[float]) -> Stairs | None:
    """Return the cheapest way through months of given loads, None if one cannot be carried.

    Parameters
    ----------
    problem : Problem
        One month at a load of 1.
    loads : sequence of float
        Load of each month.
    """
    problem = merged(problem).problem
    first = _first_months(len(loads))
    joint, origin = over_months(problem, loads, first)
    mix = cheapest(joint, gap_frac=GAP_FRAC, time_limit_s=TIME_LIMIT_S, fewest_kinds=False)
    if mix is None:
        return None
    spans = len(problem.spans)
    monthly = tuple(
        sum(of_period(joint, mix, month * spans + t) * span.time_frac for t, span in enumerate(problem.spans))
        for month in range(len(loads))
    )
    return Stairs(
        usd_per_h=monthly,
        bought=tuple(_begun(problem, mix, joint, origin, month * spans) for month in range(len(loads))),
        gap_frac=mix.gap_frac,
    )


def _first_months(months: int) -> list[int]:
    """Return the months in which commitments can be made."""
    each = -(-months // MOST_MONTHS)
    return list(range(0, months, each))


def over_months(
    problem: Problem, loads: Sequence[float], first: Sequence[int]
) -> tuple[Problem, list[list[int]]]:
    """Return all months as one problem, and of each of its ways to buy that of the problem given."""
    spans = problem.spans
    periods = tuple(
        Period(time_frac=span.time_frac / len(loads), scale=tuple(load * scale for scale in span.scale))
        for load in loads
        for span in spans
    )
    kinds, origin = [], []
    for kind in problem.kinds:
        ways: list[Priced] = []
        places: list[int] = []
        for place, way in enumerate(kind.purchases):
            begins = [month * len(spans) for month in first] if way.committed else [0]
            ways += [replace(way, since=since) for since in begins]
            places += [place] * len(begins)
        kinds.append(replace(kind, purchases=tuple(ways)))
        origin.append(places)
    return replace(problem, kinds=tuple(kinds), periods=periods), origin


def _begun(
    problem: Problem, mix: Mix, joint: Problem, origin: list[list[int]], since: int
) -> tuple[tuple[int, ...], ...]:
    """Return the commitments that begin in a period."""
    rows = []
    for kind, wider, places, counts in zip(problem.kinds, joint.kinds, origin, mix.bought, strict=True):
        row = [0] * len(kind.purchases)
        for way, place, count in zip(wider.purchases, places, counts, strict=True):
            if way.committed and way.since == since:
                row[place] += count
        rows.append(tuple(row))
    return tuple(rows)
