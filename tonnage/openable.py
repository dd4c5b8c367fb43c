"""Names that may be those of files, and tables whose lines end: asked before what others wrote is read."""

from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from tonnage.errors import FileProblem, FormatError

MAX_LINE = 2**24
"""Characters of one line of a table."""


def check_name(path: Path | str) -> None:
    """Refuse a name that no file can have: what opens it would fail with an error of its own kind."""
    if "\0" in str(path):
        raise FileProblem(f"{path}: holds a zero byte, so it names no file")


def short_lines(text: TextIO, *, where: str) -> Iterator[str]:
    """Yield the lines of a table; one that never ends is refused before it fills memory.

    Raises
    ------
    FormatError
        If a line is longer than `MAX_LINE` characters.
    """
    number = 0
    while line := text.readline(MAX_LINE):
        number += 1
        if len(line) == MAX_LINE and not line.endswith("\n"):
            raise FormatError(f"{where}: line {number} is longer than {MAX_LINE} characters")
        yield line


def is_file(path: Path | str) -> bool:
    """Say whether a name is that of a file.

    What the system refuses to look at is none: names too long for it, folders without permission.
    """
    try:
        return Path(path).is_file()
    except (OSError, ValueError):
        return False
