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

CHECKED_ROWS = 16
CHECKED_ENTRIES = 2**18
"""Of an output that is compared row by row: a millisecond or two."""
_SIGNS_SEED = 2

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


WEIGHT_COPIES = 1024
"""Copies at most of a matrix of weights: of 0.1 MB they fill a last-level cache of 32 MB three times over."""


class Kernel(ABC):
    """Defines what is measured; backends run it."""

    name: ClassVar[str]
    rotated: ClassVar[tuple[str, ...]]
    """Inputs that a model has many of, so that a real call finds them cold: copies of them are rotated."""
    most_copies: ClassVar[int] = 48
    """Copies at most. Fewer than the last-level cache holds leave small inputs warm, as a layer's activations
    are in a model; its weights are not."""

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


def rows_checked(rows: int, width: int) -> NDArray[np.int64]:
    """Return the rows of an output that are compared: all of a small one, else as many as stay cheap."""
    return spots(rows, max(CHECKED_ROWS, CHECKED_ENTRIES // width))


def signs(count: int) -> NDArray[np.float64]:
    """Return +1 and -1 at random, the same each time."""
    return np.where(np.random.default_rng(_SIGNS_SEED).random(count) < 0.5, -1.0, 1.0)


def gap_of_product(y: NDArray[Any], x: NDArray[Any], through: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return y r - x (W^T r) along one random direction r, in which no entry of y = x W^T is left out.

    It costs no product of matrices (R. Freivalds, "Probabilistic machines can use less running time", 1977).

    Parameters
    ----------
    y, x : ndarray
        Of shapes (m, n) and (m, k).
    through : ndarray, shape (k,)
        W^T `signs`(n).
    """
    seen = np.einsum("mn,n->m", y, signs(y.shape[1]), optimize=False)
    gap: NDArray[np.float64] = seen - np.einsum("mk,k->m", x, through, optimize=False)
    return gap


def gap_error(gap: NDArray[np.float64], y: NDArray[Any]) -> float:
    """Return |gap| / |y|: what rounding makes of it is as large as the relative error of y.

    A wrong row of m makes it 1 / sqrt(m), a wrong column of n 1 / sqrt(n).
    """
    size = float(np.sqrt(np.einsum("mn,mn->", y, y, dtype=np.float64)))
    error = float(np.sqrt(np.square(gap).sum())) / max(size, 1e-300)
    return error if np.isfinite(error) else float("inf")
