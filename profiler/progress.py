"""Where a bench stands, as it tells whoever watches."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Where a bench stands, told before each trial and once at the end."""

    done: int
    total: int
    elapsed_s: float
    left_s: float
    """Until the budget is used up or, if nearer, until the sweep will be through."""
    now: str
    """What runs next; empty at the end."""


OnProgress = Callable[[Progress], None]


def left_s(*, done: int, total: int, elapsed_s: float, budget_s: float) -> float:
    """Return the time until the budget is used up or, if nearer, until the rest is done at the mean pace [s].

    Before the first trials are done there is no pace to go by.
    """
    in_budget_s = max(budget_s - elapsed_s, 0.0)
    if done < _PACE_FROM or total == 0:
        return in_budget_s
    return min(in_budget_s, elapsed_s / done * max(total - done, 0))


_PACE_FROM = 5
