"""Periods that ask for the same: solved once, answered for each of them."""

from dataclasses import dataclass, replace

from planner.fleet.programme.problem import Mix, Period, Problem
from planner.fleet.programme.solution import of_periods

SAME_DIGITS = 12
"""Rates that differ in later digits are the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """A problem with every set of equal periods as one, and the way back.

    Attributes
    ----------
    place : tuple of int
        Per period of the problem given: its place in the smaller one.
    """

    given: Problem
    problem: Problem
    place: tuple[int, ...]

    def expand(self, mix: Mix) -> Mix:
        """Return a mix of the smaller problem as one of the problem given."""
        if self.problem is self.given:
            return mix
        parts = tuple(mix.by_period[place] for place in self.place)
        return of_periods(self.given, parts, served_frac=mix.served_frac, gap_frac=mix.gap_frac)


def merged(problem: Problem) -> Merged:
    """Merge periods in which every class has the same rate.

    Notes
    -----
    Exact: what an optimal mix does in the cheapest of several equal periods it
    can do in all of them, as nothing but commitments ties periods together, and
    those are the same in all. Where there is another limit on the mean over
    time than that of the cost itself, or commitments begin at different times,
    nothing is merged.
    """
    if problem.mean_stock or any(way.since for kind in problem.kinds for way in kind.purchases):
        return Merged(given=problem, problem=problem, place=tuple(range(len(problem.spans))))
    places: dict[tuple[float, ...], int] = {}
    place = tuple(places.setdefault(_rounded(period), len(places)) for period in problem.spans)
    if len(places) == len(place):
        return Merged(given=problem, problem=problem, place=place)
    kept = tuple(
        Period(
            time_frac=sum(p.time_frac for p, own in zip(problem.spans, place, strict=True) if own == number),
            scale=problem.spans[place.index(number)].scale,
        )
        for number in range(len(places))
    )
    return Merged(given=problem, problem=replace(problem, periods=kept), place=place)


def _rounded(period: Period) -> tuple[float, ...]:
    return tuple(float(f"{scale:.{SAME_DIGITS}g}") for scale in period.scale)


def alone(problem: Problem) -> tuple[Problem, ...] | None:
    """Return each period as a problem of its own, None if something ties periods together."""
    spans = problem.spans
    committed = any(way.committed for kind in problem.kinds for way in kind.purchases)
    if committed or problem.mean_stock or len(spans) < 2:
        return None
    return tuple(replace(problem, periods=(replace(span, time_frac=1.0),)) for span in spans)
