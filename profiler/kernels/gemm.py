"""Dense matmul y = x W^T: from one row (decode) to thousands (prefill)."""

from collections.abc import Mapping

import numpy as np

from profiler.kernels.drawn import BLOCK, draw, spread
from profiler.kernels.kernel import (
    DTYPE_BYTES,
    ESSENTIAL,
    EXHAUSTIVE,
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

OUTPUT_BYTES: Mapping[str, int] = {"fp32": 4, "bf16": 2, "fp16": 2, "fp8": 2, "int8": 4}
"""int8 products are summed and stored in 32 bits, fp8 ones stored as bf16."""

CHECKED = 24
"""Rows and columns of the output that are compared."""

SHAPES: tuple[tuple[int, int, int, int, bool], ...] = (
    # m, n, k, tier, scout; widths of Llama-3 8B (4096, 14336), 1B (2048, 8192) and Qwen2.5 0.5B (896, 4864)
    (512, 4096, 4096, ESSENTIAL, True),
    (1, 4096, 4096, ESSENTIAL, True),
    (16, 4096, 4096, ESSENTIAL, False),
    (1, 1024, 1024, ESSENTIAL, False),
    (64, 4096, 4096, WANTED, False),
    (4, 4096, 4096, WANTED, False),
    (128, 1024, 1024, WANTED, False),
    (2048, 2048, 2048, WANTED, False),
    (1, 14336, 4096, WANTED, False),
    (64, 8192, 2048, WANTED, False),
    (8, 2048, 2048, EXTRA, False),
    (256, 4096, 14336, EXTRA, False),
    (1, 4864, 896, EXTRA, False),
    (32, 4864, 896, EXTRA, False),
    (512, 4864, 896, EXTRA, False),
    (1, 4096, 14336, EXTRA, False),
    (2048, 4096, 4096, EXTRA, False),
    (1, 151936, 896, EXTRA, False),  # language head of Qwen2.5 0.5B
    (16, 151936, 896, EXHAUSTIVE, False),
    (1, 128256, 2048, EXHAUSTIVE, False),  # of Llama-3.2 1B
)

FIRST_TIER: Mapping[str, int] = {
    "fp32": ESSENTIAL,
    "bf16": ESSENTIAL,
    "int8": WANTED,
    "fp16": WANTED,
    "fp8": EXTRA,
}
"""None of a dtype's points comes before this tier. Models that compute in int8 are described by
quant_matmul; this is its ceiling."""
SPARSE = frozenset({"fp16", "fp8"})
"""Dtypes that most CPUs only emulate: beyond the scouts, small widths that show it."""


def _tier(dtype: str, tier: int, *, scout: bool, m: int, n: int) -> int:
    """Return when a shape is measured in a dtype."""
    first = max(tier, FIRST_TIER[dtype])
    if dtype not in SPARSE or scout:
        return first
    return max(first, EXTRA if m * n <= 16 * 4096 else EXHAUSTIVE)


class Gemm(Kernel):
    """x (m, k) times W (n, k) transposed, W stored as models store it."""

    name = "gemm"
    rotated = ("weight",)
    most_copies = WEIGHT_COPIES

    def points(self) -> tuple[Point, ...]:
        """Return M = 1 ... 2048 over widths of real models, per dtype."""
        return tuple(
            Point(
                kernel=self.name, dtype=dtype, scout=scout, shape={"m": m, "n": n, "k": k},
                tier=_tier(dtype, tier, scout=scout, m=m, n=n),
            )
            for m, n, k, tier, scout in SHAPES
            for dtype in FIRST_TIER
        )  # fmt: skip

    def work(self, point: Point) -> Work:
        """2 m n k, and each matrix once."""
        m, n, k = (point.shape[name] for name in "mnk")
        stored = DTYPE_BYTES[point.dtype] * (m * k + n * k) + OUTPUT_BYTES[point.dtype] * m * n
        return Work(flop=2.0 * m * n * k, bytes=float(stored))

    def inputs(self, point: Point, rng: np.random.Generator) -> Arrays:
        """Draw float32 matrices, or int8 ones for int8."""
        m, n, k = (point.shape[name] for name in "mnk")
        if point.dtype == "int8":
            block = rng.integers(-127, 128, BLOCK, dtype=np.int8)
            return {"x": spread(block, (m, k)), "weight": spread(block[::-1].copy(), (n, k))}
        return {"x": draw(rng, (m, k)), "weight": draw(rng, (n, k), scale=k**-0.5)}

    def error(self, point: Point, inputs: Arrays, output: Arrays) -> float:
        """Compare some rows and columns with float64, and all of them along one direction."""
        rows, columns = spots(point.shape["m"], CHECKED), spots(point.shape["n"], CHECKED)
        expected = multiply_float64(inputs["x"][rows], inputs["weight"][columns])
        through = np.einsum("nk,n->k", inputs["weight"], signs(point.shape["n"]), optimize=False)
        return max(
            relative_error(output["y"][np.ix_(rows, columns)], expected),
            gap_error(gap_of_product(output["y"], inputs["x"], through), output["y"]),
        )

    def tolerance(self, point: Point) -> float:
        """Return 8 bits of mantissa for bf16, 24 for fp32, 11 for fp16, 4 for fp8; none lost for int8."""
        return {"fp32": 1e-5, "bf16": 1e-2, "fp16": 2e-3, "fp8": 6e-2, "int8": 0.0}[point.dtype]
