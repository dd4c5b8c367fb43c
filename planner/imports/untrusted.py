"""Numbers and rows from files that anyone may have written: bounded, finite, or refused in one line."""

import csv
import io
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tonnage.errors import FormatError
from tonnage.files import read_text

MAX_FILE_BYTES = 256 * 2**20
MAX_ROWS = 5_000_000
MAX_WORD = 400


def number(value: object, *, name: str, where: str) -> float | None:
    """Return a positive finite number, or None where there is none.

    Text that spells a number counts; empty text, null, NaN and zero are no figure.

    Raises
    ------
    FormatError
        If it is something else, negative or infinite.
    """
    if value is None or value == "":
        return None
    try:
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise ValueError
        found = float(value)
    except (ValueError, OverflowError):
        raise FormatError(f"{where}: {name} = {str(value)[:40]!r} is not a number") from None
    if math.isnan(found) or found == 0:
        return None
    if found < 0 or math.isinf(found):
        raise FormatError(f"{where}: {name} = {found:g} is not a positive finite number")
    return found


def whole(value: object, *, name: str, where: str, most: float = 1e9) -> int | None:
    """Return a positive whole number of at most `most`, or None where there is none."""
    found = number(value, name=name, where=where)
    if found is None:
        return None
    if found != int(found) or found > most:
        raise FormatError(f"{where}: {name} = {found:g} is not a whole number up to {most:g}")
    return int(found)


def word(value: object) -> str | None:
    """Return non-empty text of bounded length, else None."""
    return value.strip()[:MAX_WORD] or None if isinstance(value, str) else None


def table(value: object) -> dict[str, Any]:
    """Return a JSON object, or an empty one where there is something else."""
    return value if isinstance(value, dict) else {}


def rows(value: object) -> list[Any]:
    """Return a JSON array, or an empty one where there is something else."""
    return value if isinstance(value, list) else []


def csv_rows(text: str, *, where: str) -> Iterator[dict[str, str]]:
    """Yield the rows of a CSV text with a header, every cell as text.

    Raises
    ------
    FormatError
        If a row is longer or shorter than the header, a cell is larger than 128 KiB, or there are
        too many rows.
    """
    lines = csv.reader(io.StringIO(text, newline=""))
    try:
        header = next(lines, None)
        if not header:
            return
        for count, cells in enumerate(lines, start=2):
            if not cells:
                continue
            if len(cells) != len(header):
                raise FormatError(f"{where}: line {count} has {len(cells)} cells, the header {len(header)}")
            if count > MAX_ROWS:
                raise FormatError(f"{where}: more than {MAX_ROWS} rows; import a part of it")
            yield dict(zip(header, cells, strict=True))
    except csv.Error as problem:
        raise FormatError(f"{where}: not a CSV table: {problem}") from None


def text_of(path: Path) -> str:
    """Read a bounded UTF-8 file, without a byte order mark."""
    return read_text(path, max_bytes=MAX_FILE_BYTES).removeprefix("\ufeff")


def json_lines(text: str, *, where: str) -> list[Any]:
    """Return the values of a JSON Lines text.

    Raises
    ------
    FormatError
        Naming the first line that is no JSON.
    """
    found = []
    for count, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            found.append(json.loads(line))
        except (ValueError, RecursionError):
            raise FormatError(f"{where}: line {count} is not valid JSON; the file may be cut off") from None
    return found
