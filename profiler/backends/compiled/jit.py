"""How our kernels are compiled: a typed decorator, and a cache that knows all their sources."""

import hashlib
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numba
import numpy as np
from numba.extending import intrinsic
from numpy.typing import NDArray

Function = TypeVar("Function", bound=Callable[..., Any])

LINE_BYTES = 64
"""One cache line."""


def _sources_digest() -> str:
    digest = hashlib.sha256(numba.__version__.encode())
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def _cache_folder() -> Path:
    # numba keys its cache by one file; these kernels call each other across files.
    for base in (Path.home() / ".cache" / "tonnage", Path(tempfile.gettempdir()) / "tonnage-cache"):
        folder = base / f"kernels-{_sources_digest()}"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder):
                return folder
        except OSError:
            continue
    return Path(tempfile.mkdtemp(prefix="tonnage-kernels-"))


numba.config.CACHE_DIR = str(_cache_folder())


def compiled(*signatures: str, parallel: bool = False) -> Callable[[Function], Function]:
    """Compile a function, cached on disk: for these signatures at once, or each when it is first called.

    Without numba's `fastmath`, which rewrites every float instruction of a function: the
    rounding inside `lanes.exp2` would be optimised away.
    """

    def decorate(function: Function) -> Function:
        built: Function = numba.njit(
            list(signatures) or None, parallel=parallel, nogil=True, cache=True, error_model="numpy"
        )(function)
        return built

    return decorate


def inlined(function: Function) -> Function:
    """Compile a function into each of its callers."""
    built: Function = numba.njit(nogil=True, error_model="numpy")(function)
    return built


def emitted(function: Callable[..., Any]) -> Callable[..., Any]:
    """Let a function write the instructions of one operation itself."""
    built: Callable[..., Any] = intrinsic(function)
    return built


def aligned_empty(shape: tuple[int, ...], dtype: type[np.generic]) -> NDArray[Any]:
    """Allocate an array that starts on a cache line, as streaming stores demand."""
    item_bytes = np.dtype(dtype).itemsize
    count = int(np.prod(shape))
    raw = np.empty(count + LINE_BYTES // item_bytes, dtype)
    start = (-raw.ctypes.data % LINE_BYTES) // item_bytes
    return raw[start : start + count].reshape(shape)


def aligned_copy(array: NDArray[Any]) -> NDArray[Any]:
    """Copy an array to memory that starts on a cache line."""
    out = aligned_empty(array.shape, array.dtype.type)
    out[...] = array
    return out
