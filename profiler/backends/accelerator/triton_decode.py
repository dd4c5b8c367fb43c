"""Attention of one new token in Triton: the context is split over the whole device and merged.

A batch of one has as many key heads as a device has tens of multiprocessors, so each head's context is cut
into parts that run side by side; each keeps its own maximum and sum, and a second kernel merges them
(T. Dao et al., "Flash-Decoding for long-context inference", 2023). The queries that share a key head are
the rows of one matmul: the cache is read once. Not yet run on a GPU: its arithmetic is tested in Triton's
interpreter.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
import triton
import triton.language as tl

from profiler.backends.torch_layers.binding import Bound, ToTensor
from profiler.kernels.kernel import Arrays, Point

TOKENS = 64
"""Tokens of one step."""
LEAST_ROWS = 16
"""Rows of the smallest matmul of a tensor core."""
UNITS = 32
"""Multiprocessors of a device that does not tell (ASSUMED)."""
PROGRAMS_PER_UNIT = 2
"""Parts are cut until every multiprocessor has this many programs."""


@triton.jit
def _attend(  # type: ignore[no-untyped-def]
    q, k, v, partial, extremes, context, per_part, parts, factor,
    QUERIES: tl.constexpr, ROWS: tl.constexpr, WIDTH: tl.constexpr, STEP: tl.constexpr,
):  # fmt: skip
    """Attend to one part of one key head's context: unnormalised sums, and maximum and sum of weights."""
    group, part = tl.program_id(0), tl.program_id(1)
    row, column = tl.arange(0, ROWS), tl.arange(0, WIDTH)
    known = row[:, None] < QUERIES
    query = tl.load(q + (group * QUERIES + row[:, None]) * WIDTH + column[None, :], mask=known, other=0.0)
    highest = tl.full((ROWS,), -float("inf"), tl.float32)
    total = tl.zeros((ROWS,), tl.float32)
    mixed = tl.zeros((ROWS, WIDTH), tl.float32)
    first = part * per_part
    for start in range(0, per_part, STEP):
        token = first + start + tl.arange(0, STEP)
        here = token < context
        place = (group * context + token[:, None]) * WIDTH + column[None, :]
        keys = tl.load(k + place, mask=here[:, None], other=0.0)
        scores = tl.dot(query, tl.trans(keys), input_precision="ieee") * factor
        scores = tl.where(here[None, :], scores, -float("inf"))
        above = tl.maximum(highest, tl.max(scores, axis=1))
        lowered = tl.exp2(highest - above)
        weights = tl.exp2(scores - above[:, None])
        values = tl.load(v + place, mask=here[:, None], other=0.0)
        mixed = mixed * lowered[:, None] + tl.dot(weights.to(values.dtype), values, input_precision="ieee")
        total = total * lowered + tl.sum(weights, axis=1)
        highest = above
    slot = (group * parts + part) * QUERIES + row
    tl.store(partial + slot[:, None] * WIDTH + column[None, :], mixed, mask=known)
    tl.store(extremes + slot * 2, highest, mask=row < QUERIES)
    tl.store(extremes + slot * 2 + 1, total, mask=row < QUERIES)


@triton.jit
def _merge(partial, extremes, y, parts, QUERIES: tl.constexpr, WIDTH: tl.constexpr):  # type: ignore[no-untyped-def]
    """Add up the parts of one query, each by its weight."""
    group, query = tl.program_id(0), tl.program_id(1)
    column = tl.arange(0, WIDTH)
    highest, total = -float("inf"), 0.0
    mixed = tl.zeros((WIDTH,), tl.float32)
    for part in range(parts):
        slot = (group * parts + part) * QUERIES + query
        peak, weight = tl.load(extremes + slot * 2), tl.load(extremes + slot * 2 + 1)
        above = tl.maximum(highest, peak)
        lowered, share = tl.exp2(highest - above), tl.exp2(peak - above)
        mixed = mixed * lowered + share * tl.load(partial + slot * WIDTH + column)
        total = total * lowered + share * weight
        highest = above
    tl.store(y + (group * QUERIES + query) * WIDTH + column, mixed / total)


def parts_of(groups: int, context: int, units: int) -> int:
    """Return into how many parts to cut a context, that all units of the device have work.

    Examples
    --------
    >>> parts_of(groups=8, context=16384, units=132), parts_of(groups=1024, context=512, units=132)
    (33, 1)
    """
    wanted = -(-PROGRAMS_PER_UNIT * units // groups)
    steps = -(-context // TOKENS)
    per_part = -(-steps // min(wanted, steps))
    return -(-steps // per_part)


def attention_decode(point: Point, inputs: Arrays, tensor: ToTensor) -> Bound:
    """Bind one token per sequence against its cache; keys and values of one width, a power of two."""
    s = point.shape
    groups, queries, width = s["batch"] * s["kv_heads"], s["heads"] // s["kv_heads"], s["head_dim"]
    q, k, v = (tensor(inputs[name], point.dtype) for name in "qkv")
    parts = parts_of(groups, s["context"], _units(q.device))
    per_part = -(-s["context"] // parts // TOKENS) * TOKENS
    per_part += TOKENS if per_part * parts < s["context"] else 0
    partial = torch.empty((groups, parts, queries, width), device=q.device)
    extremes = torch.empty((groups, parts, queries, 2), device=q.device)
    y = torch.empty((s["batch"], s["heads"], width), device=q.device)
    factor = float(np.log2(np.e) / np.sqrt(width))
    rows = max(LEAST_ROWS, triton.next_power_of_2(queries))

    def call() -> Mapping[str, Any]:
        _attend[(groups, parts)](
            q, k, v, partial, extremes, s["context"], per_part, parts, factor,
            QUERIES=queries, ROWS=rows, WIDTH=width, STEP=TOKENS,
        )  # fmt: skip
        _merge[(groups, queries)](partial, extremes, y, parts, QUERIES=queries, WIDTH=width, num_warps=1)
        return {"y": y}

    return call


def _units(device: torch.device) -> int:
    """Return the multiprocessors of a device."""
    if device.type == "cuda":
        return int(torch.cuda.get_device_properties(device).multi_processor_count)
    return UNITS
