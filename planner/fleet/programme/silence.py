"""Keeps what compiled code prints off the standard output, where our answers stand."""

import ctypes
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

STDOUT = 1
_LOCK = threading.Lock()
_DEPTH = [0]
"""Blocks that are open, in all threads: the first one silences, the last one gives the voice back."""
_SAVED = [-1]


@contextmanager
def c_stdout_silenced() -> Iterator[None]:
    """Send the C library's standard output nowhere for the time of the block.

    HiGHS 1.12 prints a line of its own when it repairs an integer solution,
    whatever its options say; it would break the JSON that a command prints.
    Where there is no standard output, nothing is done.
    """
    with _LOCK:
        if not _DEPTH[0]:
            _SAVED[0] = _silence()
        _DEPTH[0] += 1
    try:
        yield
    finally:
        with _LOCK:
            _DEPTH[0] -= 1
            if not _DEPTH[0]:
                _give_back(_SAVED[0])


def _silence() -> int:
    """Return where the standard output went, -1 if there is none."""
    with suppress(OSError, ValueError, AttributeError):
        sys.stdout.flush()
    try:
        saved = os.dup(STDOUT)
    except OSError:
        return -1
    _flush_c()
    sink = os.open(os.devnull, os.O_WRONLY)
    os.dup2(sink, STDOUT)
    os.close(sink)
    return saved


def _give_back(saved: int) -> None:
    if saved >= 0:
        _flush_c()
        os.dup2(saved, STDOUT)
        os.close(saved)


def _flush_c() -> None:
    """Empty the buffers of the C library that compiled extensions print through."""
    library = "ucrtbase" if sys.platform == "win32" else None
    with suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL(library).fflush(None)
