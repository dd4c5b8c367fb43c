"""Memory kernels after STREAM: copy, triad and read of arrays larger than the caches.

J. D. McCalpin, "Memory Bandwidth and Machine Balance in Current High Performance
Computers", 1995. Bytes count what the program moves; backends use streaming stores where
they can, so that no write-allocate traffic hides beside it.
"""

from typing import ClassVar

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
)  # fmt: skip

MIB = 2**20
CHECK_STRIDE = 61
"""Every 61st entry is compared: a prime, so that all places within a cache line are."""
SCALE = 0.5
"""Factor of the triad."""


class _Stream(Kernel):
    arrays: ClassVar[int]
    """Arrays that one call touches."""
    flop_per_item: ClassVar[int]
    first_tier: ClassVar[int] = ESSENTIAL

    def points(self) -> tuple[Point, ...]:
        """Return sizes of one array: the largest is the ceiling, the smaller ones show overhead."""
        sizes = (
            (64 * MIB, ESSENTIAL, True), (MIB, ESSENTIAL, False), (16 * MIB, WANTED, False),
            (MIB // 4, WANTED, False), (4 * MIB, EXTRA, False), (256 * MIB, EXTRA, False),
        )  # fmt: skip
        return tuple(
            Point(
                kernel=self.name,
                dtype="fp32",
                shape={"size_bytes": size},
                tier=max(tier, self.first_tier),
                scout=scout,
            )
            for size, tier, scout in sizes
        )

    def work(self, point: Point) -> Work:
        """Return bytes of all arrays."""
        size = point.shape["size_bytes"]
        return Work(flop=size / 4 * self.flop_per_item, bytes=float(size * self.arrays))

    def tolerance(self, point: Point) -> float:
        """Return float32 rounding of a long sum."""
        return 1e-4


class Copy(_Stream):
    """target = source."""

    name = "copy"
    rotated = ("source",)
    arrays = 2
    flop_per_item = 0

    def inputs(self, point: Point, rng: np.random.Generator) -> Arrays:
        """Draw the source."""
        return {"source": draw(rng, (point.shape["size_bytes"] // 4,))}

    def error(self, point: Point, inputs: Arrays, output: Arrays) -> float:
        """Compare the target with the source."""
        return relative_error(
            output["target"][::CHECK_STRIDE], inputs["source"][::CHECK_STRIDE].astype(float)
        )


class Triad(_Stream):
    """target = left + SCALE * right."""

    name = "triad"
    rotated = ("left", "right")
    arrays = 3
    first_tier = WANTED
    flop_per_item = 2

    def inputs(self, point: Point, rng: np.random.Generator) -> Arrays:
        """Draw both sources."""
        count = point.shape["size_bytes"] // 4
        return {"left": draw(rng, (count,)), "right": draw(rng, (count,))}

    def error(self, point: Point, inputs: Arrays, output: Arrays) -> float:
        """Compare the target with its definition."""
        left, right = (inputs[name][::CHECK_STRIDE].astype(float) for name in ("left", "right"))
        return relative_error(output["target"][::CHECK_STRIDE], left + SCALE * right)


class Read(_Stream):
    """sum(source): what decoding does to weights."""

    name = "read"
    rotated = ("source",)
    arrays = 1
    flop_per_item = 1

    def inputs(self, point: Point, rng: np.random.Generator) -> Arrays:
        """Draw numbers around one, so that their sum is not lost in cancellation."""
        return {"source": 1 + draw(rng, (point.shape["size_bytes"] // 4,), scale=0.1)}

    def error(self, point: Point, inputs: Arrays, output: Arrays) -> float:
        """Compare the sum."""
        return relative_error(output["sum"].sum(dtype=np.float64), inputs["source"].sum(dtype=np.float64))
