"""Mamba-1: the selective scan over a prompt and the state update of one token.

h = exp(delta A) h + delta B x;  y = C h + D x, per channel, with B, C and delta depending
on the token (A. Gu and T. Dao, "Mamba: Linear-Time Sequence Modeling with Selective State
Spaces", 2023, eq. 2 and algorithm 2).
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

FLOP_PER_STATE = 7
"""delta A, exp, times h, delta x times B, plus, times C, plus: the exponential counts one."""
FLOP_PER_CHANNEL = 3
"""delta x, and D x added to y."""
CHECKED_CHANNELS = 64
D_STATE = 16


def reference(
    inputs: Arrays, sequence: int, channels: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Run the recurrence in float64 for some channels of one sequence.

    Returns
    -------
    y : ndarray, shape (tokens, channels)
    state : ndarray, shape (channels, d_state)
    """
    x, delta = (inputs[name][sequence][:, channels].astype(np.float64) for name in ("x", "delta"))
    b, c = (inputs[name][sequence].astype(np.float64) for name in ("b", "c"))
    a, skip = inputs["a"][channels].astype(np.float64), inputs["d"][channels].astype(np.float64)
    state = inputs["state"][sequence][channels].astype(np.float64)
    y = np.empty_like(x)
    for t in range(len(x)):
        state = np.exp(delta[t][:, None] * a) * state + (delta[t] * x[t])[:, None] * b[t]
        y[t] = (state * c[t]).sum(axis=1) + skip * x[t]
    return y, state


def _work(point: Point, tokens: int) -> Work:
    s = point.shape
    batch, channels, states = s["batch"], s["d_inner"], s["d_state"]
    flop = batch * tokens * channels * (FLOP_PER_STATE * states + FLOP_PER_CHANNEL)
    moved = batch * (tokens * (3 * channels + 2 * states) + 2 * channels * states) + channels * (states + 1)
    return Work(flop=float(flop), bytes=4.0 * moved)


def _inputs(point: Point, tokens: int, rng: np.random.Generator) -> Arrays:
    s = point.shape
    batch, channels, states = s["batch"], s["d_inner"], s["d_state"]
    # softplus of delta's projection lies in (0.001, 0.1) after the usual initialisation.
    delta = np.exp(rng.uniform(np.log(1e-3), np.log(1e-1), 65521)).astype(np.float32)
    return {
        "x": draw(rng, (batch, tokens, channels)),
        "delta": np.resize(delta, (batch, tokens, channels)),
        "b": draw(rng, (batch, tokens, states)),
        "c": draw(rng, (batch, tokens, states)),
        "a": -(1 + 15 * rng.random((channels, states), dtype=np.float32)),
        "d": draw(rng, (channels,)),
        "state": draw(rng, (batch, channels, states)),
    }


def _error(point: Point, inputs: Arrays, output: Arrays) -> float:
    channels = spots(point.shape["d_inner"], CHECKED_CHANNELS)
    y, state = reference(inputs, -1, channels)
    return max(
        relative_error(output["y"][-1][:, channels], y), relative_error(output["state"][-1][channels], state)
    )


class SsmScan(Kernel):
    """All tokens of a prompt, from a given state to the last one, in float32."""

    name = "ssm_scan"
    rotated = ("x", "delta")

    def points(self) -> tuple[Point, ...]:
        """Return prompts of 64 to 4096 tokens over widths of Mamba 130M to 2.8B."""
        rows = (
            (512, 2048, ESSENTIAL, True), (64, 2048, ESSENTIAL, False), (2048, 2048, ESSENTIAL, False),
            (512, 5120, WANTED, False), (128, 1536, WANTED, False), (1024, 1536, WANTED, False),
            (16, 1536, EXTRA, False), (2048, 5120, EXTRA, False), (4096, 2048, EXTRA, False),
        )  # fmt: skip
        return tuple(
            Point(
                kernel=self.name, dtype="fp32", tier=tier, scout=scout,
                shape={"batch": 1, "tokens": tokens, "d_inner": d_inner, "d_state": D_STATE},
            )
            for tokens, d_inner, tier, scout in rows
        )  # fmt: skip

    def work(self, point: Point) -> Work:
        """Return exact counts; the state is read and written once per prompt."""
        return _work(point, point.shape["tokens"])

    def inputs(self, point: Point, rng: np.random.Generator) -> Arrays:
        """Draw x, delta, b, c, a, d and the state before the prompt."""
        return _inputs(point, point.shape["tokens"], rng)

    def error(self, point: Point, inputs: Arrays, output: Arrays) -> float:
        """Compare all tokens and the last state of some channels."""
        return _error(point, inputs, output)

    def tolerance(self, point: Point) -> float:
        """Return float32 rounding over thousands of decaying steps."""
        return 2e-5


class SsmStateUpdate(Kernel):
    """One token of each of `batch` sequences, in float32."""

    name = "ssm_state_update"
    rotated = ("state",)

    def points(self) -> tuple[Point, ...]:
        """Return 1 to 256 sequences over widths of Mamba 130M to 2.8B."""
        rows = (
            (1, 2048, ESSENTIAL, True), (16, 2048, ESSENTIAL, False), (64, 5120, ESSENTIAL, False),
            (1, 5120, WANTED, False), (4, 5120, WANTED, False), (32, 1536, WANTED, False),
            (256, 2048, EXTRA, False), (8, 1536, EXTRA, False),
        )  # fmt: skip
        return tuple(
            Point(
                kernel=self.name, dtype="fp32", tier=tier, scout=scout,
                shape={"batch": batch, "d_inner": d_inner, "d_state": D_STATE},
            )
            for batch, d_inner, tier, scout in rows
        )  # fmt: skip

    def work(self, point: Point) -> Work:
        """Return exact counts; the state is read and written."""
        return _work(point, 1)

    def inputs(self, point: Point, rng: np.random.Generator) -> Arrays:
        """Draw the same inputs as a scan of one token."""
        return _inputs(point, 1, rng)

    def error(self, point: Point, inputs: Arrays, output: Arrays) -> float:
        """Compare the output and the new state of some channels."""
        return _error(point, inputs, output)

    def tolerance(self, point: Point) -> float:
        """Return float32 rounding."""
        return 2e-5
