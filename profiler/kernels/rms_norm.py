"""RMSNorm with the residual added before it, as every layer of a transformer has it twice."""

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

EPSILON = 1e-5
FLOP_PER_VALUE = 5
"""Add the residual, square, sum, scale by the root, scale by the weight."""
MOVES_PER_VALUE = 4
"""Read input and residual, write sum and norm."""


class RmsNorm(Kernel):
    """residual = x + residual;  y = weight residual / sqrt(mean(residual^2) + epsilon)."""

    name = "rms_norm"
    rotated = ("x", "residual")

    def points(self) -> tuple[Point, ...]:
        """Return 1 to 4096 tokens of widths 896 to 8192."""
        rows = (
            (512, 4096, ESSENTIAL, True), (1, 4096, ESSENTIAL, False), (16, 4096, WANTED, False),
            (2048, 2048, WANTED, False), (64, 8192, EXTRA, False), (1, 896, EXTRA, False),
            (4096, 4096, EXTRA, False),
        )  # fmt: skip
        return tuple(
            Point(
                kernel=self.name, dtype=dtype, tier=tier, scout=scout,
                shape={"tokens": tokens, "width": width},
            )
            for tokens, width, tier, scout in rows
            for dtype in ("fp32", "bf16")
        )  # fmt: skip

    def work(self, point: Point) -> Work:
        """Five flop and four moves per value, and the weight."""
        values, size = point.shape["tokens"] * point.shape["width"], DTYPE_BYTES[point.dtype]
        moved = MOVES_PER_VALUE * values + point.shape["width"]
        return Work(flop=float(FLOP_PER_VALUE * values), bytes=float(size * moved))

    def inputs(self, point: Point, rng: np.random.Generator) -> Arrays:
        """Draw x and residual (tokens, width) and the weight."""
        tokens, width = point.shape["tokens"], point.shape["width"]
        return {
            "x": draw(rng, (tokens, width)),
            "residual": draw(rng, (tokens, width)),
            "weight": 1 + draw(rng, (width,), scale=0.1),
        }

    def error(self, point: Point, inputs: Arrays, output: Arrays) -> float:
        """Compare some rows of both outputs."""
        rows = rows_checked(point.shape["tokens"], point.shape["width"])
        residual = inputs["x"][rows].astype(np.float64) + inputs["residual"][rows]
        root = np.sqrt(np.square(residual).mean(axis=1, keepdims=True) + EPSILON)
        return max(
            relative_error(output["residual"][rows], residual),
            relative_error(output["y"][rows], residual / root * inputs["weight"]),
        )

    def tolerance(self, point: Point) -> float:
        """Return the rounding of the dtype."""
        return {"fp32": 1e-5, "bf16": 1.2e-2}[point.dtype]
