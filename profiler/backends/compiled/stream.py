"""Memory kernels at the bandwidth of the machine: streaming stores, one contiguous part per thread."""

import numpy as np
from numba import prange
from numpy.typing import NDArray

from profiler.backends.compiled.jit import compiled
from profiler.backends.compiled.lanes import LANES, add, load, prefetch, splat, store
from profiler.backends.compiled.streaming import stream_line, stream_sum_line

Floats = NDArray[np.float32]
STEP = 4 * LANES
"""float32 per turn of a loop; sizes are multiples of it."""
_AHEAD = 1024
"""float32 between what is read and what is asked for: 4 KiB, where the hardware prefetcher stops."""
_AHEAD_OF_COPY = 512
"""The same beside stores of one source. With two sources, asking ahead makes it slower (Zen 4)."""


@compiled("void(f4[::1], f4[::1], i8)", parallel=True)
def copy(target: Floats, source: Floats, parts: int) -> None:
    """Set target = source."""
    steps = target.size // STEP
    for part in prange(parts):
        for step in range(steps * part // parts, steps * (part + 1) // parts):
            for i in range(step * STEP, (step + 1) * STEP, LANES):
                prefetch(source, i + _AHEAD_OF_COPY)
                stream_line(target, source, i)


@compiled("void(f4[::1], f4[::1], f4[::1], f4, i8)", parallel=True)
def triad(target: Floats, left: Floats, right: Floats, scale: float, parts: int) -> None:
    """Set target = left + scale * right."""
    steps = target.size // STEP
    for part in prange(parts):
        for step in range(steps * part // parts, steps * (part + 1) // parts):
            for i in range(step * STEP, (step + 1) * STEP, LANES):
                stream_sum_line(target, left, np.float32(scale), right, i)


@compiled("void(f4[::1], i8, i8, f4[::1])")
def _sum(source: Floats, first: int, last: int, lanes: Floats) -> None:
    a = b = c = d = splat(np.float32(0))
    for i in range(first, last, STEP):
        prefetch(source, i + _AHEAD)
        prefetch(source, i + _AHEAD + LANES)
        prefetch(source, i + _AHEAD + 2 * LANES)
        prefetch(source, i + _AHEAD + 3 * LANES)
        a = add(a, load(source, i))
        b = add(b, load(source, i + LANES))
        c = add(c, load(source, i + 2 * LANES))
        d = add(d, load(source, i + 3 * LANES))
    store(lanes, 0, add(add(a, b), add(c, d)))


@compiled("void(f4[::1], f4[:, ::1], i8, i8)", parallel=True)
def read_again(source: Floats, sums: NDArray[np.float32], parts: int, passes: int) -> None:
    """Sum each of `parts` parts of source `passes` times, into a row of sums (parts, LANES)."""
    steps = source.size // STEP
    for part in prange(parts):
        for _ in range(passes):
            _sum(source, steps * part // parts * STEP, steps * (part + 1) // parts * STEP, sums[part])


@compiled("void(f4[::1], f4[::1], i8)", parallel=True)
def add_one(target: Floats, source: Floats, parts: int) -> None:
    """Set target = source + 1: little more than starting the threads."""
    for part in prange(parts):
        for i in range(source.size * part // parts, source.size * (part + 1) // parts):
            target[i] = source[i] + np.float32(1)


def sum_part(source: Floats, first: int, last: int, sums: Floats) -> None:
    """Sum source[first : last], multiples of STEP, into sums (LANES,); the caller brings the thread."""
    _sum(source, first, last, sums)


@compiled("void(f4[::1], f4[:, ::1], i8)", parallel=True)
def read(source: Floats, sums: NDArray[np.float32], parts: int) -> None:
    """Sum each of `parts` parts of source into a row of sums (parts, LANES)."""
    steps = source.size // STEP
    for part in prange(parts):
        _sum(source, steps * part // parts * STEP, steps * (part + 1) // parts * STEP, sums[part])
