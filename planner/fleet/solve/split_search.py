"""Which halves of split services can be part of the best mix: the others are left out, most unpredicted.

Notes
-----
Let U be the cost of some mix, here the best of whole units, and L that of the programme without whole
numbers, in which every half that is not predicted stands at its datasheet peak. A purchase whose reduced
cost there is r makes any mix cost L + r or more (M. S. Bazaraa, J. J. Jarvis and H. D. Sherali, "Linear
Programming and Network Flows", on fixing variables by reduced cost). So halves of which every purchase
has r > U - L are left out, exactly; those that remain are predicted, L is found anew, until nothing that
remains stands at its peak. Where no mix of whole units serves the load, what that programme buys is
predicted first.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from planner.fleet.programme.columns import Columns
from planner.fleet.programme.dominance import reduce
from planner.fleet.programme.milp import Bound
from planner.fleet.programme.problem import Mix, Problem
from planner.fleet.solve.periods import merged
from planner.fleet.supply.line import Line
from planner.fleet.supply.market import Market
from planner.role import Role

EQUAL_FRAC = 1e-7
"""A split that saves less is none."""
BOUGHT = 1e-9

Pose = Callable[[Market], Problem]
"""States what is to be least on a market."""
Best = Callable[[Problem], Mix | None]


def narrowed(market: Market, pose: Pose, best: Best) -> tuple[Market, Market]:
    """Return the market with what was predicted, and that of whole units and halves that may be of use.

    Parameters
    ----------
    market : Market
        With whole units settled.
    pose : callable
        The problem of a market.
    best : callable
        A mix of a problem, close to the best.
    """
    whole = market.of_lines(tuple(line for line in market.rated() if not is_half(line)))
    known = best(pose(whole)) if whole.lines or whole.hosted else None
    cost = None if known is None else known.usd_per_h
    while True:
        seen = market.of_lines(tuple(line for line in market.lines if line.is_rated or is_half(line)))
        found = _relaxed(seen, pose)
        if found is None:
            return market, whole
        useful = _useful(found, cost)
        unknown = [line for line in useful if not line.is_rated]
        if cost is None and unknown:
            unknown = [line for line in found.in_use() if not line.is_rated] or unknown
        if unknown:
            market = market.with_rated(frozenset(line.candidate.key for line in unknown))
            continue
        keys = {line.candidate.key for line in useful}
        kept = (line for line in market.rated() if not is_half(line) or line.candidate.key in keys)
        return market, market.of_lines(tuple(kept))


def is_half(line: Line) -> bool:
    """Tell half of a split service from a whole unit."""
    return line.candidate.role is not Role.WHOLE


def _useful(found: "_Relaxed", cost: float | None) -> list[Line]:
    if cost is None:
        return found.halves(float("inf"))
    saved = cost * (1 - EQUAL_FRAC) - found.bound.value
    return found.halves(saved) if saved > 0 else []


@dataclass(frozen=True, slots=True)
class _Relaxed:
    """The programme of some lines without whole numbers."""

    bound: Bound
    bought: tuple[tuple[Line, NDArray[np.int64]], ...]
    """Halves with the columns of their purchases."""

    def halves(self, at_most: float) -> list[Line]:
        """Return the halves of which one purchase more costs no more than this."""
        return [line for line, columns in self.bought if self.bound.dearer[columns].min() <= at_most]

    def in_use(self) -> list[Line]:
        """Return the halves that are bought."""
        return [line for line, columns in self.bought if self.bound.values[columns].max() > BOUGHT]


def _relaxed(market: Market, pose: Pose) -> _Relaxed | None:
    smaller = reduce(pose(market), trusted=[line.is_rated for line in market.lines])
    columns = Columns(merged(smaller.problem).problem)
    bound = columns.programme.bound(columns.cost)
    if bound is None:
        return None
    places: dict[int, list[NDArray[np.int64]]] = {}
    for way in columns.layout.ways:
        places.setdefault(way.kind, []).append(way.columns)
    lines = ((market.lines[kind], np.concatenate(places[k])) for k, (kind, _) in enumerate(smaller.ways))
    return _Relaxed(bound, tuple((line, own) for line, own in lines if is_half(line)))
