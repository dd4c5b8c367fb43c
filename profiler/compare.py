"""What changed between two profiles beyond noise."""

from collections.abc import Iterator
from enum import StrEnum

from profiler.profile import Measurement, Profile
from profiler.statistics import median_interval
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
    `high_frac` bound it by the intervals of both medians.
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
    before_low, before_high = median_interval(before.samples_s)
    after_low, after_high = median_interval(after.samples_s)
    low, high = after_low / before_high - 1, after_high / before_low - 1
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
    for name in sorted(old.libraries.keys() & new.libraries.keys()):
        if old.libraries[name] != new.libraries[name]:
            yield f"{name} was {old.libraries[name]} and is {new.libraries[name]}"
    if old.before.governor != new.before.governor:
        yield f"the governor was {old.before.governor} and is {new.before.governor}"
