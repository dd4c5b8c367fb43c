"""What changed between two profiles beyond noise."""

from collections.abc import Iterator
from enum import StrEnum

from profiler.explained import explained
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
    CONDITIONS = "conditions"
    """It took another time, but no other than cores or memory, which gave another share, may explain."""
    UNSURE = "unsure"
    """At least one of the two was not steady."""


class Change(Record):
    """One trial that both profiles hold.

    `time_frac` is the second median over the first, less one; `low_frac` and
    `high_frac` bound what the kernel itself changed by: by the medians of all
    passes and their intervals, and by what cores, and for what memory limits
    memory, gave beside either median.
    """

    trial: str
    before_s: float
    after_s: float
    time_frac: float
    low_frac: float
    high_frac: float
    verdict: Verdict
    why: str | None = None
    """What other conditions explain, or which measurement was unsteady and why."""


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
    seen_low, seen_high = after_low / before_high - 1, after_high / before_low - 1
    other = explained(before, after)
    low, high = (1 + seen_low) / other.most - 1, (1 + seen_high) / other.least - 1
    change = after.time_s.p50 / before.time_s.p50 - 1
    seen, verdict = _verdict(change, seen_low, seen_high), _verdict(change, low, high)
    why = _doubt(before, after)
    if why is not None:
        verdict = Verdict.UNSURE
    elif verdict is not seen:
        verdict, why = Verdict.CONDITIONS, other.why(slower=change > 0)
    return Change(
        trial=trial, before_s=before.time_s.p50, after_s=after.time_s.p50, time_frac=change, low_frac=low,
        high_frac=high, verdict=verdict, why=why,
    )  # fmt: skip


def _verdict(change: float, low: float, high: float) -> Verdict:
    """Call a change one where all of its bounds are on one side of none."""
    if low > 0 and change > FLOOR_FRAC:
        return Verdict.SLOWER
    if high < 0 and change < -FLOOR_FRAC:
        return Verdict.FASTER
    return Verdict.SAME


def _doubt(before: Measurement, after: Measurement) -> str | None:
    """Say which of two measurements was unsteady, and why; None if neither was."""
    for name, one in (("first", before), ("second", after)):
        if not one.stable:
            return f"the {name} was unsteady: {one.why_unstable or 'not said why'}"
    return None


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
    turned, turns = (_turns_per_s(one) for one in (before, after))
    if turned is not None and turns is not None and abs(turns / turned - 1) > FLOOR_FRAC:
        yield (
            f"the cores gave {turns / turned:.0%} in the second profile of what they gave in the first: "
            "kernels count as changed only beyond that"
        )
    for name in sorted(old.libraries.keys() & new.libraries.keys()):
        if old.libraries[name] != new.libraries[name]:
            yield f"{name} was {old.libraries[name]} and is {new.libraries[name]}"
    if old.before.governor != new.before.governor:
        yield f"the governor was {old.before.governor} and is {new.before.governor}"


def _turns_per_s(profile: Profile) -> float | None:
    """Return the median of what the cores gave beside passes; None where they were not read."""
    passes = (one for measurement in profile.measurements for one in measurement.passes)
    found = [one.core_turns_per_s for one in passes if one.core_turns_per_s is not None]
    return median(found) if found else None
