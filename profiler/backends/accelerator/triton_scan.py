"""Mamba-1 in Triton: the prompt cut into chunks that run side by side, and one step for decoding.

Within a chunk the recurrence h = exp(delta A) h + delta B x runs token by token in registers. Chunks are
joined by linearity: the state at the end of a chunk is what it makes of zero, plus what it was given times
exp(A sum(delta)). So one pass finds the ends, one carries states over the chunks, and one, from the right
start, writes y. Not yet run on a GPU: its arithmetic is tested in Triton's interpreter.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
import triton
import triton.language as tl

from profiler.backends.torch_layers.binding import Bound, ToTensor
from profiler.kernels.kernel import Arrays, Point

CHANNELS = 32
"""Channels of one program: one line of 128 bytes per token."""
TOKENS = 64
"""Tokens of one chunk."""
LOG2_E = float(np.log2(np.e))


@triton.jit
def _step(h, x, delta, b, a, row, at, live, channels, STATES: tl.constexpr):  # type: ignore[no-untyped-def]
    """Move the state of some channels over one token; where it is not live, nothing changes."""
    here, state = at < channels * live, tl.arange(0, STATES)
    dt = tl.load(delta + row * channels + at, mask=here, other=0.0)
    u = tl.load(x + row * channels + at, mask=here, other=0.0)
    into = tl.load(b + row * STATES + state, mask=state < STATES * live, other=0.0)
    return tl.exp2(dt[:, None] * a) * h + (dt * u)[:, None] * into[None, :], dt, u


@triton.jit
def _ends(  # type: ignore[no-untyped-def]
    x, delta, b, a, ends, sums, tokens, channels, chunks,
    STATES: tl.constexpr, WIDTH: tl.constexpr, LENGTH: tl.constexpr,
):  # fmt: skip
    """Store what each chunk makes of a zero state, and the sum of its delta."""
    chunk, sequence = tl.program_id(1), tl.program_id(2)
    at = tl.program_id(0) * WIDTH + tl.arange(0, WIDTH)
    inside = at < channels
    cell = at[:, None] * STATES + tl.arange(0, STATES)[None, :]
    rate = tl.load(a + cell, mask=inside[:, None], other=0.0)
    h = tl.zeros((WIDTH, STATES), tl.float32)
    total = tl.zeros((WIDTH,), tl.float32)
    for i in range(LENGTH):
        token = chunk * LENGTH + i
        live = (token < tokens).to(tl.int32)
        h, dt, _ = _step(h, x, delta, b, rate, sequence * tokens + token, at, live, channels, STATES)
        total += dt
    slot = sequence * chunks + chunk
    tl.store(ends + slot * channels * STATES + cell, h, mask=inside[:, None])
    tl.store(sums + slot * channels + at, total, mask=inside)


@triton.jit
def _starts(a, ends, sums, state, channels, chunks, STATES: tl.constexpr, WIDTH: tl.constexpr):  # type: ignore[no-untyped-def]
    """Carry the first state over all chunks: ends become starts."""
    sequence = tl.program_id(1)
    at = tl.program_id(0) * WIDTH + tl.arange(0, WIDTH)
    inside = at < channels
    cell = at[:, None] * STATES + tl.arange(0, STATES)[None, :]
    rate = tl.load(a + cell, mask=inside[:, None], other=0.0)
    h = tl.load(state + sequence * channels * STATES + cell, mask=inside[:, None], other=0.0)
    for chunk in range(chunks):
        slot = sequence * chunks + chunk
        end = tl.load(ends + slot * channels * STATES + cell, mask=inside[:, None], other=0.0)
        total = tl.load(sums + slot * channels + at, mask=inside, other=0.0)
        tl.store(ends + slot * channels * STATES + cell, h, mask=inside[:, None])
        h = tl.exp2(total[:, None] * rate) * h + end


@triton.jit
def _outputs(  # type: ignore[no-untyped-def]
    x, delta, b, c, a, d, starts, y, last, tokens, channels, chunks,
    STATES: tl.constexpr, WIDTH: tl.constexpr, LENGTH: tl.constexpr,
):  # fmt: skip
    """Run each chunk from its start, write y, and the state after the last chunk."""
    chunk, sequence = tl.program_id(1), tl.program_id(2)
    at = tl.program_id(0) * WIDTH + tl.arange(0, WIDTH)
    inside = at < channels
    cell = at[:, None] * STATES + tl.arange(0, STATES)[None, :]
    rate = tl.load(a + cell, mask=inside[:, None], other=0.0)
    skip = tl.load(d + at, mask=inside, other=0.0)
    slot = sequence * chunks + chunk
    h = tl.load(starts + slot * channels * STATES + cell, mask=inside[:, None], other=0.0)
    for i in range(LENGTH):
        token = chunk * LENGTH + i
        row, live = sequence * tokens + token, (token < tokens).to(tl.int32)
        h, _, u = _step(h, x, delta, b, rate, row, at, live, channels, STATES)
        state = tl.arange(0, STATES)
        out = tl.load(c + row * STATES + state, mask=state < STATES * live, other=0.0)
        told = tl.sum(h * out[None, :], axis=1) + skip * u
        tl.store(y + row * channels + at, told, mask=at < channels * live)
    if chunk == chunks - 1:
        tl.store(last + sequence * channels * STATES + cell, h, mask=inside[:, None])


@triton.jit
def _update(x, delta, b, c, a, d, state, y, channels, STATES: tl.constexpr, WIDTH: tl.constexpr):  # type: ignore[no-untyped-def]
    """Move the state over one token in place and write y."""
    sequence = tl.program_id(1)
    at = tl.program_id(0) * WIDTH + tl.arange(0, WIDTH)
    inside = at < channels
    cell = at[:, None] * STATES + tl.arange(0, STATES)[None, :]
    rate = tl.load(a + cell, mask=inside[:, None], other=0.0)
    place = state + sequence * channels * STATES + cell
    h = tl.load(place, mask=inside[:, None], other=0.0)
    h, _, u = _step(h, x, delta, b, rate, sequence, at, 1, channels, STATES)
    out = tl.load(c + sequence * STATES + tl.arange(0, STATES))
    skip = tl.load(d + at, mask=inside, other=0.0)
    tl.store(y + sequence * channels + at, tl.sum(h * out[None, :], axis=1) + skip * u, mask=inside)
    tl.store(place, h, mask=inside[:, None])


def _tensors(inputs: Arrays, tensor: ToTensor) -> dict[str, Any]:
    told = {name: tensor(array, "fp32") for name, array in inputs.items()}
    return {**told, "a": told["a"] * LOG2_E}


def ssm_scan(point: Point, inputs: Arrays, tensor: ToTensor) -> Bound:
    """Bind the scan of a prompt; the given state is left as it is."""
    s = point.shape
    batch, tokens, channels, states = s["batch"], s["tokens"], s["d_inner"], s["d_state"]
    of = _tensors(inputs, tensor)
    chunks, blocks = triton.cdiv(tokens, TOKENS), triton.cdiv(channels, CHANNELS)
    starts = of["x"].new_empty((batch, chunks, channels, states))
    sums = of["x"].new_empty((batch, chunks, channels))
    y, last = torch.empty_like(of["x"]), torch.empty_like(of["state"])
    cut = {"STATES": states, "WIDTH": CHANNELS, "LENGTH": min(TOKENS, triton.next_power_of_2(tokens))}
    between = {"STATES": states, "WIDTH": CHANNELS}

    def call() -> Mapping[str, Any]:
        first = of["state"]
        if chunks > 1:
            first = starts
            _ends[(blocks, chunks, batch)](
                of["x"], of["delta"], of["b"], of["a"], starts, sums, tokens, channels, chunks, **cut,
                num_warps=1,
            )  # fmt: skip
            _starts[(blocks, batch)](
                of["a"], starts, sums, of["state"], channels, chunks, **between, num_warps=1
            )
        _outputs[(blocks, chunks, batch)](
            of["x"], of["delta"], of["b"], of["c"], of["a"], of["d"], first, y, last, tokens, channels,
            chunks, **cut, num_warps=1,
        )  # fmt: skip
        return {"y": y, "state": last}

    return call


def ssm_state_update(point: Point, inputs: Arrays, tensor: ToTensor) -> Bound:
    """Bind one step of every sequence, the state changed in place."""
    s = point.shape
    of = _tensors(inputs, tensor)
    y = torch.empty_like(of["x"])
    grid = (triton.cdiv(s["d_inner"], CHANNELS), s["batch"])

    def call() -> Mapping[str, Any]:
        _update[grid](
            of["x"], of["delta"], of["b"], of["c"], of["a"], of["d"], of["state"], y, s["d_inner"],
            STATES=s["d_state"], WIDTH=CHANNELS, num_warps=1,
        )  # fmt: skip
        return {"y": y, "state": of["state"]}

    return call
