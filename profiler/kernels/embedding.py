"""Token embedding: one row of a large table per token, gathered."""

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
)  # fmt: skip

ID_BYTES = 8
DRAWS = 64
"""Successive calls look up other tokens."""


class Embedding(Kernel):
    """y[t] = table[id[t]]; ids are drawn uniformly, DRAWS times, so that no cache holds their rows."""

    name = "embedding"
    rotated = ("ids",)

    def points(self) -> tuple[Point, ...]:
        """Return 1 to 4096 tokens; tables of Qwen2.5 0.5B (151936 x 896), Llama-3.2 1B (128256 x 2048)."""
        rows = (
            (512, 151936, 896, ESSENTIAL, True), (1, 151936, 896, ESSENTIAL, False),
            (16, 151936, 896, WANTED, False), (2048, 151936, 896, WANTED, False),
            (64, 128256, 2048, EXTRA, False), (4096, 128256, 2048, EXTRA, False),
        )  # fmt: skip
        return tuple(
            Point(
                kernel=self.name, dtype="bf16", tier=tier, scout=scout,
                shape={"tokens": tokens, "vocab": vocab, "width": width},
            )
            for tokens, vocab, width, tier, scout in rows
        )  # fmt: skip

    def work(self, point: Point) -> Work:
        """No arithmetic; each row read and written, each id read."""
        tokens, width = point.shape["tokens"], point.shape["width"]
        return Work(flop=0.0, bytes=float(tokens * (2 * DTYPE_BYTES[point.dtype] * width + ID_BYTES)))

    def footprint_bytes(self, point: Point) -> float:
        """Return the size of the table, of which one call reads little."""
        return float(point.shape["vocab"] * point.shape["width"] * DTYPE_BYTES[point.dtype])

    def roamed_bytes(self, point: Point) -> float:
        """Return the size of the table: draws reach all of it."""
        return self.footprint_bytes(point)

    def inputs(self, point: Point, rng: np.random.Generator) -> Arrays:
        """Draw the table (vocab, width) and ids (DRAWS, tokens); the output is that of the first draw."""
        s = point.shape
        return {
            "table": draw(rng, (s["vocab"], s["width"])),
            "ids": rng.integers(0, s["vocab"], (DRAWS, s["tokens"]), dtype=np.int64),
        }

    def error(self, point: Point, inputs: Arrays, output: Arrays) -> float:
        """Compare all rows."""
        return relative_error(output["y"], inputs["table"][inputs["ids"][0]].astype(np.float64))

    def tolerance(self, point: Point) -> float:
        """Return the rounding of the stored table."""
        return {"fp32": 0.0, "bf16": 4e-3}[point.dtype]
