"""What is left of a transformer layer beside matmuls and attention, as llama.cpp computes it.

Two RMS norms with their weights, rotary of queries and keys, keys and values written to a float16 cache,
the gated activation and two residual sums: a dozen small operations, each a node of the graph with a
barrier behind it. At one token the barriers are the cost, at a prompt's the memory traffic.
"""

import numpy as np
from numpy.typing import NDArray

from profiler.kernels.drawn import draw
from profiler.kernels.kernel import (
    ESSENTIAL,
    EXTRA,
    WANTED,
    Arrays,
    Kernel,
    Point,
    Work,
    relative_error,
    spots,
)  # fmt: skip

EPSILON = 1e-5
ROTARY_BASE = 10000.0
CHECKED_TOKENS = 6
_NORM_MOVES, _ROTARY_MOVES, _GATE_MOVES, _CACHE_MOVES = 4, 2, 3, 2
_NORM_FLOP, _ROTARY_FLOP, _GATE_FLOP = 5, 3, 5


class GgmlLayer(Kernel):
    """Shape: tokens, hidden, ffn (width of the gated part), kv (width of keys), head_dim."""

    name = "ggml_layer"
    rotated = ("gate", "up")

    def points(self) -> tuple[Point, ...]:
        """Return 1 to 512 tokens at the widths of small models."""
        rows = (
            (1, 1024, ESSENTIAL), (32, 1024, ESSENTIAL), (512, 1024, ESSENTIAL), (512, 2048, WANTED),
            (4, 1024, WANTED), (128, 1024, WANTED), (1, 2048, EXTRA), (16, 2048, EXTRA), (128, 2048, EXTRA),
        )  # fmt: skip
        return tuple(
            Point(
                kernel=self.name, dtype="fp32", tier=tier,
                shape={
                    "tokens": tokens, "hidden": hidden, "ffn": 3 * hidden, "kv": hidden // 4, "head_dim": 64,
                },
            )
            for tokens, hidden, tier in rows
        )  # fmt: skip

    def work(self, point: Point) -> Work:
        """Values read and written per token, as float32."""
        s = point.shape
        rotated = s["hidden"] + s["kv"]
        moved = (
            2 * _NORM_MOVES * s["hidden"] + _ROTARY_MOVES * rotated + _GATE_MOVES * s["ffn"]
            + _CACHE_MOVES * s["kv"]
        )  # fmt: skip
        flop = 2 * _NORM_FLOP * s["hidden"] + _ROTARY_FLOP * rotated + _GATE_FLOP * s["ffn"]
        return Work(flop=float(s["tokens"] * flop), bytes=4.0 * s["tokens"] * moved)

    def roamed_bytes(self, point: Point) -> float:
        """Keep a prompt's activations warm: a graph uses the same buffers for every layer."""
        prompt = point.shape["tokens"] > 16
        return float("inf") if prompt else super().roamed_bytes(point)

    def inputs(self, point: Point, rng: np.random.Generator) -> Arrays:
        """Draw what comes in from the layer before and from the matmuls."""
        s = point.shape
        widths = {
            "h": s["hidden"], "q": s["hidden"], "k": s["kv"], "v": s["kv"], "mixed": s["hidden"],
            "gate": s["ffn"], "up": s["ffn"], "down": s["hidden"],
        }  # fmt: skip
        inputs = {name: draw(rng, (s["tokens"], width)) for name, width in widths.items()}
        return {**inputs, "norm": draw(rng, (s["hidden"],)), "norm2": draw(rng, (s["hidden"],))}

    def error(self, point: Point, inputs: Arrays, output: Arrays) -> float:
        """Compare every output at some tokens."""
        tokens = spots(point.shape["tokens"], CHECKED_TOKENS)
        expected = reference(inputs, tokens, point.shape["head_dim"])
        return max(relative_error(output[name][tokens], expected[name]) for name in expected)

    def tolerance(self, point: Point) -> float:
        """Return the float16 of the cache and of ggml's table of the activation."""
        return 2e-3


def reference(inputs: Arrays, tokens: NDArray[np.int64], head_dim: int) -> dict[str, NDArray[np.float64]]:
    """Return all outputs in float64 at some tokens; token i stands at position i."""
    x = {
        name: array[tokens].astype(np.float64) if array.ndim == 2 else array.astype(np.float64)
        for name, array in inputs.items()
    }
    residual = x["mixed"] + x["h"]
    return {
        "normed": _rms(x["h"]) * x["norm"],
        "rotated": rotate(x["q"], tokens, head_dim),
        "keys": rotate(x["k"], tokens, head_dim),
        "values": x["v"],
        "normed2": _rms(residual) * x["norm2"],
        "gated": x["gate"] / (1 + np.exp(-x["gate"])) * x["up"],
        "out": x["down"] + residual,
    }


def _rms(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(x / np.sqrt(np.square(x).mean(axis=-1, keepdims=True) + EPSILON))


def rotate(x: NDArray[np.float64], positions: NDArray[np.int64], head_dim: int) -> NDArray[np.float64]:
    """Rotate neighbouring values of each head by position / base^(2 i / head_dim)."""
    pairs = x.reshape(len(x), -1, head_dim // 2, 2)
    angle = positions[:, None] / ROTARY_BASE ** (np.arange(0, head_dim, 2) / head_dim)[None, :]
    cos, sin = np.cos(angle)[:, None], np.sin(angle)[:, None]
    even, odd = pairs[..., 0], pairs[..., 1]
    return np.stack([even * cos - odd * sin, even * sin + odd * cos], axis=-1).reshape(x.shape)
