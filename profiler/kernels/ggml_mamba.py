"""What is left of a Mamba-1 layer beside its matmuls, as llama.cpp computes it.

RMS norm, the causal convolution on its kept inputs, SiLU, the selective scan with its softplus, the skip
and the gate, and both states written back. Equations of the scan as in `selective_scan`.
"""

import numpy as np
from numpy.typing import NDArray

from profiler.kernels.drawn import draw
from profiler.kernels.ggml_layer import EPSILON
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

CONV = 4
"""Inputs that the convolution sees."""
CHECKED_CHANNELS = 8
FLOP_PER_STATE, FLOP_PER_CHANNEL = 7, 3


class GgmlMamba(Kernel):
    """Shape: batch (sequences), tokens (of each), hidden, d_inner, d_state."""

    name = "ggml_mamba"
    rotated = ("x", "z", "delta")

    def points(self) -> tuple[Point, ...]:
        """Return decode of 1 to 32 sequences and prompts up to 512 tokens."""
        rows = (
            (1, 1, 1024, ESSENTIAL), (8, 1, 1024, ESSENTIAL), (32, 1, 1024, WANTED), (2, 1, 1024, WANTED),
            (1, 512, 1024, ESSENTIAL), (1, 128, 1024, WANTED), (1, 32, 1024, WANTED), (1, 512, 2048, EXTRA),
            (1, 1, 2048, EXTRA),
        )  # fmt: skip
        return tuple(
            Point(
                kernel=self.name, dtype="fp32", tier=tier,
                shape={
                    "batch": batch, "tokens": tokens, "hidden": hidden, "d_inner": 2 * hidden, "d_state": 16,
                },
            )
            for batch, tokens, hidden, tier in rows
        )  # fmt: skip

    def work(self, point: Point) -> Work:
        """Count the scan alone, as in `selective_scan`: the rest is what surrounds it."""
        s = point.shape
        rows, width, states = s["batch"] * s["tokens"], s["d_inner"], s["d_state"]
        moved = rows * (3 * width + 2 * states) + 2 * s["batch"] * width * states
        return Work(
            flop=float(rows * width * (FLOP_PER_STATE * states + FLOP_PER_CHANNEL)), bytes=4.0 * moved
        )

    def roamed_bytes(self, point: Point) -> float:
        """Keep a prompt's activations warm: a graph uses the same buffers for every layer."""
        prompt = point.shape["tokens"] > 16
        return float("inf") if prompt else super().roamed_bytes(point)

    def inputs(self, point: Point, rng: np.random.Generator) -> Arrays:
        """Draw what comes in from the layer before, from the matmuls and from the states."""
        s = point.shape
        batch, tokens, width, states = s["batch"], s["tokens"], s["d_inner"], s["d_state"]
        return {
            "h": draw(rng, (batch * tokens, s["hidden"])),
            "norm": draw(rng, (s["hidden"],)),
            "x": draw(rng, (batch, tokens, width)),
            "z": draw(rng, (batch, tokens, width)),
            "delta": draw(rng, (batch, tokens, width)) - np.float32(3),
            "b": draw(rng, (batch, tokens, states)),
            "c": draw(rng, (batch, tokens, states)),
            "a": -(1 + 15 * rng.random((width, states), dtype=np.float32)),
            "d": draw(rng, (width,)),
            "bias": np.zeros(width, np.float32),
            "conv": draw(rng, (width, CONV)),
            "conv_state": draw(rng, (batch, width, CONV - 1)),
            "state": draw(rng, (batch, width, states)),
        }

    def error(self, point: Point, inputs: Arrays, output: Arrays) -> float:
        """Compare the norm, and all tokens and the last states of some channels."""
        channels = spots(point.shape["d_inner"], CHECKED_CHANNELS)
        h = inputs["h"].astype(np.float64)
        normed = h / np.sqrt(np.square(h).mean(axis=-1, keepdims=True) + EPSILON) * inputs["norm"] + h
        y, state = reference(inputs, channels)
        return max(
            relative_error(output["normed"], normed),
            relative_error(output["y"][-1][:, channels], y),
            relative_error(output["state"][-1][channels], state),
        )

    def tolerance(self, point: Point) -> float:
        """Return float32 rounding and ggml's approximations of exponentials."""
        return 2e-3


def reference(inputs: Arrays, channels: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Run convolution, scan and gate of the last sequence in float64 for some channels."""
    x, z, delta = (inputs[name][-1][:, channels].astype(np.float64) for name in ("x", "z", "delta"))
    b, c = (inputs[name][-1].astype(np.float64) for name in ("b", "c"))
    a, skip, taps = (inputs[name][channels].astype(np.float64) for name in ("a", "d", "conv"))
    kept = inputs["conv_state"][-1][channels].astype(np.float64)
    seen = np.concatenate([kept.T, x])
    mixed = np.stack([(seen[t : t + CONV] * taps.T).sum(axis=0) for t in range(len(x))])
    u = mixed / (1 + np.exp(-mixed))
    step = np.log1p(np.exp(delta))
    state = inputs["state"][-1][channels].astype(np.float64)
    y = np.empty_like(u)
    for t in range(len(u)):
        state = np.exp(step[t][:, None] * a) * state + (step[t] * u[t])[:, None] * b[t]
        y[t] = (state * c[t]).sum(axis=1) + skip * u[t]
    return y * z / (1 + np.exp(-z)), state
