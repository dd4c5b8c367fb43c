"""By how much other conditions alone may explain that a kernel took another time."""

from collections.abc import Iterator
from dataclasses import dataclass

from profiler.memory_weather import LIMITED_FRAC
from profiler.passes import pass_behind
from profiler.profile import Measurement, Pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """What the machine gave beside two measurements.

    Attributes
    ----------
    ratio : float
        The second time over the first, if the kernel waited for nothing else.
    words : str
    """

    ratio: float
    words: str


@dataclass(frozen=True, slots=True)
class Explained:
    """What may explain that the second time is another than the first."""

    causes: tuple[Cause, ...]

    @property
    def least(self) -> float:
        """The second time over the first where only conditions changed; at most 1."""
        return min([1.0, *(one.ratio for one in self.causes)])

    @property
    def most(self) -> float:
        """The second time over the first where only conditions changed; at least 1."""
        return max([1.0, *(one.ratio for one in self.causes)])

    def why(self, *, slower: bool) -> str:
        """Say what changed towards slower or faster, what explains most first."""
        found = [one for one in self.causes if (one.ratio > 1 if slower else one.ratio < 1)]
        found.sort(key=lambda one: one.ratio, reverse=slower)
        return "; ".join(one.words for one in found)


def explained(before: Measurement, after: Measurement) -> Explained:
    """Compare the conditions beside the passes that two medians come from.

    A kernel takes between as long as before and as much longer as the cores, or the memory that limits it,
    gave less: for which of them it waits, and how much, is not known. Where memory limited only one of the
    two, it may have slowed that one down.
    """
    one, two = pass_behind(before), pass_behind(after)
    if one is None or two is None:
        return Explained(())
    limited = _limited(before, one) or _limited(after, two)
    return Explained((*(_by_memory(one, two) if limited else ()), *_by_cores(one, two)))


def _by_memory(one: Pass, two: Pass) -> Iterator[Cause]:
    given, gives = one.read_bytes_per_s, two.read_bytes_per_s
    if given is not None and gives is not None:
        words = f"memory gave {given / 1e9:.0f} GB/s beside the first, {gives / 1e9:.0f} beside the second"
        yield Cause(ratio=given / gives, words=words)


def _by_cores(one: Pass, two: Pass) -> Iterator[Cause]:
    given, gives = one.core_turns_per_s, two.core_turns_per_s
    if given is not None and gives is not None:
        words = f"the cores gave {gives / given:.0%} beside the second of what they gave beside the first"
        yield Cause(ratio=given / gives, words=words)


def _limited(measurement: Measurement, behind: Pass) -> bool:
    given = behind.read_bytes_per_s
    return given is not None and measurement.bytes_per_s > LIMITED_FRAC * given
