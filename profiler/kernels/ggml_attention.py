"""Attention over a cache of llama.cpp's layout: prompts on a past, and decode of one or more sequences."""

import math
from collections.abc import Iterator

import numpy as np

from profiler.kernels.drawn import draw
from profiler.kernels.kernel import (
    ESSENTIAL,
    EXTRA,
    WANTED,
    Arrays,
    Kernel,
    Point,
    Work,
    multiply_float64,
    relative_error,
    spots,
)  # fmt: skip

CHECKED_HEADS = 2
CHECKED_QUERIES = 8
PAGE = 256
"""llama.cpp attends over the cache in steps of so many entries."""

NARROW, WIDE = (16, 4, 64), (32, 8, 128)
"""Heads, key heads, width of one: of models below and above some two billion parameters."""


class GgmlAttention(Kernel):
    """New tokens against themselves and a past, causal; cache in float16, queries in float32.

    Shape: batch (sequences), tokens (new ones of each), context (cached, the new ones included), heads,
    kv_heads, head_dim; masked, where some of the context's last entries hold nothing yet: llama.cpp hands
    over whole pages.
    """

    name = "ggml_attention"
    rotated = ("k", "v")

    def points(self) -> tuple[Point, ...]:
        """Return decode over 256 to 8192 tokens, batches of it, and prompts on pasts."""
        rows = (
            (NARROW, 1, 1, 256, ESSENTIAL), (NARROW, 1, 1, 1024, WANTED),
            (NARROW, 1, 1, 2048, ESSENTIAL), (NARROW, 1, 1, 8192, ESSENTIAL),
            (NARROW, 8, 1, 256, ESSENTIAL), (NARROW, 8, 1, 1024, WANTED), (NARROW, 8, 1, 4096, WANTED),
            (NARROW, 32, 1, 512, WANTED), (NARROW, 2, 1, 2048, WANTED),
            (NARROW, 1, 512, 512, ESSENTIAL), (NARROW, 1, 512, 2048, WANTED),
            (NARROW, 1, 512, 8192, ESSENTIAL), (NARROW, 1, 128, 256, WANTED),
            (NARROW, 1, 32, 256, WANTED), (NARROW, 1, 32, 4096, EXTRA), (NARROW, 1, 128, 4096, EXTRA),
            (WIDE, 1, 1, 256, EXTRA), (WIDE, 1, 1, 4096, WANTED), (WIDE, 1, 512, 512, EXTRA),
            (WIDE, 1, 512, 4096, EXTRA), (WIDE, 8, 1, 2048, EXTRA),
        )  # fmt: skip
        return (*self._first_tokens(), *(
            Point(
                kernel=self.name, dtype="fp16", tier=tier,
                shape={
                    "batch": batch, "tokens": tokens, "context": context,
                    "heads": heads, "kv_heads": kv_heads, "head_dim": head_dim,
                },
            )
            for (heads, kv_heads, head_dim), batch, tokens, context, tier in rows
        ))  # fmt: skip

    def _first_tokens(self) -> Iterator[Point]:
        """Yield the first token of sequences: one entry of a page is seen, the rest is masked."""
        heads, kv_heads, head_dim = NARROW
        for batch in (1, 8, 32):
            yield Point(
                kernel=self.name, dtype="fp16", tier=WANTED,
                shape={
                    "batch": batch, "tokens": 1, "context": PAGE, "masked": PAGE - 1,
                    "heads": heads, "kv_heads": kv_heads, "head_dim": head_dim,
                },
            )  # fmt: skip

    def work(self, point: Point) -> Work:
        """4 head_dim flop per query head and causal pair; the cache seen once, q and y in float32."""
        s, past = point.shape, past_of(point)
        pairs = s["tokens"] * past + s["tokens"] * (s["tokens"] + 1) / 2
        cached = 2 * 2.0 * s["batch"] * (past + s["tokens"]) * s["kv_heads"] * s["head_dim"]
        q_and_y = 2 * 4.0 * s["batch"] * s["tokens"] * s["heads"] * s["head_dim"]
        return Work(flop=4.0 * s["batch"] * s["heads"] * s["head_dim"] * pairs, bytes=cached + q_and_y)

    def inputs(self, point: Point, rng: np.random.Generator) -> Arrays:
        """Draw q (batch, tokens, heads, head_dim) and k, v (batch, context, kv_heads, head_dim)."""
        s = point.shape
        cache = (s["batch"], s["context"], s["kv_heads"], s["head_dim"])
        return {
            "q": draw(rng, (s["batch"], s["tokens"], s["heads"], s["head_dim"])),
            "k": draw(rng, cache).astype(np.float16),
            "v": draw(rng, cache).astype(np.float16),
        }

    def error(self, point: Point, inputs: Arrays, output: Arrays) -> float:
        """Compare some queries of some heads of the last sequence."""
        s = point.shape
        heads, queries = spots(s["heads"], CHECKED_HEADS), spots(s["tokens"], CHECKED_QUERIES)
        past = past_of(point)
        expected = np.zeros((len(queries), len(heads), s["head_dim"]))
        for i, head in enumerate(heads):
            shared = head * s["kv_heads"] // s["heads"]
            k, v = inputs["k"][-1, :, shared], inputs["v"][-1, :, shared]
            scores = multiply_float64(inputs["q"][-1, queries, head], k) / np.sqrt(s["head_dim"])
            scores[np.arange(s["context"])[None, :] > past + queries[:, None]] = -np.inf
            weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
            weights /= weights.sum(axis=-1, keepdims=True)
            expected[:, i] = multiply_float64(weights, v.T)
        return relative_error(output["y"][-1][np.ix_(queries, heads)], expected)

    def tolerance(self, point: Point) -> float:
        """Return what sums of values in float16 lose: 11 bits of mantissa, a random walk over the context."""
        return 1e-2 * max(1.0, math.sqrt(point.shape["context"] / 1024))


def past_of(point: Point) -> int:
    """Return the entries that the first new token sees beside itself."""
    return point.shape["context"] - point.shape.get("masked", 0) - point.shape["tokens"]
