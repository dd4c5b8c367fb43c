"""One row of each of several sequences times one matrix, as llama.cpp decodes a recurrent model.

There sequences are an axis of their own: x is (k, 1, sequences), which ggml multiplies sequence by sequence,
not as the rows of one matmul. The weights are read once and found in the cache after that.
"""

import numpy as np

from profiler.kernels import gguf_blocks
from profiler.kernels.ggml_matmul import GgmlMatmul, compute_dtype
from profiler.kernels.kernel import ESSENTIAL, EXTRA, WANTED, WEIGHT_COPIES, Arrays, Kernel, Point, Work

_MATMUL = GgmlMatmul()


class GgmlMatvecs(Kernel):
    """Shape: batch (sequences), n, k."""

    name = "ggml_matvecs"
    rotated = ("blocks",)
    most_copies = WEIGHT_COPIES

    def points(self) -> tuple[Point, ...]:
        """Return 2 to 32 sequences at a wide and a narrow matrix."""
        rows = (
            (32, 2048, 2048, WANTED), (8, 128, 2048, WANTED), (8, 2048, 2048, WANTED),
            (2, 2048, 2048, EXTRA), (32, 128, 2048, EXTRA), (2, 128, 2048, EXTRA),
        )  # fmt: skip
        return tuple(
            Point(
                kernel=self.name, dtype=compute_dtype(kind), format=kind,
                shape={"batch": batch, "n": n, "k": k},
                tier=ESSENTIAL if kind == "Q8_0" and tier == WANTED else tier,
            )
            for batch, n, k, tier in rows
            for kind in gguf_blocks.LAYOUTS
        )  # fmt: skip

    def work(self, point: Point) -> Work:
        """Return that of a matmul of as many rows."""
        return _MATMUL.work(as_matmul(point))

    def inputs(self, point: Point, rng: np.random.Generator) -> Arrays:
        """Draw activations (batch, k) and blocks (n, bytes of a row)."""
        return _MATMUL.inputs(as_matmul(point), rng)

    def error(self, point: Point, inputs: Arrays, output: Arrays) -> float:
        """Compare as a matmul."""
        return _MATMUL.error(as_matmul(point), inputs, output)

    def tolerance(self, point: Point) -> float:
        """Return that of a matmul."""
        return _MATMUL.tolerance(as_matmul(point))


def as_matmul(point: Point) -> Point:
    """Return the matmul with the same numbers: sequences are its rows."""
    s = point.shape
    return Point(
        kernel=GgmlMatmul.name, dtype=point.dtype, format=point.format,
        shape={"m": s["batch"], "n": s["n"], "k": s["k"]},
    )  # fmt: skip
