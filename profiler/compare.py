"""What changed between two profiles beyond noise."""

from collections.abc import Iterator
from enum import StrEnum

from profiler.memory_weather import given_bytes_per_s, limited_by_memory
from profiler.passes import median_bounds
from profiler.profile import Measurement, Profile
from profiler.statistics import median
from profiler.sweep import trial_key
from tonnage.errors import InvalidInput
from tonnage.files import Record

FLOOR_FRAC = 0.05
"""Smaller changes are not reported: sample sets of an idle shared machine differ by 2 to 3 %."""


class Verdict(StrEnum):
    """How the second profile stands against the first."""

    SAME = "same"
    FASTER = "faster"
    SLOWER = "slower"
    UNSURE = "unsure"
    """At least one of the two was not steady."""


class Change(Record):
    """One trial that both profiles hold.

    `time_frac` is the second median over the first, less one; `low_frac` and
    `high_frac` bound it by the medians of all passes and their intervals, and
    for what memory limits also by what memory gave in either profile.
    """

    trial: str
    before_s: float
    after_s: float
    time_frac: float
    low_frac: float
    high_frac: float
    verdict: Verdict


class Comparison(Record):
    """All changes, and what only one profile holds."""

    changes: tuple[Change, ...]
    only_before: tuple[str, ...] = ()
    only_after: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    """Conditions that differ, each one sentence."""


def compare(before: Profile, after: Profile) -> Comparison:
    """Compare two profiles of one machine, trial by trial.

    Raises
    ------
    InvalidInput
        If CPU, threads or device differ: that is two machines, not a change.
    """
    _check_comparable(before, after)
    old = {trial_key(one): one for one in before.measurements}
    new = {trial_key(one): one for one in after.measurements}
    return Comparison(
        changes=tuple(_change(key, old[key], new[key]) for key in old if key in new),
        only_before=tuple(key for key in old if key not in new),
        only_after=tuple(key for key in new if key not in old),
        notes=tuple(_differences(before, after)),
    )


def _change(trial: str, before: Measurement, after: Measurement) -> Change:
    before_low, before_high = median_bounds(before)
    after_low, after_high = median_bounds(after)
    most, least = _weather(before, after)
    low, high = after_low / before_high * least - 1, after_high / before_low * most - 1
    change = after.time_s.p50 / before.time_s.p50 - 1
    if not (before.stable and after.stable):
        verdict = Verdict.UNSURE
    elif low > 0 and change > FLOOR_FRAC:
        verdict = Verdict.SLOWER
    elif high < 0 and change < -FLOOR_FRAC:
        verdict = Verdict.FASTER
    else:
        verdict = Verdict.SAME
    return Change(
        trial=trial, before_s=before.time_s.p50, after_s=after.time_s.p50, time_frac=change, low_frac=low,
        high_frac=high, verdict=verdict,
    )  # fmt: skip


def _weather(before: Measurement, after: Measurement) -> tuple[float, float]:
    """Return by what factors memory alone may explain a change: at least 1, and at most 1."""
    given, gives = given_bytes_per_s(before), given_bytes_per_s(after)
    if given is None or gives is None or not (limited_by_memory(before) and limited_by_memory(after)):
        return 1.0, 1.0
    return max(gives / given, 1.0), min(gives / given, 1.0)


def _check_comparable(before: Profile, after: Profile) -> None:
    pairs = (
        ("CPU", before.machine.cpu.model, after.machine.cpu.model),
        ("threads", before.conditions.threads, after.conditions.threads),
    )
    for what, first, second in pairs:
        if first != second:
            raise InvalidInput(
                f"cannot compare: {what} is {first} in the first profile and {second} in the second; "
                "compare profiles of one machine with the same limits"
            )


def _differences(before: Profile, after: Profile) -> Iterator[str]:
    old, new = before.conditions, after.conditions
    given, gives = (
        median([one.read_bytes_per_s for one in c.memory]) if c.memory else None for c in (old, new)
    )
    if given is not None and gives is not None and abs(gives / given - 1) > FLOOR_FRAC:
        yield (
            f"memory gave {given / 1e9:.0f} GB/s to reads in the first profile and {gives / 1e9:.0f} in the "
            "second: what it limits counts as changed only beyond that"
        )
    for name in sorted(old.libraries.keys() & new.libraries.keys()):
        if old.libraries[name] != new.libraries[name]:
            yield f"{name} was {old.libraries[name]} and is {new.libraries[name]}"
    if old.before.governor != new.before.governor:
        yield f"the governor was {old.before.governor} and is {new.before.governor}"
