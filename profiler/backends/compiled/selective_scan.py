"""The Mamba-1 recurrence, parallel over channels, which run in vector lanes.

h[n, d] = exp(delta[d] A[n, d]) h[n, d] + delta[d] x[d] B[n];  y[d] = sum_n C[n] h[n, d] + D[d] x[d]
(A. Gu and T. Dao, "Mamba: Linear-Time Sequence Modeling with Selective State Spaces", 2023, eq. 2).
"""

import numpy as np
from numba import prange
from numpy.typing import NDArray

from profiler.backends.compiled.jit import compiled
from profiler.backends.compiled.lanes import LANES, exp2, load, multiply, multiply_add, prefetch, splat, store

CHANNELS = 2 * LANES
"""Channels of one block, two registers wide: their state stays in the first-level cache."""
AHEAD = 8
"""Tokens between what is read and what is asked for."""

Floats = NDArray[np.float32]


_SEQUENCES = "f4[:, :, ::1], f4[:, :, ::1], f4[:, :, ::1], f4[:, :, ::1]"
_ARRAYS = f"{_SEQUENCES}, f4[:, :, ::1], f4[:, ::1], f4[:, :, :, ::1], f4[:, :, ::1]"


@compiled(f"void(i8, {_ARRAYS})")
def _scan_block(
    task: int, x: Floats, delta: Floats, b: Floats, c: Floats, a_log2e: Floats, skip: Floats, state: Floats,
    y: Floats,
) -> None:  # fmt: skip
    """Run all tokens of one sequence through one block of channels."""
    _, tokens, channels = x.shape
    blocks, d_state, _ = a_log2e.shape
    sequence, block = task // blocks, task % blocks
    a_first, state_first = block * d_state * CHANNELS, task * d_state * CHANNELS
    skip0, skip1 = load(skip, block * CHANNELS), load(skip, block * CHANNELS + LANES)
    for t in range(tokens):
        at = (sequence * tokens + t) * channels + block * CHANNELS
        # Rows lie a width apart, often each on a page of its own: no hardware fetches them ahead.
        ahead = at + AHEAD * channels
        prefetch(x, ahead)
        prefetch(x, ahead + LANES)
        prefetch(delta, ahead)
        prefetch(delta, ahead + LANES)
        prefetch(y, ahead)
        prefetch(y, ahead + LANES)
        x0, x1 = load(x, at), load(x, at + LANES)
        delta0, delta1 = load(delta, at), load(delta, at + LANES)
        input0, input1 = multiply(delta0, x0), multiply(delta1, x1)
        y0, y1 = multiply(skip0, x0), multiply(skip1, x1)
        for n in range(d_state):
            b_n, c_n = splat(b[sequence, t, n]), splat(c[sequence, t, n])
            a_row, row = a_first + n * CHANNELS, state_first + n * CHANNELS
            decay0 = exp2(multiply(delta0, load(a_log2e, a_row)))
            decay1 = exp2(multiply(delta1, load(a_log2e, a_row + LANES)))
            h0 = multiply_add(decay0, load(state, row), multiply(input0, b_n))
            h1 = multiply_add(decay1, load(state, row + LANES), multiply(input1, b_n))
            store(state, row, h0)
            store(state, row + LANES, h1)
            y0, y1 = multiply_add(h0, c_n, y0), multiply_add(h1, c_n, y1)
        store(y, at, y0)
        store(y, at + LANES, y1)


@compiled(f"void({_ARRAYS})", parallel=True)
def scan(
    x: Floats, delta: Floats, b: Floats, c: Floats, a_log2e: Floats, skip: Floats, state: Floats, y: Floats
) -> None:
    """Run all tokens of all sequences.

    x, delta, y are (batch, tokens, d_inner); b, c (batch, tokens, d_state);
    a_log2e (blocks, d_state, CHANNELS) holds A log2(e); skip (blocks, CHANNELS);
    state (batch, blocks, d_state, CHANNELS) is updated in place.
    """
    for task in prange(x.shape[0] * a_log2e.shape[0]):
        _scan_block(task, x, delta, b, c, a_log2e, skip, state, y)
