"""TOML that somebody else wrote: what it holds, or one line that says why it cannot be read."""

import tomllib
from pathlib import Path
from typing import Any

from tonnage.errors import FormatError
from tonnage.files import MAX_RECORD_BYTES, read_text

__all__ = ["parse_toml", "read_toml"]


def parse_toml(text: str, *, where: str) -> dict[str, Any]:
    """Parse TOML.

    Raises
    ------
    FormatError
        Naming `where`, if it is no TOML, nested too deeply, or holds a number
        of thousands of digits.
    """
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as problem:
        raise FormatError(f"{where}: not valid TOML: {problem}") from None
    except RecursionError:
        raise FormatError(f"{where}: TOML nested too deeply") from None
    except ValueError:
        raise FormatError(f"{where}: holds a number with thousands of digits") from None


def read_toml(path: Path | str, *, max_bytes: int = MAX_RECORD_BYTES) -> dict[str, Any]:
    """Read a TOML file; see `read_text` and `parse_toml` for what is refused."""
    return parse_toml(read_text(path, max_bytes=max_bytes), where=str(path))
