"""Sets of CPUs in the kernel's notation "0-15,128-143", kept as ranges: a million CPUs cost nothing."""

import re
from collections.abc import Iterable, Iterator

Range = tuple[int, int]
"""First and last CPU."""
MOST_RANGES = 4096
_PART = re.compile(r"(\d{1,9})(?:-(\d{1,9}))?")


def parse(text: str | None) -> tuple[Range, ...] | None:
    """Read the kernel's list format; None if it is not one, () if it is empty.

    Examples
    --------
    >>> parse("0-3,8")
    ((0, 3), (8, 8))
    """
    if text is None:
        return None
    ranges = []
    for part in text.replace(" ", "").split(",")[:MOST_RANGES]:
        if not part:
            continue
        found = _PART.fullmatch(part)
        if not found:
            return None
        first, last = int(found[1]), int(found[2] or found[1])
        if last < first:
            return None
        ranges.append((first, last))
    return _joined(ranges)


def of(cpus: Iterable[int]) -> tuple[Range, ...]:
    """Return single CPUs as ranges."""
    return _joined((cpu, cpu) for cpu in cpus)


def count(ranges: Iterable[Range]) -> int:
    """Return how many CPUs there are."""
    return sum(last - first + 1 for first, last in ranges)


def common(left: Iterable[Range], right: Iterable[Range]) -> tuple[Range, ...]:
    """Return the CPUs that are in both sets."""
    right = tuple(right)
    shared = ((max(a, c), min(b, d)) for a, b in left for c, d in right)
    return _joined((first, last) for first, last in shared if first <= last)


def members(ranges: Iterable[Range], *, at_most: int) -> Iterator[int]:
    """Yield single CPUs, `at_most` of them."""
    for first, last in ranges:
        for cpu in range(first, min(last + 1, first + at_most)):
            yield cpu
            at_most -= 1
        if at_most <= 0:
            return


def _joined(ranges: Iterable[Range]) -> tuple[Range, ...]:
    joined: list[Range] = []
    for first, last in sorted(ranges):
        if joined and first <= joined[-1][1] + 1:
            joined[-1] = (joined[-1][0], max(last, joined[-1][1]))
        else:
            joined.append((first, last))
    return tuple(joined)
