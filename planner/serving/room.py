"""What a prediction says of memory: what fills it, and the most it holds."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from planner.prediction import MemoryParts
from planner.serving.placed import Placed
from planner.serving.situation import Situation
from planner.serving.steady_state import State
from planner.serving.unchecked import unchecked

_PARTS = ("weights_bytes", "activation_bytes", "graphs_bytes", "runtime_bytes")


class Answer(NamedTuple):
    """Memory of one case: bytes of one device, sequences and tokens at most; None where unknown."""

    memory_bytes: float
    parts: MemoryParts
    fits: bool | None
    max_context_tokens: int | None
    max_concurrency: int | None


def answers(s: Situation, state: State, placed: Sequence[Placed]) -> list[Answer]:
    """Account for the memory of all cases at the load that they run under."""
    cache = s.sequence_bytes * np.minimum(state.running, s.limit)
    extras = np.maximum(s.fixed_bytes - s.parts.sum(axis=0), 0.0)
    own = np.array([one.architecture.max_context or np.inf for one in placed])
    longest = np.where(s.memory_known, np.minimum(s.longest, own), np.inf)
    most = np.where(s.fits, np.floor(s.limit * (1 + 1e-9)), 0.0)
    columns: tuple[NDArray[np.generic], ...] = (
        s.fixed_bytes + cache, cache, extras, longest, most, s.fits, s.memory_known, *s.parts
    )  # fmt: skip
    return [_answer(*row) for row in zip(*(column.tolist() for column in columns), strict=True)]


def _answer(
    whole: float,
    cache: float,
    extras: float,
    longest: float,
    most: float,
    fits: bool,
    known: bool,
    *parts: float,
) -> Answer:
    held = dict(zip(_PARTS, parts, strict=True))
    return Answer(
        whole,
        unchecked(MemoryParts, {**held, "cache_bytes": cache, "extras_bytes": extras}),
        fits if known else None,
        int(longest) if longest != np.inf else None,
        int(most) if known else None,
    )
