"""Many refusals as few reasons: texts that differ only in numbers and their prefixes say the same."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import TypeVar

from reports.numbers import count

T = TypeVar("T")
_NUMBER = re.compile(r"\d[\d.,]*( (?:[nµm]?s|[kMGTP]?B)\b)?")


def by_reason(items: Iterable[T], why: Callable[[T], str]) -> list[list[T]]:
    """Group items by their reason, the most frequent reason first."""
    groups: defaultdict[str, list[T]] = defaultdict(list)
    for item in items:
        groups[_NUMBER.sub(_without_prefix, why(item))].append(item)
    return sorted(groups.values(), key=len, reverse=True)


def _without_prefix(found: re.Match[str]) -> str:
    """Return what a number is of: 754 ms and 1.5 s are both seconds."""
    return f"# {found[1][-1]}" if found[1] else "#"


def few(names: Iterable[str], *, most: int = 3) -> str:
    """List the first different names and say how many more there are.

    Examples
    --------
    >>> few(["a", "b", "a", "c", "d"])
    'a; b; c; 1 more'
    """
    different = list(dict.fromkeys(names))
    more = len(different) - most
    shown = "; ".join(different[:most])
    return f"{shown}; {count(more)} more" if more > 0 else shown
