"""Attention of one new token over a long cache: the cache is read once, at memory speed.

The context is cut into parts that run in parallel, each with its own softmax, merged at
the end (T. Dao et al., "Flash-Decoding for long-context inference", 2023). A block of the
cache holds the keys of 64 tokens as one panel (head_dim, 64) and their values as panels
(64, 64) for each 64 columns of a head, so that it is read in the order in which it lies.
"""

from typing import Any

import numpy as np
from numba import prange
from numpy.typing import NDArray

from profiler.backends.compiled.jit import compiled, inlined
from profiler.backends.compiled.lanes import (
    LANES,
    add,
    exp2,
    first_lane,
    largest,
    load,
    maximum,
    multiply,
    multiply_add,
    splat,
    store,
    total,
)  # fmt: skip
from profiler.backends.compiled.panel import COLUMNS, add_product

TOKENS = COLUMNS
"""Tokens of one key block; a context is a multiple of it, head_dim a multiple of COLUMNS."""
_LOWEST = np.float32(-1e30)

Floats = NDArray[np.float32]


@inlined
def _exponentiate(scores: Floats, weights: Any, base: int, highest: float, scale: float) -> float:
    """Set weights from flat index `base` to 2^(scale (score - highest)); return their sum, not rounded."""
    factor, shift, sums = splat(scale), splat(-highest * scale), splat(np.float32(0))
    for j in range(base, base + TOKENS, LANES):
        weight = exp2(multiply_add(load(scores, j), factor, shift))
        store(weights, j, weight)
        sums = add(sums, weight)
    return total(sums)  # type: ignore[no-any-return]


@inlined
def _highest(scores: Floats, base: int, before: float) -> float:
    """Return the largest score from flat index `base`, or `before` if that is larger."""
    found = splat(before)
    for j in range(base, base + TOKENS, LANES):
        found = maximum(found, load(scores, j))
    return largest(found)  # type: ignore[no-any-return]


@inlined
def _renormalise(scores: Floats, weights: Any, g: int, result: Floats, scale: float) -> None:
    """Turn scores of query g into weights relative to the largest score so far."""
    head_dim = result.shape[1] - 2
    before = result[g, head_dim]
    highest = _highest(scores, g * TOKENS, before)
    if highest > before:
        factor = exp2(splat((before - highest) * scale))
        row = g * (head_dim + 2)
        for d in range(row, row + head_dim, LANES):
            store(result, d, multiply(load(result, d), factor))
        result[g, head_dim] = highest
        result[g, head_dim + 1] *= first_lane(factor)
    result[g, head_dim + 1] += _exponentiate(scores, weights, g * TOKENS, highest, scale)


@inlined
def _attend(task: int, q: Any, cache: Any, partial: Floats, scale: float) -> None:
    """Attend over one part of one group; `partial` gets the mix, its maximum score and its sum."""
    parts, queries, head_dim = partial.shape[1], q.shape[1], q.shape[2]
    group, part, blocks = task // parts, task % parts, cache.shape[1]
    result = partial[group, part]
    scores, weights = np.empty((queries, TOKENS), np.float32), np.empty((queries, TOKENS), cache.dtype)
    rows_of_q, half = q[group], head_dim * TOKENS
    for g in range(queries):
        for d in range(head_dim + 2):
            result[g, d] = np.float32(0)
        result[g, head_dim] = _LOWEST
    for block in range(blocks * part // parts, blocks * (part + 1) // parts):
        for g in range(queries):
            for j in range(TOKENS):
                scores[g, j] = np.float32(0)
        keys = (group * blocks + block) * 2 * half
        add_product(rows_of_q, cache, keys, head_dim, scores, 0, half)
        for g in range(queries):
            _renormalise(scores, weights, g, result, scale)
        for column in range(0, head_dim, COLUMNS):
            add_product(weights, cache, keys + half + column * TOKENS, TOKENS, result, column, half)


@compiled("void(f4[:, :, :, ::1], f4[:, :, ::1], f8)")
def merge(partial: Floats, out: Floats, scale: float) -> None:
    """Merge the parts of each group; the last two columns of `partial` are maximum and sum."""
    groups, parts, queries, width = partial.shape
    head_dim = width - 2
    for group in range(groups):
        for g in range(queries):
            highest, whole = _LOWEST, np.float32(0)
            for p in range(parts):
                highest = max(highest, partial[group, p, g, head_dim])
            for d in range(head_dim):
                out[group, g, d] = np.float32(0)
            for p in range(parts):
                share = np.exp2((partial[group, p, g, head_dim] - highest) * scale)
                whole += share * partial[group, p, g, head_dim + 1]
                for d in range(head_dim):
                    out[group, g, d] += share * partial[group, p, g, d]
            for d in range(head_dim):
                out[group, g, d] /= whole


@compiled(parallel=True)
def attend_parts(q: Any, cache: Any, partial: Floats, scale: float) -> None:
    """Attend with queries and a cache in float32, or in bfloat16 held as uint16; `merge` finishes.

    q is (groups, queries, head_dim), a group being the queries of one sequence that share a key head;
    cache (groups, blocks, 2, head_dim * TOKENS) holds keys, then values, of each block, see above, of
    bfloat16 as pairs of rows; partial (groups, parts, queries, head_dim + 2) gets the result of each
    part; scale is log2(e) / sqrt(head_dim). Weights are rounded to the cache's format before
    they meet the values, as FlashAttention does on GPUs.
    """
    for task in prange(partial.shape[0] * partial.shape[1]):
        _attend(task, q, cache, partial, scale)
