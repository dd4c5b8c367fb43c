"""Matmul with quantized weights: y = x dequantize(W)^T with float32 activations in and out."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from profiler.kernels.drawn import BLOCK, draw, spread
from profiler.kernels.gemm import CHECKED
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

ZERO_POINT_4BIT = 8
"""4-bit codes 0 ... 15 stand for -8 ... 7."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scheme:
    """How one format stores weights."""

    bits: int
    group: int | None
    """Weights along k that share one float32 scale; None is one scale per output."""
    tier: int = ESSENTIAL
    """None of its points comes before this tier."""

    def weight_bytes(self, n: int, k: int) -> float:
        """Return codes plus scales."""
        scales = n * (k / self.group if self.group else 1)
        return n * k * self.bits / 8 + 4 * scales


SCHEMES = {
    "INT8_W8A8": Scheme(bits=8, group=None),
    "INT4_G128": Scheme(bits=4, group=128),
    "INT4_G32": Scheme(bits=4, group=32, tier=WANTED),
}

SHAPES: tuple[tuple[int, int, int, int, bool], ...] = (
    (1, 4096, 4096, ESSENTIAL, True),
    (512, 4096, 4096, ESSENTIAL, True),
    (16, 4096, 4096, ESSENTIAL, False),
    (1, 1024, 1024, ESSENTIAL, False),
    (64, 4096, 4096, WANTED, False),
    (4, 4096, 4096, WANTED, False),
    (1, 14336, 4096, WANTED, False),
    (128, 1024, 1024, WANTED, False),
    (2048, 2048, 2048, EXTRA, False),
    (64, 8192, 2048, EXTRA, False),
    (1, 4864, 896, EXTRA, False),
    (2048, 4096, 4096, EXTRA, False),
)


class QuantMatmul(Kernel):
    """Activations are quantized inside the call where the format computes in integers."""

    name = "quant_matmul"
    rotated = ("codes", "scales")
    most_copies = WEIGHT_COPIES

    def points(self) -> tuple[Point, ...]:
        """Return M = 1 ... 2048 per format; all of them compute in int8."""
        return tuple(
            Point(
                kernel=self.name, dtype="int8", format=format_id, scout=scout,
                shape={"m": m, "n": n, "k": k}, tier=max(tier, SCHEMES[format_id].tier),
            )
            for m, n, k, tier, scout in SHAPES
            for format_id in SCHEMES
        )  # fmt: skip

    def work(self, point: Point) -> Work:
        """2 m n k; weights as stored, activations as float32."""
        m, n, k = (point.shape[name] for name in "mnk")
        weights = SCHEMES[point.format or ""].weight_bytes(n, k)
        return Work(flop=2.0 * m * n * k, bytes=weights + 4.0 * (m * k + m * n))

    def inputs(self, point: Point, rng: np.random.Generator) -> Arrays:
        """Draw activations, codes (n, k) and scales (n, groups)."""
        m, n, k = (point.shape[name] for name in "mnk")
        scheme = SCHEMES[point.format or ""]
        groups = k // scheme.group if scheme.group else 1
        if scheme.bits == 8:
            codes = spread(rng.integers(-127, 128, BLOCK, dtype=np.int8), (n, k))
        else:
            codes = spread(rng.integers(0, 16, BLOCK, dtype=np.uint8), (n, k))
        scales = (0.5 + rng.random((n, groups), dtype=np.float32)) / np.float32(64 * k**0.5)
        return {"x": draw(rng, (m, k)), "codes": codes, "scales": scales}

    def error(self, point: Point, inputs: Arrays, output: Arrays) -> float:
        """Compare some entries with float64 and unrounded activations, and all along one direction."""
        rows, columns = spots(point.shape["m"], CHECKED), spots(point.shape["n"], CHECKED)
        expected = multiply_float64(inputs["x"][rows], _weights(point, inputs, columns))
        return max(
            relative_error(output["y"][np.ix_(rows, columns)], expected),
            _error_along(point, inputs, output["y"]),
        )

    def tolerance(self, point: Point) -> float:
        """Return what rounding normal activations to 8 bits explains.

        A step of max|x| / 127 with max|x| near 4.5 sigma over a long row has a
        root-mean-square error of 4.5 / 127 / sqrt(12) = 1 % of sigma.
        """
        return 0.025


def _zero(point: Point) -> int:
    return ZERO_POINT_4BIT if SCHEMES[point.format or ""].bits == 4 else 0


def _weights(point: Point, inputs: Arrays, columns: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return what the codes of some columns of the output stand for."""
    codes = inputs["codes"][columns].astype(np.float64) - _zero(point)
    scales = inputs["scales"][columns].astype(np.float64)
    return codes * np.repeat(scales, codes.shape[1] // scales.shape[1], axis=1)


def _error_along(point: Point, inputs: Arrays, y: NDArray[Any]) -> float:
    """Return the error of all rows and columns along one random direction, see `gap_of_product`."""
    codes, scales = inputs["codes"], inputs["scales"].astype(np.float64)
    signed = scales * signs(point.shape["n"])[:, None]
    by_group = codes.reshape(len(codes), scales.shape[1], -1)
    through = np.einsum("ngk,ng->gk", by_group, signed, optimize=False)
    through -= _zero(point) * signed.sum(axis=0)[:, None]
    return gap_error(gap_of_product(y, inputs["x"], through.ravel()), y)
