"""What one call costs when it has nothing to do: the launch of a kernel and the framework around it."""

import math

import numpy as np

from profiler.kernels.drawn import draw
from profiler.kernels.kernel import ESSENTIAL, WANTED, Arrays, Kernel, Point, Work, relative_error


class Launch(Kernel):
    """y = x + 1 of so few numbers that the call itself is all that takes time.

    As a Python program calls it: dispatch, checks and, on a device, the
    launch. One number is the floor under every other kernel of the backend.
    """

    name = "launch"
    rotated = ()

    def points(self) -> tuple[Point, ...]:
        """Return one number, and the few thousand that a decode step passes between kernels."""
        rows = ((1, ESSENTIAL, True), (4096, ESSENTIAL, True), (256, WANTED, False))
        return tuple(
            Point(kernel=self.name, dtype="fp32", tier=tier, scout=scout, shape={"elements": elements})
            for elements, tier, scout in rows
        )

    def work(self, point: Point) -> Work:
        """One flop per element, read and written."""
        elements = point.shape["elements"]
        return Work(flop=float(elements), bytes=8.0 * elements)

    def roamed_bytes(self, point: Point) -> float:
        """Return infinity: what was just computed is in the first-level cache."""
        return math.inf

    def inputs(self, point: Point, rng: np.random.Generator) -> Arrays:
        """Draw x."""
        return {"x": draw(rng, (point.shape["elements"],))}

    def error(self, point: Point, inputs: Arrays, output: Arrays) -> float:
        """Compare all of y."""
        return relative_error(output["y"], inputs["x"].astype(np.float64) + 1)

    def tolerance(self, point: Point) -> float:
        """Return float32 rounding."""
        return 1e-6
