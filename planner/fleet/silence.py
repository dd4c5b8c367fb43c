"""Keeps what compiled code prints off the standard output, where our answers stand."""

import ctypes
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

STDOUT = 1


@contextmanager
def c_stdout_silenced() -> Iterator[None]:
    """Send the C library's standard output nowhere for the time of the block.

    HiGHS 1.12 prints a line of its own when it repairs an integer solution,
    whatever its options say; it would break the JSON that a command prints.
    Where there is no standard output, nothing is done.
    """
    with suppress(OSError, ValueError, AttributeError):
        sys.stdout.flush()
    try:
        saved = os.dup(STDOUT)
    except OSError:
        yield
        return
    _flush_c()
    sink = os.open(os.devnull, os.O_WRONLY)
    os.dup2(sink, STDOUT)
    try:
        yield
    finally:
        _flush_c()
        os.dup2(saved, STDOUT)
        os.close(saved)
        os.close(sink)


def _flush_c() -> None:
    """Empty the buffers of the C library that compiled extensions print through."""
    library = "ucrtbase" if sys.platform == "win32" else None
    with suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL(library).fflush(None)
