"""Depthwise causal convolution of four taps with SiLU, parallel over parts of the prompt."""

import numpy as np
from numba import prange
from numpy.typing import NDArray

from profiler.backends.compiled.jit import compiled
from profiler.backends.compiled.lanes import (
    LANES,
    add,
    divide,
    exp2,
    load,
    maximum,
    multiply,
    multiply_add,
    splat,
    store,
)  # fmt: skip

TAPS = 4
_LOG2E = np.float32(np.log2(np.e))
_LOWEST = np.float32(-80.0)
"""exp(80) is still finite in float32, and SiLU there is 0 to all digits."""

Floats = NDArray[np.float32]


@compiled("void(f4[::1], f4[:, ::1], f4[::1], f4[::1], i8, i8, i8)")
def _token(seen: Floats, weight: Floats, bias: Floats, y: Floats, row: int, out: int, channels: int) -> None:
    """Mix four rows of `seen`, the first at flat index `row`, into y at flat index `out`."""
    one, lowest, minus_log2e = splat(np.float32(1)), splat(_LOWEST), splat(-_LOG2E)
    for i in range(0, channels, LANES):
        mixed = multiply_add(load(weight, i), load(seen, row + i), load(bias, i))
        mixed = multiply_add(load(weight, channels + i), load(seen, row + channels + i), mixed)
        mixed = multiply_add(load(weight, 2 * channels + i), load(seen, row + 2 * channels + i), mixed)
        mixed = multiply_add(load(weight, 3 * channels + i), load(seen, row + 3 * channels + i), mixed)
        decayed = exp2(multiply(maximum(mixed, lowest), minus_log2e))
        store(y, out + i, divide(mixed, add(one, decayed)))


@compiled("void(f4[:, :, ::1], f4[:, ::1], f4[::1], f4[:, :, ::1], i8)", parallel=True)
def convolve(seen: Floats, weight: Floats, bias: Floats, y: Floats, parts: int) -> None:
    """Convolve all sequences.

    seen is (batch, TAPS - 1 + tokens, channels): the history, then the prompt; weight (TAPS, channels);
    y (batch, tokens, channels); channels is a multiple of LANES.
    """
    batch, tokens, channels = y.shape
    rows = batch * tokens
    flat_seen, flat_y = seen.reshape(-1), y.reshape(-1)
    for part in prange(parts):
        for row in range(rows * part // parts, rows * (part + 1) // parts):
            sequence, t = row // tokens, row % tokens
            first = (sequence * (tokens + TAPS - 1) + t) * channels
            _token(flat_seen, weight, bias, flat_y, first, row * channels, channels)


@compiled("void(f4[:, :, ::1], f4[:, :, ::1])")
def shift(seen: Floats, history: Floats) -> None:
    """Copy the last TAPS - 1 rows of each sequence to history (batch, TAPS - 1, channels)."""
    rows = seen.shape[1]
    for sequence in range(seen.shape[0]):
        for tap in range(TAPS - 1):
            for i in range(seen.shape[2]):
                history[sequence, tap, i] = seen[sequence, rows - TAPS + 1 + tap, i]
