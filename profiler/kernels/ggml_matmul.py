"""Matmul with weights as GGUF files store them: y = x dequantize(W)^T, float32 in and out."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from profiler.kernels import gguf_blocks
from profiler.kernels.drawn import draw, identity, remembered
from profiler.kernels.kernel import (
    ESSENTIAL,
    EXTRA,
    WANTED,
    WEIGHT_COPIES,
    Arrays,
    Kernel,
    Point,
    Work,
    gap_error,
    gap_of_product,
    multiply_float64,
    relative_error,
    signs,
    spots,
)  # fmt: skip

CHECKED = 24
_AT_ONCE = 256
"""Rows of weights that are held in float64 at once."""
ROWS = (1, 2, 4, 8, 16, 32, 64, 128, 512)
"""ggml switches kernels with the rows of x, and llama.cpp gives it at most 512 at once."""
_ESSENTIAL_ROWS = (1, 8, 32, 512)
_OTHER_SHAPES = ((1024, 1024, WANTED), (256, 1024, EXTRA), (1024, 4096, EXTRA), (8192, 2048, EXTRA))
"""Each call costs some microseconds beside its weights, which small matrices feel most."""
_OTHER_ROWS = (1, 8, 32, 512)


class GgmlMatmul(Kernel):
    """Activations are quantized inside the call where the format computes in integers."""

    name = "ggml_matmul"
    rotated = ("blocks",)
    most_copies = WEIGHT_COPIES

    def points(self) -> tuple[Point, ...]:
        """Return M = 1 ... 512 at one width per format, and other widths at four M."""
        rows = [(m, 2048, 2048, ESSENTIAL if m in _ESSENTIAL_ROWS else WANTED) for m in ROWS] + [
            (m, n, k, tier) for n, k, tier in _OTHER_SHAPES for m in _OTHER_ROWS
        ]
        return tuple(
            Point(
                kernel=self.name, dtype=compute_dtype(kind), format=kind,
                shape={"m": m, "n": n, "k": k}, tier=tier,
            )
            for m, n, k, tier in rows
            for kind in gguf_blocks.LAYOUTS
        )  # fmt: skip

    def work(self, point: Point) -> Work:
        """2 m n k; weights as stored, activations as float32."""
        m, n, k = (point.shape[name] for name in "mnk")
        weights = gguf_blocks.size_bytes(point.format or "", n, k)
        return Work(flop=2.0 * m * n * k, bytes=weights + 4.0 * (m * k + m * n))

    def inputs(self, point: Point, rng: np.random.Generator) -> Arrays:
        """Draw activations (m, k) and blocks (n, bytes of a row)."""
        m, n, k = (point.shape[name] for name in "mnk")
        return {
            "x": draw(rng, (m, k)),
            "blocks": gguf_blocks.random_blocks(point.format or "", n, k, rng),
        }

    def error(self, point: Point, inputs: Arrays, output: Arrays) -> float:
        """Compare some columns with float64 and unrounded activations, and all along one direction."""
        columns = spots(point.shape["n"], CHECKED)
        weight = gguf_blocks.dequantize(point.format or "", inputs["blocks"][columns])
        return max(
            relative_error(output["y"][:, columns], multiply_float64(inputs["x"], weight)),
            self._error_along(point, inputs, output["y"]),
        )

    def _error_along(self, point: Point, inputs: Arrays, y: NDArray[Any]) -> float:
        """Return the error of all rows and columns along one random direction, see `gap_of_product`."""
        kind, blocks = point.format or "", inputs["blocks"]
        key = ("through", kind, identity(blocks) or blocks.tobytes())
        through = remembered(key, lambda: _through(kind, blocks, signs(point.shape["n"])))
        return gap_error(gap_of_product(y, inputs["x"], through), y)

    def tolerance(self, point: Point) -> float:
        """Return what rounding activations to 16 bits of float, or to 8 bits in blocks, explains.

        Blocks of 256 normal numbers have a largest one near 3 sigma: a step of 3 / 127 has a
        root-mean-square error of 3 / 127 / sqrt(12) = 0.7 % of sigma.
        """
        return 1e-3 if point.format == "F16" else 0.02


def compute_dtype(kind: str) -> str:
    """Return what ggml's CPU kernels multiply in."""
    return "fp16" if kind == "F16" else "int8"


def _through(kind: str, blocks: NDArray[np.uint8], direction: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return W^T r, a few rows of W at a time."""
    parts = [slice(first, first + _AT_ONCE) for first in range(0, len(blocks), _AT_ONCE)]
    found: NDArray[np.float64] = sum(
        np.einsum("nk,n->k", gguf_blocks.dequantize(kind, blocks[part]), direction[part], optimize=False)
        for part in parts
    )
    return found
