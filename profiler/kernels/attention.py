"""Attention over a prompt (prefill) and of one new token over its cache (decode)."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from profiler.kernels.kernel import (
    DTYPE_BYTES,
    ESSENTIAL,
    EXTRA,
    WANTED,
    Arrays,
    Kernel,
    Point,
    Work,
    draw,
    multiply_float64,
    relative_error,
    spots,
)  # fmt: skip

CHECKED_HEADS = 2
CHECKED_QUERIES = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Heads:
    """How a model cuts its width: query heads, key heads, width of one."""

    heads: int
    kv_heads: int
    head_dim: int = 128


GQA = Heads(heads=32, kv_heads=8)
"""Llama-3 8B."""
MHA = Heads(heads=32, kv_heads=32)
"""Llama-2 7B."""
SMALL = Heads(heads=14, kv_heads=2, head_dim=64)
"""Qwen2.5 0.5B."""

TOLERANCE = {"fp32": 1e-5, "bf16": 1.5e-2}
"""Rounding of a softmax-weighted mean in 24 and in 8 bits of mantissa."""


def _shape(heads: Heads, **lengths: int) -> dict[str, int]:
    return {"heads": heads.heads, "kv_heads": heads.kv_heads, "head_dim": heads.head_dim, **lengths}


def _softmax(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    weights: NDArray[np.float64] = np.exp(scores - scores.max(axis=-1, keepdims=True))
    weights /= weights.sum(axis=-1, keepdims=True)
    return weights


class AttentionPrefill(Kernel):
    """Causal attention of a prompt of `tokens` with itself; q, k, v are (batch, heads, tokens, head_dim)."""

    name = "attention_prefill"
    rotated = ("q", "k", "v")

    def points(self) -> tuple[Point, ...]:
        """Return prompts of 128 to 4096 tokens, GQA first."""
        rows = (
            (GQA, 512, "bf16", ESSENTIAL, True), (GQA, 512, "fp32", WANTED, True),
            (GQA, 2048, "bf16", ESSENTIAL, False), (GQA, 128, "bf16", ESSENTIAL, False),
            (GQA, 1024, "fp32", WANTED, False), (GQA, 128, "fp32", WANTED, False),
            (MHA, 512, "bf16", WANTED, False), (SMALL, 1024, "bf16", WANTED, False),
            (SMALL, 256, "bf16", EXTRA, False), (MHA, 1024, "fp32", EXTRA, False),
            (GQA, 2048, "fp32", EXTRA, False), (GQA, 4096, "bf16", EXTRA, False),
        )  # fmt: skip
        return tuple(
            Point(
                kernel=self.name, dtype=dtype, tier=tier, scout=scout,
                shape=_shape(heads, batch=1, tokens=tokens),
            )
            for heads, tokens, dtype, tier, scout in rows
        )  # fmt: skip

    def work(self, point: Point) -> Work:
        """Scores and mix of the s (s + 1) / 2 causal pairs, 4 head_dim flop each; q, k, v, y once."""
        s = point.shape
        pairs = s["tokens"] * (s["tokens"] + 1) / 2
        flop = 4.0 * s["batch"] * s["heads"] * s["head_dim"] * pairs
        rows = s["batch"] * s["tokens"] * (2 * s["heads"] + 2 * s["kv_heads"])
        return Work(flop=flop, bytes=float(rows * s["head_dim"] * DTYPE_BYTES[point.dtype]))

    def inputs(self, point: Point, rng: np.random.Generator) -> Arrays:
        """Draw q, k and v."""
        s = point.shape
        cut = {"q": s["heads"], "k": s["kv_heads"], "v": s["kv_heads"]}
        return {
            name: draw(rng, (s["batch"], heads, s["tokens"], s["head_dim"])) for name, heads in cut.items()
        }

    def error(self, point: Point, inputs: Arrays, output: Arrays) -> float:
        """Compare some queries of some heads."""
        s = point.shape
        heads, queries = spots(s["heads"], CHECKED_HEADS), spots(s["tokens"], CHECKED_QUERIES)
        expected = np.zeros((len(heads), len(queries), s["head_dim"]))
        for i, head in enumerate(heads):
            shared = head * s["kv_heads"] // s["heads"]
            k, v = inputs["k"][0, shared], inputs["v"][0, shared]
            scores = multiply_float64(inputs["q"][0, head, queries], k) / np.sqrt(s["head_dim"])
            scores[np.arange(s["tokens"])[None, :] > queries[:, None]] = -np.inf
            expected[i] = multiply_float64(_softmax(scores), v.T)
        return relative_error(output["y"][0][np.ix_(heads, queries)], expected)

    def tolerance(self, point: Point) -> float:
        """Return the rounding of the dtype."""
        return TOLERANCE[point.dtype]


class AttentionDecode(Kernel):
    """One new token per sequence against `context` cached ones; dtype is the cache's."""

    name = "attention_decode"
    rotated = ("k", "v")

    def points(self) -> tuple[Point, ...]:
        """Return contexts of 128 to 16384 tokens, GQA first."""
        rows = (
            (GQA, 1, 4096, "bf16", ESSENTIAL, True), (GQA, 1, 16384, "bf16", ESSENTIAL, True),
            (GQA, 1, 512, "bf16", ESSENTIAL, False), (GQA, 8, 1024, "bf16", ESSENTIAL, False),
            (MHA, 1, 4096, "bf16", WANTED, False), (GQA, 1, 128, "bf16", WANTED, False),
            (GQA, 1, 4096, "fp32", WANTED, True), (GQA, 1, 16384, "fp32", WANTED, False),
            (MHA, 1, 16384, "bf16", EXTRA, False), (MHA, 1, 512, "bf16", EXTRA, False),
            (GQA, 1, 512, "fp32", EXTRA, False), (MHA, 1, 4096, "fp32", EXTRA, False),
            (SMALL, 1, 2048, "bf16", EXTRA, False), (GQA, 4, 4096, "bf16", EXTRA, False),
            (GQA, 32, 512, "bf16", EXTRA, False),
        )  # fmt: skip
        return tuple(
            Point(
                kernel=self.name, dtype=dtype, tier=tier, scout=scout,
                shape=_shape(heads, batch=batch, context=context),
            )
            for heads, batch, context, dtype, tier, scout in rows
        )  # fmt: skip

    def work(self, point: Point) -> Work:
        """4 head_dim flop per query head and cached token; the cache once, q and y in float32."""
        s = point.shape
        cached = s["batch"] * s["context"] * s["head_dim"]
        q_and_y = 2 * 4 * s["batch"] * s["heads"] * s["head_dim"]
        return Work(
            flop=4.0 * cached * s["heads"],
            bytes=float(2 * cached * s["kv_heads"] * DTYPE_BYTES[point.dtype] + q_and_y),
        )

    def inputs(self, point: Point, rng: np.random.Generator) -> Arrays:
        """Draw q (batch, heads, head_dim) and the cache k, v (batch, kv_heads, context, head_dim)."""
        s = point.shape
        cache = (s["batch"], s["kv_heads"], s["context"], s["head_dim"])
        return {
            "q": draw(rng, (s["batch"], s["heads"], s["head_dim"])),
            "k": draw(rng, cache),
            "v": draw(rng, cache),
        }

    def error(self, point: Point, inputs: Arrays, output: Arrays) -> float:
        """Compare some heads of the last sequence."""
        s = point.shape
        heads = spots(s["heads"], CHECKED_HEADS)
        expected = np.zeros((len(heads), s["head_dim"]))
        for i, head in enumerate(heads):
            shared = head * s["kv_heads"] // s["heads"]
            k, v = inputs["k"][-1, shared], inputs["v"][-1, shared]
            scores = multiply_float64(inputs["q"][-1, [head]], k) / np.sqrt(s["head_dim"])
            expected[i] = multiply_float64(_softmax(scores), v.T)[0]
        return relative_error(output["y"][-1, heads], expected)

    def tolerance(self, point: Point) -> float:
        """Return the rounding of the cache's dtype."""
        return TOLERANCE[point.dtype]
