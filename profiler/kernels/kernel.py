"""A kernel: the shapes that matter, exact work, inputs, and a float64 reference to check against."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

Arrays = Mapping[str, NDArray[Any]]
"""Inputs of one call by name."""

DTYPE_BYTES: Mapping[str, int] = {"fp32": 4, "bf16": 2, "fp16": 2, "fp8": 1, "int8": 1}

ESSENTIAL, WANTED, EXTRA, EXHAUSTIVE = 1, 2, 3, 4
"""Tiers of points: what a law cannot do without, what makes it good, what makes it sharp, everything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One kernel at one shape in one number format.

    Attributes
    ----------
    dtype : str
        What the arithmetic (or the cache) is in: fp32, bf16, fp16, fp8, int8.
    format : str or None
        Stored weight format of a quantized kernel.
    shape : mapping of str to int
        The kernel's own dimensions.
    tier : int
        ESSENTIAL, WANTED, EXTRA or EXHAUSTIVE.
    scout : bool
        Every backend runs it; the others only run shapes that a scout
        found them fast at.
    """

    kernel: str
    dtype: str
    shape: Mapping[str, int]
    format: str | None = None
    tier: int = WANTED
    scout: bool = False

    @property
    def family(self) -> tuple[str, str, str | None]:
        """What one law describes: kernel, dtype, format."""
        return self.kernel, self.dtype, self.format

    @property
    def key(self) -> str:
        """Name of the point, stable between runs."""
        dimensions = ",".join(f"{name}={size}" for name, size in sorted(self.shape.items()))
        return f"{self.kernel}/{self.dtype}/{self.format or '-'}/{dimensions}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """Exact work of one call.

    Attributes
    ----------
    flop : float
        Multiply-adds count two.
    bytes : float
        Each input read once, each output written once, as stored.
    """

    flop: float
    bytes: float


class Kernel(ABC):
    """Defines what is measured; backends run it."""

    name: ClassVar[str]
    rotated: ClassVar[tuple[str, ...]]
    """Inputs that a model has many of, so that a real call finds them cold: copies of them are rotated."""

    @abstractmethod
    def points(self) -> tuple[Point, ...]:
        """Return what is worth measuring, what the fit needs most first."""

    @abstractmethod
    def work(self, point: Point) -> Work:
        """Return the exact flop and bytes of one call."""

    def footprint_bytes(self, point: Point) -> float:
        """Return the size of one copy of all operands, where a call moves only some of it."""
        return self.work(point).bytes

    def roamed_bytes(self, point: Point) -> float:
        """Return how much memory calls in a row roam over with one copy of the inputs.

        Below a few times the last-level cache, copies are rotated; infinite
        where nothing is to be cold.
        """
        return self.work(point).bytes

    @abstractmethod
    def inputs(self, point: Point, rng: np.random.Generator) -> Arrays:
        """Draw the inputs of one call."""

    @abstractmethod
    def error(self, point: Point, inputs: Arrays, output: Arrays) -> float:
        """Return the relative error of an output against float64, on a sample of its entries."""

    @abstractmethod
    def tolerance(self, point: Point) -> float:
        """Return the largest relative error that rounding in this format explains."""


def relative_error(actual: NDArray[Any], expected: NDArray[np.float64]) -> float:
    """Return |actual - expected| / |expected| in the Euclidean norm; infinite if not finite."""
    expected = np.asarray(expected, np.float64)
    difference = np.asarray(actual, np.float64).ravel() - expected.ravel()
    size = float(np.sqrt(np.square(expected).sum()))
    error = float(np.sqrt(np.square(difference).sum())) / max(size, 1e-300)
    return error if np.isfinite(error) else float("inf")


def multiply_float64(a: NDArray[Any], b: NDArray[Any]) -> NDArray[np.float64]:
    """Return a b^T in float64, without BLAS: its workers would spin on into the timing."""
    product: NDArray[np.float64] = np.einsum(
        "mk,nk->mn", a.astype(np.float64), b.astype(np.float64), optimize=False
    )
    return product


def spots(size: int, count: int, rng_seed: int = 0) -> NDArray[np.int64]:
    """Return up to `count` distinct positions below `size`, first and last among them."""
    if size <= count:
        return np.arange(size)
    inner = np.random.default_rng(rng_seed).choice(np.arange(1, size - 1), count - 2, replace=False)
    return np.sort(np.concatenate([[0, size - 1], inner]))
