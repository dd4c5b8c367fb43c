"""Attention over a prompt (prefill) and of one new token over its cache (decode)."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from profiler.kernels.drawn import draw
from profiler.kernels.kernel import (
    DTYPE_BYTES,
    ESSENTIAL,
    EXHAUSTIVE,
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

CHECKED_QUERIES = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Heads:
    """How a model cuts its width: query heads, key heads, width of a key and of a value."""

    heads: int
    kv_heads: int
    head_dim: int = 128
    value_dim: int | None = None
    """Where values are narrower than keys."""


GQA = Heads(heads=32, kv_heads=8)
"""Llama-3 8B."""
MHA = Heads(heads=32, kv_heads=32)
"""Llama-2 7B."""
MQA = Heads(heads=48, kv_heads=1)
"""StarCoder."""
SMALL = Heads(heads=14, kv_heads=2, head_dim=64)
"""Qwen2.5 0.5B."""
MLA = Heads(heads=16, kv_heads=16, head_dim=192, value_dim=128)
"""DeepSeek-V2 Lite over a prompt: keys and values unfolded."""
LATENT = Heads(heads=16, kv_heads=1, head_dim=576, value_dim=512)
"""The same per token: absorbed, all heads share one latent, whose first 512 entries are the values."""
WIDE_LATENT = Heads(heads=128, kv_heads=1, head_dim=576, value_dim=512)
"""DeepSeek-V3."""
WINDOW = 4096
"""Of Mistral 7B."""

TOLERANCE = {"fp32": 1e-5, "bf16": 1.5e-2}
"""Rounding of a softmax-weighted mean in 24 and in 8 bits of mantissa."""


def _shape(heads: Heads, **lengths: int) -> dict[str, int]:
    shape = {"heads": heads.heads, "kv_heads": heads.kv_heads, "head_dim": heads.head_dim, **lengths}
    return shape if heads.value_dim is None else {**shape, "value_dim": heads.value_dim}


def value_dim(point: Point) -> int:
    """Return the width of a value, that of a key where nothing is said."""
    return point.shape.get("value_dim", point.shape["head_dim"])


def is_latent(point: Point) -> bool:
    """Tell whether the values are the first entries of the keys: multi-head latent attention, absorbed."""
    return point.kernel == AttentionDecode.name and "value_dim" in point.shape


def causal_pairs(tokens: int, window: int | None) -> float:
    """Return how many pairs of query and key there are: each token sees itself and window - 1 before it."""
    reach = min(tokens, window or tokens)
    return reach * (reach + 1) / 2 + (tokens - reach) * reach


def _softmax(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    weights: NDArray[np.float64] = np.exp(scores - scores.max(axis=-1, keepdims=True))
    weights /= weights.sum(axis=-1, keepdims=True)
    return weights


class AttentionPrefill(Kernel):
    """Causal attention of a prompt of `tokens` with itself; q, k, v are (batch, heads, tokens, width).

    With a `window` in its shape, a token sees only itself and the window - 1 before it.
    """

    name = "attention_prefill"
    rotated = ("q", "k", "v")

    def points(self) -> tuple[Point, ...]:
        """Return prompts of 128 to 16384 tokens, GQA first, then MHA, MQA, MLA and a sliding window."""
        rows = (
            (GQA, 512, None, "bf16", ESSENTIAL, True), (GQA, 512, None, "fp32", WANTED, True),
            (GQA, 2048, None, "bf16", ESSENTIAL, False), (GQA, 128, None, "bf16", ESSENTIAL, False),
            (GQA, 1024, None, "fp32", WANTED, False), (GQA, 128, None, "fp32", WANTED, False),
            (MHA, 512, None, "bf16", WANTED, False), (SMALL, 1024, None, "bf16", WANTED, False),
            (MLA, 512, None, "bf16", WANTED, False), (MQA, 512, None, "bf16", EXTRA, False),
            (GQA, 2048, 512, "bf16", EXTRA, False), (SMALL, 256, None, "bf16", EXTRA, False),
            (MHA, 1024, None, "fp32", EXTRA, False), (GQA, 2048, None, "fp32", EXTRA, False),
            (GQA, 4096, None, "bf16", EXTRA, False), (MLA, 2048, None, "bf16", EXTRA, False),
            (GQA, 8192, None, "bf16", EXHAUSTIVE, False), (GQA, 8192, WINDOW, "bf16", EXHAUSTIVE, False),
            (SMALL, 16384, None, "bf16", EXHAUSTIVE, False),
        )  # fmt: skip
        return tuple(
            Point(
                kernel=self.name, dtype=dtype, tier=tier, scout=scout,
                shape=_shape(heads, batch=1, tokens=tokens, **({} if window is None else {"window": window})),
            )
            for heads, tokens, window, dtype, tier, scout in rows
        )  # fmt: skip

    def work(self, point: Point) -> Work:
        """Scores and mix of the causal pairs, 2 flop per entry of a key and of a value; q, k, v, y once."""
        s = point.shape
        widths = s["head_dim"] + value_dim(point)
        pairs = causal_pairs(s["tokens"], s.get("window"))
        entries = s["batch"] * s["tokens"] * (s["heads"] + s["kv_heads"]) * widths
        return Work(
            flop=2.0 * s["batch"] * s["heads"] * widths * pairs,
            bytes=float(entries * DTYPE_BYTES[point.dtype]),
        )

    def inputs(self, point: Point, rng: np.random.Generator) -> Arrays:
        """Draw q, k and v."""
        s = point.shape
        cut = {
            "q": (s["heads"], s["head_dim"]), "k": (s["kv_heads"], s["head_dim"]),
            "v": (s["kv_heads"], value_dim(point)),
        }  # fmt: skip
        return {
            name: draw(rng, (s["batch"], heads, s["tokens"], width)) for name, (heads, width) in cut.items()
        }

    def error(self, point: Point, inputs: Arrays, output: Arrays) -> float:
        """Compare some queries of all heads."""
        s = point.shape
        heads, queries = np.arange(s["heads"]), spots(s["tokens"], CHECKED_QUERIES)
        expected = np.zeros((len(heads), len(queries), value_dim(point)))
        before = queries[:, None] - np.arange(s["tokens"])[None, :]
        hidden = (before < 0) | (before >= s.get("window", s["tokens"]))
        for i, head in enumerate(heads):
            shared = head * s["kv_heads"] // s["heads"]
            k, v = inputs["k"][0, shared], inputs["v"][0, shared]
            scores = multiply_float64(inputs["q"][0, head, queries], k) / np.sqrt(s["head_dim"])
            scores[hidden] = -np.inf
            expected[i] = multiply_float64(_softmax(scores), v.T)
        return relative_error(output["y"][0][np.ix_(heads, queries)], expected)

    def tolerance(self, point: Point) -> float:
        """Return the rounding of the dtype."""
        return TOLERANCE[point.dtype]


class AttentionDecode(Kernel):
    """One new token per sequence against `context` cached ones; dtype is the cache's.

    A sliding window caches no more than its width, so it is a context of that
    length. A latent cache (MLA) holds one entry per token; values are a part of keys.
    """

    name = "attention_decode"
    rotated = ("k", "v")

    def points(self) -> tuple[Point, ...]:
        """Return contexts of 128 to 65536 tokens, GQA first, then MHA, MQA and MLA."""
        rows = (
            (GQA, 1, 4096, "bf16", ESSENTIAL, True), (GQA, 1, 16384, "bf16", ESSENTIAL, True),
            (GQA, 1, 512, "bf16", ESSENTIAL, False), (GQA, 8, 1024, "bf16", ESSENTIAL, False),
            (MHA, 1, 4096, "bf16", WANTED, False), (GQA, 1, 128, "bf16", WANTED, False),
            (GQA, 1, 4096, "fp32", WANTED, True), (GQA, 1, 16384, "fp32", WANTED, False),
            (LATENT, 1, 4096, "bf16", WANTED, False), (MQA, 1, 4096, "bf16", EXTRA, False),
            (MHA, 1, 16384, "bf16", EXTRA, False), (MHA, 1, 512, "bf16", EXTRA, False),
            (GQA, 1, 512, "fp32", EXTRA, False), (MHA, 1, 4096, "fp32", EXTRA, False),
            (SMALL, 1, 2048, "bf16", EXTRA, False), (GQA, 4, 4096, "bf16", EXTRA, False),
            (GQA, 32, 512, "bf16", EXTRA, False), (WIDE_LATENT, 1, 4096, "bf16", EXTRA, False),
            (GQA, 1, 65536, "bf16", EXTRA, False), (LATENT, 1, 65536, "bf16", EXHAUSTIVE, False),
            (MQA, 1, 65536, "bf16", EXHAUSTIVE, False), (MHA, 1, 65536, "bf16", EXHAUSTIVE, False),
            (GQA, 1, 65536, "fp32", EXHAUSTIVE, False),
        )  # fmt: skip
        return tuple(
            Point(
                kernel=self.name, dtype=dtype, tier=tier, scout=scout,
                shape=_shape(heads, batch=batch, context=context),
            )
            for heads, batch, context, dtype, tier, scout in rows
        )  # fmt: skip

    def work(self, point: Point) -> Work:
        """2 flop per entry of a key and of a value, per query head; the cache once, q and y in float32."""
        s = point.shape
        widths = s["head_dim"] + value_dim(point)
        cached = s["batch"] * s["context"]
        stored = cached * s["kv_heads"] * (s["head_dim"] if is_latent(point) else widths)
        return Work(
            flop=2.0 * cached * s["heads"] * widths,
            bytes=float(stored * DTYPE_BYTES[point.dtype] + 4 * s["batch"] * s["heads"] * widths),
        )

    def inputs(self, point: Point, rng: np.random.Generator) -> Arrays:
        """Draw q (batch, heads, head_dim) and the cache k, v (batch, kv_heads, context, width)."""
        s = point.shape
        cache = (s["batch"], s["kv_heads"], s["context"])
        q, k = draw(rng, (s["batch"], s["heads"], s["head_dim"])), draw(rng, (*cache, s["head_dim"]))
        v = k[..., : value_dim(point)] if is_latent(point) else draw(rng, (*cache, value_dim(point)))
        return {"q": q, "k": k, "v": v}

    def error(self, point: Point, inputs: Arrays, output: Arrays) -> float:
        """Compare all heads of the last sequence."""
        s = point.shape
        heads = np.arange(s["heads"])
        expected = np.zeros((len(heads), value_dim(point)))
        for i, head in enumerate(heads):
            shared = head * s["kv_heads"] // s["heads"]
            k, v = inputs["k"][-1, shared], inputs["v"][-1, shared]
            scores = multiply_float64(inputs["q"][-1, [head]], k) / np.sqrt(s["head_dim"])
            expected[i] = multiply_float64(_softmax(scores), v.T)[0]
        return relative_error(output["y"][-1, heads], expected)

    def tolerance(self, point: Point) -> float:
        """Return the rounding of the cache's dtype."""
        return TOLERANCE[point.dtype]
