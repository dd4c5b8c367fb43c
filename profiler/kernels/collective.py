"""Collectives among processes, as tensor and expert parallelism need them."""

import math
from abc import abstractmethod

import numpy as np
from numpy.typing import NDArray

from profiler.kernels.drawn import draw
from profiler.kernels.kernel import (
    EXTRA,
    WANTED,
    Arrays,
    Kernel,
    Point,
    Work,
    relative_error,
)  # fmt: skip

KIB, MIB = 2**10, 2**20
CHECK_STRIDE = 61


def contribution(base: NDArray[np.float32], rank: int) -> NDArray[np.float32]:
    """Return what a rank puts in: the base moved by its rank, so that each can tell the others' apart."""
    return base + np.float32(rank)


class _Collective(Kernel):
    """Every rank holds `size_bytes`; bytes are what one rank sends and receives, no memory traffic."""

    rotated = ()

    def points(self) -> tuple[Point, ...]:
        """Return messages of one decode step (8 KiB) to those of a long prompt (16 MiB), 2 to 8 ranks."""
        rows = (
            (2, 8 * KIB, WANTED, True), (2, 4 * MIB, WANTED, True), (2, 256 * KIB, EXTRA, False),
            (2, 64 * KIB, EXTRA, False), (2, 16 * MIB, EXTRA, False),
            (4, 8 * KIB, WANTED, False), (4, 4 * MIB, WANTED, False),
            (8, 8 * KIB, EXTRA, False), (8, 4 * MIB, EXTRA, False),
        )  # fmt: skip
        return tuple(
            Point(
                kernel=self.name, dtype="fp32", tier=tier, scout=scout,
                shape={"ranks": ranks, "size_bytes": size},
            )
            for ranks, size, tier, scout in rows
        )  # fmt: skip

    def inputs(self, point: Point, rng: np.random.Generator) -> Arrays:
        """Draw the base of every rank's contribution."""
        return {"x": draw(rng, (point.shape["size_bytes"] // 4,))}

    def error(self, point: Point, inputs: Arrays, output: Arrays) -> float:
        """Compare what rank 0 holds at the end."""
        expected = self.expected(point, inputs["x"])
        return relative_error(output["y"].ravel()[::CHECK_STRIDE], expected.ravel()[::CHECK_STRIDE])

    def roamed_bytes(self, point: Point) -> float:
        """Return infinity: a model sends from the same buffers again and again."""
        return math.inf

    @abstractmethod
    def expected(self, point: Point, base: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return what rank 0 holds at the end."""

    def tolerance(self, point: Point) -> float:
        """Return float32 rounding of a short sum."""
        return 1e-6


class AllReduce(_Collective):
    """Every rank ends with the sum of all."""

    name = "all_reduce"

    def work(self, point: Point) -> Work:
        """Send 2 (g - 1) / g of the buffer around a ring, and add half of that."""
        size, ranks = point.shape["size_bytes"], point.shape["ranks"]
        share = (ranks - 1) / ranks
        return Work(flop=size / 4 * share, bytes=2 * size * share)

    def expected(self, point: Point, base: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the sum over ranks."""
        ranks = point.shape["ranks"]
        return ranks * base.astype(np.float64) + ranks * (ranks - 1) / 2


class AllGather(_Collective):
    """Every rank ends with the parts of all, one after another; `size_bytes` is the whole."""

    name = "all_gather"

    def work(self, point: Point) -> Work:
        """Receive (g - 1) / g of the whole."""
        size, ranks = point.shape["size_bytes"], point.shape["ranks"]
        return Work(flop=0.0, bytes=size * (ranks - 1) / ranks)

    def expected(self, point: Point, base: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the first part of every rank's contribution."""
        ranks = point.shape["ranks"]
        part = base[: base.size // ranks].astype(np.float64)
        return part[None, :] + np.arange(ranks)[:, None]


class AllToAll(_Collective):
    """Every rank sends an equal part of its buffer to each other one."""

    name = "all_to_all"

    def work(self, point: Point) -> Work:
        """Keep one part of g and receive the others."""
        size, ranks = point.shape["size_bytes"], point.shape["ranks"]
        return Work(flop=0.0, bytes=size * (ranks - 1) / ranks)

    def expected(self, point: Point, base: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return part 0 of every rank's contribution."""
        ranks = point.shape["ranks"]
        part = base[: base.size // ranks].astype(np.float64)
        return part[None, :] + np.arange(ranks)[:, None]
