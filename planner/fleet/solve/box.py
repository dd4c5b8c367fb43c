"""How many of each commitment there may be: a box, and a period solved by itself within it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from planner.fleet.programme.layout import Way
from planner.fleet.programme.problem import PeriodMix

Counts = tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """The fewest and the most of each commitment; the most may be infinite."""

    low: Counts
    high: Counts

    def at_most(self, place: int, count: float) -> "Box":
        """Return the part of the box with no more than this of one commitment."""
        return replace(self, high=(*self.high[:place], count, *self.high[place + 1 :]))

    def at_least(self, place: int, count: float) -> "Box":
        """Return the part of the box with no fewer than this of one commitment."""
        return replace(self, low=(*self.low[:place], count, *self.low[place + 1 :]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Alone:
    """One period solved at a price of each commitment; what it wants is beyond the least."""

    box: Box
    usd: Counts
    lowest_usd: float
    part: PeriodMix
    wanted: Counts

    def holds_for(self, box: Box, usd: Counts) -> bool:
        """Tell whether it is still cheapest: nothing got cheaper, and what is wanted is as it was."""
        return (
            box.low == self.box.low
            and all(
                price == old if want else price >= old
                for price, old, want in zip(usd, self.usd, self.wanted, strict=True)
            )
            and all(
                high <= old and low + want <= high
                for high, old, low, want in zip(box.high, self.box.high, box.low, self.wanted, strict=True)
            )
        )


def everything(ways: Sequence[Way]) -> Box:
    """Return the box of any commitments."""
    return Box(low=(0.0,) * len(ways), high=(np.inf,) * len(ways))
