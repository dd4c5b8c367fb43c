"""Mamba-2: state space duality over a prompt and the state update of one token.

h = exp(delta A) h + (delta x) B^T;  y = h C + D x, with one decay per head and token (T. Dao and
A. Gu, "Transformers are SSMs", 2024, section 6). Work counts the recurrence as written; what a
chunked algorithm does beyond that is its own.
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

FLOP_PER_STATE = 5
"""delta x times B, decay times h, plus, times C, plus."""
FLOP_PER_CHANNEL = 3
"""delta x, and D x added to y."""
HEAD_DIM, D_STATE = 64, 128
"""Of Mamba-2, all sizes, and of most hybrids."""
CHECKED_HEADS = 2
TOLERANCE = {"fp32": 2e-5, "bf16": 2e-2}
"""Rounding over thousands of decaying steps; bf16 rounds what enters the matmuls to 8 bits."""


def reference(
    inputs: Arrays, sequence: int, heads: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Run the recurrence in float64 for some heads of one sequence.

    Returns
    -------
    y : ndarray, shape (tokens, heads, head_dim)
    state : ndarray, shape (heads, head_dim, d_state)
    """
    x = inputs["x"][sequence][:, heads].astype(np.float64)
    delta = inputs["delta"][sequence][:, heads].astype(np.float64)
    b, c = (inputs[name][sequence].astype(np.float64) for name in ("b", "c"))
    decay = np.exp(delta * inputs["a"][heads].astype(np.float64))
    state = inputs["state"][sequence][heads].astype(np.float64)
    y = np.empty_like(x)
    for t in range(len(x)):
        state = decay[t][:, None, None] * state + (delta[t][:, None] * x[t])[:, :, None] * b[t]
        y[t] = state @ c[t]
    return y + inputs["d"][heads].astype(np.float64)[:, None] * x, state


def _work(point: Point, tokens: int) -> Work:
    s = point.shape
    channels, states = s["heads"] * s["head_dim"], s["d_state"]
    flop = s["batch"] * tokens * channels * (FLOP_PER_STATE * states + FLOP_PER_CHANNEL)
    per_token = 2 * channels + 2 * states + s["heads"]
    moved = s["batch"] * (tokens * per_token + 2 * channels * states) + 2 * s["heads"]
    return Work(flop=float(flop), bytes=4.0 * moved)


def _inputs(point: Point, tokens: int, rng: np.random.Generator) -> Arrays:
    s = point.shape
    batch, heads, states = s["batch"], s["heads"], s["d_state"]
    # softplus of delta's projection lies in (0.001, 0.1) after the usual initialisation.
    delta = np.exp(rng.uniform(np.log(1e-3), np.log(1e-1), 65521)).astype(np.float32)
    return {
        "x": draw(rng, (batch, tokens, heads, s["head_dim"])),
        "delta": np.resize(delta, (batch, tokens, heads)),
        "b": draw(rng, (batch, tokens, states)),
        "c": draw(rng, (batch, tokens, states)),
        "a": -(1 + 15 * rng.random(heads, dtype=np.float32)),
        "d": draw(rng, (heads,)),
        "state": draw(rng, (batch, heads, s["head_dim"], states)),
    }


def _error(point: Point, inputs: Arrays, output: Arrays) -> float:
    heads = spots(point.shape["heads"], CHECKED_HEADS)
    y, state = reference(inputs, -1, heads)
    return max(
        relative_error(output["y"][-1][:, heads], y), relative_error(output["state"][-1][heads], state)
    )


def _shape(batch: int, heads: int, **lengths: int) -> dict[str, int]:
    return {"batch": batch, **lengths, "heads": heads, "head_dim": HEAD_DIM, "d_state": D_STATE}


class SsdScan(Kernel):
    """All tokens of a prompt, from a given state to the last one; float32 in and out."""

    name = "ssd_scan"
    rotated = ("x", "delta")

    def points(self) -> tuple[Point, ...]:
        """Return prompts of 16 to 4096 tokens over widths of Mamba-2 130M to 2.7B."""
        rows = (
            (512, 32, ESSENTIAL, True), (64, 32, ESSENTIAL, False), (2048, 32, ESSENTIAL, False),
            (512, 80, WANTED, False), (256, 24, WANTED, False),
            (16, 24, EXTRA, False), (2048, 80, EXTRA, False), (4096, 32, EXTRA, False),
        )  # fmt: skip
        return tuple(
            Point(
                kernel=self.name, dtype="fp32", tier=tier, scout=scout, shape=_shape(1, heads, tokens=tokens)
            )
            for tokens, heads, tier, scout in rows
        )

    def work(self, point: Point) -> Work:
        """Return exact counts; the state is read and written once per prompt."""
        return _work(point, point.shape["tokens"])

    def inputs(self, point: Point, rng: np.random.Generator) -> Arrays:
        """Draw x, delta, b, c, a, d and the state before the prompt."""
        return _inputs(point, point.shape["tokens"], rng)

    def error(self, point: Point, inputs: Arrays, output: Arrays) -> float:
        """Compare all tokens and the last state of some heads."""
        return _error(point, inputs, output)

    def tolerance(self, point: Point) -> float:
        """Return the rounding of the dtype."""
        return TOLERANCE[point.dtype]


class SsdStateUpdate(Kernel):
    """One token of each of `batch` sequences, in float32."""

    name = "ssd_state_update"
    rotated = ("state",)

    def points(self) -> tuple[Point, ...]:
        """Return 1 to 64 sequences over widths of Mamba-2 130M to 2.7B."""
        rows = (
            (1, 32, ESSENTIAL, True), (16, 32, ESSENTIAL, False), (1, 80, WANTED, False),
            (8, 24, WANTED, False), (32, 80, EXTRA, False), (64, 32, EXTRA, False),
        )  # fmt: skip
        return tuple(
            Point(kernel=self.name, dtype="fp32", tier=tier, scout=scout, shape=_shape(batch, heads))
            for batch, heads, tier, scout in rows
        )

    def work(self, point: Point) -> Work:
        """Return exact counts; the state is read and written."""
        return _work(point, 1)

    def inputs(self, point: Point, rng: np.random.Generator) -> Arrays:
        """Draw the same inputs as a scan of one token."""
        return _inputs(point, 1, rng)

    def error(self, point: Point, inputs: Arrays, output: Arrays) -> float:
        """Compare the output and the new state of some heads."""
        return _error(point, inputs, output)

    def tolerance(self, point: Point) -> float:
        """Return the rounding of the dtype."""
        return TOLERANCE[point.dtype]
