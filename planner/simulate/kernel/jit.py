"""Compile with numba, and keep the machine code under the hash of the kernel's own sources.

numba invalidates a cached function by the time stamp of its own file alone; a
kernel spread over files would go stale when a callee changes. So only entry
points are cached, in a folder named after the hash of every file beside this one.

The kernel allocates nothing, so it is compiled without numba's reference counts
(`_nrt=False`): they would cost ten times the work itself.
"""

import hashlib
import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])


def inner(function: F) -> F:
    """Compile a function that is called from compiled code only."""
    from numba import njit

    return njit(_nrt=False, error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)(function)  # type: ignore[no-any-return]


def entry(function: F) -> F:
    """Compile a function that Python calls, and cache it on disk."""
    import numba

    before = numba.config.CACHE_DIR
    numba.config.CACHE_DIR = str(cache_folder())
    try:
        return numba.njit(cache=True, nogil=True, _nrt=False, error_model="numpy")(function)  # type: ignore[no-any-return]
    finally:
        numba.config.CACHE_DIR = before


@cache
def cache_folder() -> Path:
    """Return a writable folder whose name changes with the sources."""
    here = Path(__file__).parent
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in sorted(here.glob("*.py")))).hexdigest()[
        :16
    ]
    if asked := os.environ.get("NUMBA_CACHE_DIR"):
        return Path(asked) / f"tonnage-{digest}"
    beside = here / "__pycache__"
    if os.access(beside if beside.is_dir() else here, os.W_OK):
        return beside / digest
    return Path.home() / ".cache" / "tonnage" / f"kernel-{digest}"
