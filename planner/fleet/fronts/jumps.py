"""Where a function that never rises jumps, found with few evaluations: the largest jumps first."""

import heapq
import math
from collections.abc import Callable
from typing import TypeVar

__all__ = ["SAME", "jumps"]

T = TypeVar("T")

SAME = 1e-6
"""Relative difference below which two values count as one."""


def jumps(
    at: Callable[[float], T],
    value: Callable[[T], float],
    low: float,
    high: float,
    *,
    ratio: float,
    most: int,
) -> dict[float, T]:
    """Return what was found where, enough to see every jump.

    Parameters
    ----------
    at : callable
        What there is at an argument between `low` and `high`.
    value : callable
        Its value, `inf` for none: never higher at a larger argument.
    low, high : float
        Positive ends.
    ratio : float
        Arguments this close are not told apart, above 1.
    most : int
        Evaluations at most, two at least.

    Notes
    -----
    Between two arguments of equal value there is nothing to find, because the function never rises.
    Elsewhere the geometric middle is looked at, where jump and width are largest first.
    """
    found = {low: at(low), high: at(high)}
    open_spans: list[tuple[float, float, float]] = []

    def consider(left: float, right: float) -> None:
        before, after = value(found[left]), value(found[right])
        if right / left > ratio and before > after * (1 + SAME):
            heapq.heappush(open_spans, (-math.log(right / left) * _height(before, after), left, right))

    consider(low, high)
    while open_spans and len(found) < most:
        _, left, right = heapq.heappop(open_spans)
        middle = math.sqrt(left * right)
        found[middle] = at(middle)
        consider(left, middle)
        consider(middle, right)
    return dict(sorted(found.items()))


def _height(before: float, after: float) -> float:
    if math.isinf(before):
        return 1.0
    return 1.0 - after / before if before > 0 else 0.0
