"""Compile with numba, and keep the machine code under the hash of the kernel's own sources.

numba invalidates a cached function by the time stamp of its own file alone; a
kernel spread over files would go stale when a callee changes. So only entry
points are cached, in a folder named after the hash of every file beside this one.

The kernel allocates nothing, so it is compiled without numba's reference counts
(`_nrt=False`): they would cost ten times the work itself.
"""

import contextlib
import hashlib
import os
import stat
import tempfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])


def inner(function: F) -> F:
    """Compile a function that is called from compiled code only."""
    from numba import njit

    return njit(_nrt=False, error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True)(function)  # type: ignore[no-any-return]


def entry(function: F) -> F:
    """Compile a function that Python calls, and cache it on disk where a folder can be written."""
    import numba

    folder = cache_folder()
    if folder is None:
        return _compiled(function, cache=False)
    before = numba.config.CACHE_DIR
    numba.config.CACHE_DIR = str(folder)
    try:
        return _compiled(function, cache=True)
    finally:
        numba.config.CACHE_DIR = before


def _compiled(function: F, *, cache: bool) -> F:
    from numba import njit

    return njit(cache=cache, nogil=True, _nrt=False, error_model="numpy")(function)  # type: ignore[no-any-return]


def is_kept() -> bool:
    """Say if the event loop was compiled here before: if not, the first run takes seconds longer."""
    folder = cache_folder()
    return folder is not None and any(folder.rglob("*.nbc"))


@cache
def cache_folder() -> Path | None:
    """Return a writable folder of one's own whose name changes with the sources; None if there is none.

    In order: `NUMBA_CACHE_DIR`, beside these sources, the user's cache, a private one among temporary files.
    """
    here = Path(__file__).parent
    sources = b"".join(path.read_bytes() for path in sorted(here.glob("*.py")))
    digest = hashlib.sha256(sources).hexdigest()[:16]
    for parent in _parents(here):
        folder = parent / f"tonnage-{digest}"
        if _is_ours(folder):
            return folder
    return None


def _parents(here: Path) -> Iterator[Path]:
    if asked := os.environ.get("NUMBA_CACHE_DIR"):
        yield Path(asked)
    yield here / "__pycache__"
    with contextlib.suppress(RuntimeError):
        yield Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tonnage"
    yield Path(tempfile.gettempdir())


def _is_ours(folder: Path) -> bool:
    """Make the folder, and say if a file can be written there that nobody else could have planted."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
        found = folder.stat()
    except OSError:
        return False
    if not hasattr(os, "getuid"):
        return True
    return found.st_uid == os.getuid() and not found.st_mode & stat.S_IWOTH
