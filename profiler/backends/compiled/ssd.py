"""The Mamba-2 recurrence, parallel over halves of heads, four tokens per pass over the state.

h[n, p] = exp(delta A) h[n, p] + delta x[p] B[n];  y[p] = sum_n C[n] h[n, p] + D x[p]
(T. Dao and A. Gu, "Transformers are SSMs", 2024). A token needs each value of the state once,
for three operations; four tokens at a time keep the arithmetic units busy, not the caches.
"""

import numpy as np
from numba import prange
from numpy.typing import NDArray

from profiler.backends.compiled.jit import compiled
from profiler.backends.compiled.lanes import LANES, exp2, load, multiply, multiply_add, splat, store

CHANNELS = 2 * LANES
"""Channels of one task; head_dim is a multiple of it."""
CHUNK = 64
"""Tokens whose decays are computed together."""
TOGETHER = 4

Floats = NDArray[np.float32]


@compiled("void(f4[:, :, ::1], i8, i8, i8, f4, f4[::1], f4[::1])")
def _decays(
    delta: Floats, sequence: int, head: int, first: int, a_log2e: float, steps: Floats, decays: Floats
) -> None:
    """Gather delta of a chunk of tokens and raise 2 to the power of a_log2e delta."""
    last = min(first + CHUNK, delta.shape[1])
    for t in range(CHUNK):
        steps[t] = delta[sequence, first + t, head] if first + t < last else np.float32(0)
    for t in range(0, CHUNK, LANES):
        store(decays, t, exp2(multiply(splat(a_log2e), load(steps, t))))


@compiled("void(f4[:, :, :, ::1], f4[:, :, ::1], f4[:, :, ::1], i8, i8, i8, i8, f4, f4[::1], f4[::1],"
          " i8, f4[:, :, ::1], i8, f4[:, :, :, ::1])")  # fmt: skip
def _one_token(
    x: Floats, b: Floats, c: Floats, sequence: int, t: int, head: int, column: int, skip: float,
    steps: Floats, decays: Floats, at: int, state: Floats, task: int, y: Floats,
) -> None:  # fmt: skip
    """Run one token through one task's state."""
    _, tokens, heads, head_dim = x.shape
    place = ((sequence * tokens + t) * heads + head) * head_dim + column
    x0, x1 = load(x, place), load(x, place + LANES)
    step, decay, d = splat(steps[at]), splat(decays[at]), splat(skip)
    u0, u1 = multiply(step, x0), multiply(step, x1)
    y0, y1 = multiply(d, x0), multiply(d, x1)
    row = task * b.shape[2] * CHANNELS
    for n in range(b.shape[2]):
        b_n, c_n = splat(b[sequence, t, n]), splat(c[sequence, t, n])
        h0 = multiply_add(decay, load(state, row), multiply(u0, b_n))
        h1 = multiply_add(decay, load(state, row + LANES), multiply(u1, b_n))
        store(state, row, h0)
        store(state, row + LANES, h1)
        y0, y1 = multiply_add(h0, c_n, y0), multiply_add(h1, c_n, y1)
        row += CHANNELS
    store(y, place, y0)
    store(y, place + LANES, y1)


@compiled("void(f4[:, :, :, ::1], f4[:, :, ::1], f4[:, :, ::1], i8, i8, i8, i8, f4, f4[::1], f4[::1],"
          " i8, f4[:, :, ::1], i8, f4[:, :, :, ::1])")  # fmt: skip
def _four_tokens(
    x: Floats, b: Floats, c: Floats, sequence: int, t: int, head: int, column: int, skip: float,
    steps: Floats, decays: Floats, at: int, state: Floats, task: int, y: Floats,
) -> None:  # fmt: skip
    """Run four tokens through one task's state, which is read and written once."""
    _, tokens, heads, head_dim = x.shape
    width = heads * head_dim
    p0 = (sequence * tokens + t) * width + head * head_dim + column
    p1, p2, p3 = p0 + width, p0 + 2 * width, p0 + 3 * width
    d = splat(skip)
    a0, a1, a2, a3 = splat(decays[at]), splat(decays[at + 1]), splat(decays[at + 2]), splat(decays[at + 3])
    s0, s1, s2, s3 = splat(steps[at]), splat(steps[at + 1]), splat(steps[at + 2]), splat(steps[at + 3])
    u00, u01 = multiply(s0, load(x, p0)), multiply(s0, load(x, p0 + LANES))
    u10, u11 = multiply(s1, load(x, p1)), multiply(s1, load(x, p1 + LANES))
    u20, u21 = multiply(s2, load(x, p2)), multiply(s2, load(x, p2 + LANES))
    u30, u31 = multiply(s3, load(x, p3)), multiply(s3, load(x, p3 + LANES))
    y00, y01 = multiply(d, load(x, p0)), multiply(d, load(x, p0 + LANES))
    y10, y11 = multiply(d, load(x, p1)), multiply(d, load(x, p1 + LANES))
    y20, y21 = multiply(d, load(x, p2)), multiply(d, load(x, p2 + LANES))
    y30, y31 = multiply(d, load(x, p3)), multiply(d, load(x, p3 + LANES))
    row = task * b.shape[2] * CHANNELS
    for n in range(b.shape[2]):
        h0, h1 = load(state, row), load(state, row + LANES)
        b_n, c_n = splat(b[sequence, t, n]), splat(c[sequence, t, n])
        h0, h1 = multiply_add(a0, h0, multiply(u00, b_n)), multiply_add(a0, h1, multiply(u01, b_n))
        y00, y01 = multiply_add(h0, c_n, y00), multiply_add(h1, c_n, y01)
        b_n, c_n = splat(b[sequence, t + 1, n]), splat(c[sequence, t + 1, n])
        h0, h1 = multiply_add(a1, h0, multiply(u10, b_n)), multiply_add(a1, h1, multiply(u11, b_n))
        y10, y11 = multiply_add(h0, c_n, y10), multiply_add(h1, c_n, y11)
        b_n, c_n = splat(b[sequence, t + 2, n]), splat(c[sequence, t + 2, n])
        h0, h1 = multiply_add(a2, h0, multiply(u20, b_n)), multiply_add(a2, h1, multiply(u21, b_n))
        y20, y21 = multiply_add(h0, c_n, y20), multiply_add(h1, c_n, y21)
        b_n, c_n = splat(b[sequence, t + 3, n]), splat(c[sequence, t + 3, n])
        h0, h1 = multiply_add(a3, h0, multiply(u30, b_n)), multiply_add(a3, h1, multiply(u31, b_n))
        y30, y31 = multiply_add(h0, c_n, y30), multiply_add(h1, c_n, y31)
        store(state, row, h0)
        store(state, row + LANES, h1)
        row += CHANNELS
    store(y, p0, y00), store(y, p0 + LANES, y01)
    store(y, p1, y10), store(y, p1 + LANES, y11)
    store(y, p2, y20), store(y, p2 + LANES, y21)
    store(y, p3, y30), store(y, p3 + LANES, y31)


@compiled("void(i8, f4[:, :, :, ::1], f4[:, :, ::1], f4[:, :, ::1], f4[:, :, ::1], f4[::1], f4[::1],"
          " f4[:, :, ::1], f4[:, :, :, ::1])")  # fmt: skip
def _run(
    task: int, x: Floats, delta: Floats, b: Floats, c: Floats, a_log2e: Floats, skip: Floats, state: Floats,
    y: Floats,
) -> None:  # fmt: skip
    """Run all tokens of one sequence through one task's channels."""
    _, tokens, heads, head_dim = x.shape
    parts = head_dim // CHANNELS
    sequence, head = task // (heads * parts), task // parts % heads
    column = task % parts * CHANNELS
    steps, decays = np.empty(CHUNK, np.float32), np.empty(CHUNK, np.float32)
    d = skip[head]
    for first in range(0, tokens, CHUNK):
        _decays(delta, sequence, head, first, a_log2e[head], steps, decays)
        t, last = first, min(first + CHUNK, tokens)
        while t + TOGETHER <= last:
            _four_tokens(x, b, c, sequence, t, head, column, d, steps, decays, t - first, state, task, y)
            t += TOGETHER
        while t < last:
            _one_token(x, b, c, sequence, t, head, column, d, steps, decays, t - first, state, task, y)
            t += 1


@compiled("void(f4[:, :, :, ::1], f4[:, :, ::1], f4[:, :, ::1], f4[:, :, ::1], f4[::1], f4[::1],"
          " f4[:, :, ::1], f4[:, :, :, ::1])", parallel=True)  # fmt: skip
def scan(
    x: Floats, delta: Floats, b: Floats, c: Floats, a_log2e: Floats, skip: Floats, state: Floats, y: Floats
) -> None:
    """Run all tokens of all sequences.

    x, y are (batch, tokens, heads, head_dim); delta (batch, tokens, heads); b, c (batch, tokens,
    d_state); a_log2e (heads,) holds A log2(e); skip (heads,); state (batch * heads * head_dim /
    CHANNELS, d_state, CHANNELS) is updated in place.
    """
    for task in prange(state.shape[0]):
        _run(task, x, delta, b, c, a_log2e, skip, state, y)
