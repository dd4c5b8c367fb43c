"""Comparing profiles: laws of the verdict, and what is refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from profiler.compare import Verdict, compare
from profiler.profile import BenchConditions, Conditions, Measurement, Profile
from profiler.statistics import quantiles
from tonnage.errors import InvalidInput


def profile(machine, times_s, *, stable=True, threads=1, libraries=None):
    """Return a profile with one read measurement per entry of `times_s`."""
    conditions = BenchConditions(
        before=Conditions(taken_at="2026-01-01T00:00:00+00:00"), threads=threads, budget_s=1.0,
        libraries=libraries or {},
    )  # fmt: skip
    measurements = tuple(
        Measurement(
            kernel="read", backend="numpy", device="cpu", dtype="fp32", shape={"size_bytes": size}, flop=1.0,
            bytes=1.0, samples_s=tuple(samples), time_s=quantiles(samples), stable=stable,
        )
        for size, samples in times_s.items()
    )  # fmt: skip
    return Profile(machine=machine, conditions=conditions, measurements=measurements)


def steady(time_s):
    return [time_s * factor for factor in np.linspace(0.99, 1.01, 15)]


@given(time_s=st.floats(1e-6, 10), factor=st.floats(0.2, 5))
def test_swapping_the_profiles_swaps_faster_and_slower(time_s, factor):
    from hw_targets.machine import Machine

    one, two = (profile(Machine(), {8: steady(t)}) for t in (time_s, time_s * factor))
    forth, back = compare(one, two).changes[0], compare(two, one).changes[0]
    swapped = {Verdict.FASTER: Verdict.SLOWER, Verdict.SLOWER: Verdict.FASTER}
    # Five percent less is not five percent more: near the floor only one direction may count.
    if abs(factor - 1) > 0.06:
        assert back.verdict == swapped[forth.verdict]
    if abs(factor - 1) < 0.04:
        assert forth.verdict == Verdict.SAME


def test_a_profile_is_the_same_as_itself(machine):
    one = profile(machine, {8: steady(1.0), 16: steady(2.0)})
    assert [change.verdict for change in compare(one, one).changes] == [Verdict.SAME] * 2


def test_a_difference_within_wide_intervals_is_no_change(machine):
    noisy = [1.0, 1.4, 0.8, 1.2, 0.9, 1.3, 1.1]
    one, two = profile(machine, {8: noisy}), profile(machine, {8: [sample * 1.15 for sample in noisy]})
    assert compare(one, two).changes[0].verdict == Verdict.SAME


def test_an_unsteady_measurement_cannot_tell(machine):
    one, two = profile(machine, {8: steady(1.0)}), profile(machine, {8: steady(2.0)}, stable=False)
    assert compare(one, two).changes[0].verdict == Verdict.UNSURE


def test_trials_of_one_side_and_other_libraries_are_named(machine):
    one = profile(machine, {8: steady(1.0)}, libraries={"torch": "2.13"})
    two = profile(machine, {16: steady(1.0)}, libraries={"torch": "2.14"})
    found = compare(one, two)
    assert found.changes == ()
    assert "size_bytes=8" in found.only_before[0]
    assert "size_bytes=16" in found.only_after[0]
    assert found.notes == ("torch was 2.13 and is 2.14",)


def test_profiles_under_other_limits_are_refused(machine):
    with pytest.raises(InvalidInput, match="threads is 1 in the first profile and 2 in the second"):
        compare(profile(machine, {}), profile(machine, {}, threads=2))
