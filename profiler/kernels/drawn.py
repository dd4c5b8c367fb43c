"""Random operands: drawn once, as windows of a short block, so that large ones cost neither time nor memory.

Drawing a gigabyte number by number takes longer than timing it, and so does touching it for the first
time. Row r of a large array is a window of one sequence, which begins STEP numbers behind that of row
r - 1. Backends copy it to where a kernel reads it: only there is it as large as it looks.
"""

from collections.abc import Callable, Hashable
from itertools import count
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

BLOCK = 65521
"""Numbers that are drawn: the largest prime below 2^16, so that rows of any usual length differ."""
STEP = 13
"""Between the windows of two rows: prime, so that no usual tile of rows and columns meets itself."""
LARGE = 2**20
"""Numbers from which on an array with rows is made of windows."""
_KEPT = 128
"""Arrays that are remembered, most of them below a megabyte."""

_known: dict[Hashable, NDArray[Any]] = {}
"""What is remembered; what was asked for longest ago comes first and is forgotten first."""
_names: dict[int, int] = {}
"""Of what is remembered, by address: a number that is never given again."""
_following = count()


def draw(
    rng: np.random.Generator,
    shape: tuple[int, ...],
    *,
    scale: float = 1.0,
    kind: type[np.floating[Any]] = np.float32,
) -> NDArray[Any]:
    """Return normal numbers; those of a large array are not to be written to.

    Parameters
    ----------
    rng : Generator
        BLOCK numbers are taken from it, whatever the shape.
    shape : tuple of int
    scale : float
        Standard deviation.
    kind : type
        float32, or what the numbers are rounded to.
    """
    block = rng.standard_normal(BLOCK, dtype=np.float32) * np.float32(scale)
    return spread(block.astype(kind, copy=False), shape)


def spread(block: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    """Fill a shape with the numbers of a one-dimensional block, as windows where it is large."""
    size = int(np.prod(shape))
    if len(shape) < 2 or size < LARGE:
        return tile(block, shape)
    width = shape[-1]
    length = (size // width - 1) * STEP + width
    key = block.tobytes(), block.dtype.str, length
    sequence = remembered(key, lambda: tile(block, (length,)))
    item = sequence.itemsize
    steps = [STEP * int(np.prod(shape[axis + 1 : -1])) * item for axis in range(len(shape) - 1)]
    return as_strided(sequence, shape, (*steps, item))


def tile(block: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    """Repeat a one-dimensional block until `shape` is full."""
    out = np.empty(int(np.prod(shape)), block.dtype)
    whole = out.size // block.size * block.size
    out[:whole].reshape(-1, block.size)[:] = block
    out[whole:] = block[: out.size - whole]
    return out.reshape(shape)


def remembered(key: Hashable, make: Callable[[], NDArray[Any]]) -> NDArray[Any]:
    """Return the array of a key, made once; it is not to be written to."""
    found = _known.pop(key, None)
    if found is None:
        if len(_known) >= _KEPT:
            _names.pop(_address(_known.pop(next(iter(_known)))))
        found = make()
        _names[_address(found)] = next(_following)
    _known[key] = found
    return found


def identity(array: NDArray[Any]) -> tuple[object, ...] | None:
    """Return what is equal for arrays of equal numbers; None where nothing is known of them.

    Large drawn arrays have one, for as long as what they lie over is remembered.
    """
    name = _names.get(_address(array))
    return None if name is None else (name, array.dtype.str, array.shape, array.strides)


def _address(array: NDArray[Any]) -> int:
    return int(array.__array_interface__["data"][0])
