"""Lines broken between words: figures stay with sign, unit and range; a name breaks after hyphens at most."""

import re
from collections.abc import Iterator

__all__ = ["line_count", "longest_part", "wrapped"]

NAME_PARTS = re.compile(r"(?<=[^\W\d_]-)|(?<=\d-)(?=[^\W\d])|(?<=@)")
"""Where a name may break: after a hyphen that is no minus sign or range, or after an @."""

KEPT = re.compile(r"(?<=\d) (?=%|×|[mµn]?s\b|[KMGT]i?B\b|to \d)|(?<=×) |(?<=\bto) (?=\d)")
"""Spaces that no line ends at."""

HARD_SPACE = "\N{NO-BREAK SPACE}"


def wrapped(text: str, width: int, *, names: bool = False) -> list[str]:
    """Return the lines of a text.

    Parameters
    ----------
    text : str
        Its own line breaks and the indent of each line are kept.
    width : int
        Columns; a word that is longer stands in a line of its own, whole.
    names : bool
        Names may be broken at hyphens.
    """
    return [line for own in text.splitlines() for line in _paragraph(own, width, names)]


def line_count(text: str, width: int, *, names: bool = False) -> int:
    """Return how many lines `wrapped` makes of a text."""
    return len(text.splitlines()) if len(text) <= width else len(wrapped(text, width, names=names))


def longest_part(text: str, *, names: bool = False) -> int:
    """Return the width of what `wrapped` never breaks."""
    return max((len(part) for line in text.splitlines() for _, part in _parts(line, names)), default=0)


def _paragraph(text: str, width: int, names: bool) -> list[str]:
    if len(text) <= width:
        return [text]
    indent = text[: len(text) - len(text.lstrip(" "))]
    lines = [indent]
    for spaced, part in _parts(text, names):
        glue = " " if spaced and lines[-1] != indent else ""
        if lines[-1] == indent or len(lines[-1]) + len(glue) + len(part) <= width:
            lines[-1] += glue + part
        else:
            lines.append(indent + part)
    return [line.replace(HARD_SPACE, " ") for line in lines]


def _parts(line: str, names: bool) -> Iterator[tuple[bool, str]]:
    """Yield what is never broken, each with whether a space stands before it."""
    for word in filter(None, KEPT.sub(HARD_SPACE, line).split(" ")):
        for index, part in enumerate(NAME_PARTS.split(word) if names else [word]):
            yield index == 0, part
