"""Rotary position embedding of the queries and keys of a step."""

import numpy as np

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

BASE = 10000.0
FLOP_PER_VALUE = 3
"""Two products and a sum."""


class Rotary(Kernel):
    """Halves (a, b) of each head become (a cos - b sin, b cos + a sin), angles from a table.

    J. Su et al., "RoFormer: Enhanced Transformer with Rotary Position Embedding", 2021; the
    halves stand apart, as Llama's and GPT-NeoX's do.
    """

    name = "rotary"
    rotated = ("x",)

    def points(self) -> tuple[Point, ...]:
        """Return 1 to 2048 tokens of the query and key heads of Llama-3 8B (40) and Qwen2.5 0.5B (16)."""
        rows = (
            (512, 40, 128, ESSENTIAL, True), (1, 40, 128, ESSENTIAL, False), (16, 40, 128, WANTED, False),
            (2048, 16, 64, WANTED, False), (64, 40, 128, EXTRA, False), (2048, 40, 128, EXTRA, False),
        )  # fmt: skip
        return tuple(
            Point(
                kernel=self.name, dtype=dtype, tier=tier, scout=scout,
                shape={"tokens": tokens, "heads": heads, "head_dim": head_dim},
            )
            for tokens, heads, head_dim, tier, scout in rows
            for dtype in ("fp32", "bf16")
        )  # fmt: skip

    def work(self, point: Point) -> Work:
        """Three flop per value, read and written once; the table once."""
        s = point.shape
        table = s["tokens"] * s["head_dim"]
        values = table * s["heads"]
        return Work(
            flop=float(FLOP_PER_VALUE * values), bytes=float(DTYPE_BYTES[point.dtype] * (2 * values + table))
        )

    def inputs(self, point: Point, rng: np.random.Generator) -> Arrays:
        """Draw x (tokens, heads, head_dim); cos and sin are (tokens, head_dim / 2)."""
        s = point.shape
        half = s["head_dim"] // 2
        angles = np.outer(np.arange(s["tokens"]), BASE ** (-np.arange(half) / half))
        return {
            "x": draw(rng, (s["tokens"], s["heads"], s["head_dim"])),
            "cos": np.cos(angles).astype(np.float32),
            "sin": np.sin(angles).astype(np.float32),
        }

    def error(self, point: Point, inputs: Arrays, output: Arrays) -> float:
        """Compare all heads of some tokens, by complex multiplication."""
        at = rows_checked(point.shape["tokens"], point.shape["heads"] * point.shape["head_dim"])
        half = point.shape["head_dim"] // 2
        x = inputs["x"][at].astype(np.float64)
        turn = inputs["cos"][at].astype(np.float64) + 1j * inputs["sin"][at]
        turned = (x[..., :half] + 1j * x[..., half:]) * turn[:, None, :]
        return relative_error(output["y"][at], np.concatenate([turned.real, turned.imag], axis=-1))

    def tolerance(self, point: Point) -> float:
        """Return the rounding of the dtype."""
        return {"fp32": 1e-5, "bf16": 1.2e-2}[point.dtype]
