"""The short causal convolution before a recurrence: depthwise, with SiLU, over a prompt or one token."""

import numpy as np
from numpy.typing import NDArray

from profiler.kernels.drawn import draw
from profiler.kernels.kernel import (
    DTYPE_BYTES,
    ESSENTIAL,
    EXTRA,
    WANTED,
    Arrays,
    Kernel,
    Point,
    Work,
    relative_error,
    rows_checked,
)  # fmt: skip

WIDTH = 4
"""Taps; all Mamba models have four."""
SILU_FLOP = 4
"""Exponential, sum, quotient, product."""


def silu(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return x / (1 + exp(-x))."""
    y: NDArray[np.float64] = x / (1 + np.exp(-x))
    return y


class CausalConv1d(Kernel):
    """y[t] = silu(bias + sum_w weight[w] x[t - width + 1 + w]) per channel.

    What came before the prompt, `history` of width - 1 tokens, is part of the
    input and the last width - 1 tokens are part of the output: one token is
    the update of decoding.
    """

    name = "causal_conv1d"
    rotated = ("x",)

    def points(self) -> tuple[Point, ...]:
        """Return prompts and single tokens over the widths of Mamba (2048, 5120) and Mamba-2 2.7B (5376)."""
        rows = (
            (1, 512, 2048, ESSENTIAL, True), (1, 1, 2048, ESSENTIAL, False), (1, 2048, 5376, WANTED, False),
            (16, 1, 5120, WANTED, False), (1, 64, 2048, EXTRA, False), (1, 4096, 2048, EXTRA, False),
        )  # fmt: skip
        return tuple(
            Point(
                kernel=self.name, dtype="fp32", tier=tier, scout=scout,
                shape={"batch": batch, "tokens": tokens, "channels": channels, "width": WIDTH},
            )
            for batch, tokens, channels, tier, scout in rows
        )  # fmt: skip

    def work(self, point: Point) -> Work:
        """2 width flop, the bias and SiLU per value; x and y once, the history in and out."""
        s = point.shape
        values, size = s["batch"] * s["tokens"] * s["channels"], DTYPE_BYTES[point.dtype]
        history = s["batch"] * (s["width"] - 1) * s["channels"]
        weights = (s["width"] + 1) * s["channels"]
        return Work(
            flop=float(values * (2 * s["width"] + SILU_FLOP)),
            bytes=float(size * (2 * values + 2 * history + weights)),
        )

    def inputs(self, point: Point, rng: np.random.Generator) -> Arrays:
        """Draw x (batch, tokens, channels), history, weight (width, channels) and bias."""
        s = point.shape
        batch, channels, width = s["batch"], s["channels"], s["width"]
        return {
            "x": draw(rng, (batch, s["tokens"], channels)),
            "history": draw(rng, (batch, width - 1, channels)),
            "weight": draw(rng, (width, channels), scale=width**-0.5),
            "bias": draw(rng, (channels,), scale=0.1),
        }

    def error(self, point: Point, inputs: Arrays, output: Arrays) -> float:
        """Compare all tokens, and the history that is left, of some channels of the last sequence."""
        tokens, width = point.shape["tokens"], point.shape["width"]
        at = rows_checked(point.shape["channels"], point.shape["tokens"])
        seen = np.concatenate([inputs["history"][-1], inputs["x"][-1]])[:, at].astype(np.float64)
        weight = inputs["weight"][:, at].astype(np.float64)
        mixed = sum(weight[w] * seen[w : w + tokens] for w in range(width)) + inputs["bias"][at]
        return max(
            relative_error(output["y"][-1][:, at], silu(np.asarray(mixed))),
            relative_error(output["history"][-1][:, at], seen[tokens:]),
        )

    def tolerance(self, point: Point) -> float:
        """Return float32 rounding."""
        return 1e-5
