"""Softmax of rows: the logits of a vocabulary when a token is sampled, or the scores of a router."""

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

FLOP_PER_VALUE = 3
"""Exponential, sum, quotient; the maximum is a comparison."""


class Softmax(Kernel):
    """y = exp(x - max x) / sum exp(x - max x) along rows."""

    name = "softmax"
    rotated = ("x",)

    def points(self) -> tuple[Point, ...]:
        """Return 1 to 64 rows of the vocabulary of Llama-3, and routers of 8 to 256 experts."""
        rows = (
            (1, 128256, ESSENTIAL, True), (16, 128256, ESSENTIAL, False), (1, 256, ESSENTIAL, False),
            (512, 256, WANTED, False), (64, 128256, WANTED, False), (2048, 2048, EXTRA, False),
            (512, 8, EXTRA, False),
        )  # fmt: skip
        return tuple(
            Point(
                kernel=self.name, dtype="fp32", tier=tier, scout=scout,
                shape={"rows": count, "columns": columns},
            )
            for count, columns, tier, scout in rows
        )  # fmt: skip

    def work(self, point: Point) -> Work:
        """Three flop per value, read and written once."""
        values = point.shape["rows"] * point.shape["columns"]
        return Work(flop=float(FLOP_PER_VALUE * values), bytes=float(2 * DTYPE_BYTES[point.dtype] * values))

    def inputs(self, point: Point, rng: np.random.Generator) -> Arrays:
        """Draw logits of a spread that models have."""
        return {"x": draw(rng, (point.shape["rows"], point.shape["columns"]), scale=3.0)}

    def error(self, point: Point, inputs: Arrays, output: Arrays) -> float:
        """Compare some rows."""
        at = rows_checked(point.shape["rows"], point.shape["columns"])
        x = inputs["x"][at].astype(np.float64)
        weights = np.exp(x - x.max(axis=1, keepdims=True))
        return relative_error(output["y"][at], weights / weights.sum(axis=1, keepdims=True))

    def tolerance(self, point: Point) -> float:
        """Return float32 rounding of a long sum."""
        return 1e-5
