"""Moving data between host and device, and between two devices: pinned memory, one direction at a time."""

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
CHECK_STRIDE = 61


class _Transfer(Kernel):
    rotated = ("source",)

    def points(self) -> tuple[Point, ...]:
        """Return one token's activations (4 KiB) to a shard of weights (256 MiB)."""
        rows = (
            (64 * MIB, ESSENTIAL, True), (4 * KIB, ESSENTIAL, False), (MIB, WANTED, False),
            (64 * KIB, EXTRA, False), (256 * MIB, EXTRA, False),
        )  # fmt: skip
        return tuple(
            Point(kernel=self.name, dtype="fp32", tier=tier, scout=scout, shape={"size_bytes": size})
            for size, tier, scout in rows
        )

    def work(self, point: Point) -> Work:
        """Bytes that cross the link."""
        return Work(flop=0.0, bytes=float(point.shape["size_bytes"]))

    def inputs(self, point: Point, rng: np.random.Generator) -> Arrays:
        """Draw what is sent."""
        return {"source": draw(rng, (point.shape["size_bytes"] // 4,))}

    def error(self, point: Point, inputs: Arrays, output: Arrays) -> float:
        """Compare what arrived."""
        sent = inputs["source"][::CHECK_STRIDE].astype(np.float64)
        return relative_error(output["target"][::CHECK_STRIDE], sent)

    def tolerance(self, point: Point) -> float:
        """Return nothing: a copy is exact."""
        return 0.0


class HostToDevice(_Transfer):
    """From pinned host memory to the device."""

    name = "host_to_device"


class DeviceToHost(_Transfer):
    """From the device to pinned host memory."""

    name = "device_to_host"


class DeviceToDevice(_Transfer):
    """From this device to its neighbour, or within it where it is alone."""

    name = "device_to_device"
