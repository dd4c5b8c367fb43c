"""Reading what is already near: the bandwidth of each cache level, by the size of the working set."""

import math

import numpy as np

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
)

KIB, MIB = 2**10, 2**20
READ_BYTES = 64 * MIB
"""What one call reads: passes over a small array hide the start of the threads."""


class CacheRead(Kernel):
    """sum(source) again and again, all threads together reading `size_bytes`."""

    name = "cache_read"
    rotated = ()

    def points(self) -> tuple[Point, ...]:
        """Return working sets from a first-level cache to far beyond the last level."""
        rows = (
            (32 * KIB, ESSENTIAL, True), (MIB, ESSENTIAL, True), (16 * MIB, ESSENTIAL, False),
            (256 * KIB, WANTED, False), (4 * MIB, WANTED, False), (64 * MIB, WANTED, False),
            (64 * KIB, EXTRA, False), (2 * MIB, EXTRA, False), (8 * MIB, EXTRA, False),
            (32 * MIB, EXTRA, False), (256 * MIB, EXTRA, False),
        )  # fmt: skip
        return tuple(
            Point(
                kernel=self.name,
                dtype="fp32",
                tier=tier,
                scout=scout,
                shape={"size_bytes": size, "passes": max(READ_BYTES // size, 1)},
            )
            for size, tier, scout in rows
        )

    def work(self, point: Point) -> Work:
        """One addition per number read."""
        size = point.shape["size_bytes"] * point.shape["passes"]
        return Work(flop=size / 4, bytes=float(size))

    def roamed_bytes(self, point: Point) -> float:
        """Return infinity: it is to be found where the last call left it."""
        return math.inf

    def inputs(self, point: Point, rng: np.random.Generator) -> Arrays:
        """Draw numbers around one, so that their sum is not lost in cancellation."""
        return {"source": 1 + draw(rng, (point.shape["size_bytes"] // 4,), scale=0.1)}

    def error(self, point: Point, inputs: Arrays, output: Arrays) -> float:
        """Compare the sum."""
        return relative_error(output["sum"].sum(dtype=np.float64), inputs["source"].sum(dtype=np.float64))

    def tolerance(self, point: Point) -> float:
        """Return float32 rounding of a long sum."""
        return 1e-4
