"""Comparing profiles: laws of the verdict, and what is refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from profiler.compare import Verdict, compare
from profiler.profile import BenchConditions, Conditions, Measurement, Pass, Profile
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


def under(machine, time_s, *, memory, cores, moved_frac=0.9):
    """Return a profile of one steady kernel, with what memory and cores gave beside it.

    `moved_frac` is the share of `memory` that the kernel moves its bytes at.
    """
    samples = steady(time_s)
    beside = Pass(at_s=0.0, samples=len(samples), read_bytes_per_s=memory, core_turns_per_s=cores)
    slower = beside.model_copy(update={"read_bytes_per_s": memory * 0.9, "core_turns_per_s": cores * 0.9})
    held = profile(machine, {8: samples})
    (only,) = held.measurements
    both = only.model_copy(
        update={
            "bytes": moved_frac * memory * time_s,
            "samples_s": (*(1.07 * one for one in samples), *samples),
            "passes": (slower, beside),
        }
    )
    return held.model_copy(update={"measurements": (both,)})


def between(one, two):
    (change,) = compare(one, two).changes
    return change


TIMES = st.floats(1e-5, 1.0)
MEMORY = st.floats(1e9, 1e12)
CORES = st.floats(1e6, 1e10)
WEATHER = st.floats(0.3, 0.8)
"""What is left of what was given."""


@given(time_s=TIMES, memory=MEMORY, cores=CORES, left=WEATHER)
def test_the_same_kernel_in_memory_that_gives_less_is_put_down_to_memory(time_s, memory, cores, left):
    from hw_targets.machine import Machine

    one = under(Machine(), time_s, memory=memory, cores=cores)
    two = under(Machine(), time_s / left, memory=memory * left, cores=cores)
    there, back = between(one, two), between(two, one)
    assert there.verdict == back.verdict == Verdict.CONDITIONS
    for change in (there, back):
        assert "memory gave" in change.why
        assert "cores" not in change.why


@given(time_s=TIMES, memory=MEMORY, cores=CORES, left=WEATHER, limited=st.booleans())
def test_the_same_kernel_on_cores_that_give_less_is_put_down_to_the_cores(
    time_s, memory, cores, left, limited
):
    from hw_targets.machine import Machine

    moved = 0.9 if limited else 0.1
    one = under(Machine(), time_s, memory=memory, cores=cores, moved_frac=moved)
    two = under(Machine(), time_s / left, memory=memory, cores=cores * left, moved_frac=moved * left)
    there, back = between(one, two), between(two, one)
    assert there.verdict == back.verdict == Verdict.CONDITIONS
    assert "the cores gave" in there.why
    assert "the cores gave" in back.why


@given(time_s=TIMES, memory=MEMORY, cores=CORES, factor=st.floats(1.2, 4), moved=st.floats(0.01, 1))
def test_another_kernel_in_the_same_weather_is_a_change_both_ways(time_s, memory, cores, factor, moved):
    from hw_targets.machine import Machine

    one = under(Machine(), time_s, memory=memory, cores=cores, moved_frac=moved)
    two = under(Machine(), time_s * factor, memory=memory, cores=cores, moved_frac=moved / factor)
    assert between(one, two).verdict == Verdict.SLOWER
    assert between(two, one).verdict == Verdict.FASTER


@given(
    time_s=TIMES, memory=MEMORY, cores=CORES, left=WEATHER, factor=st.floats(1.2, 4), moved=st.floats(0.6, 1)
)
def test_a_kernel_slowed_beyond_its_weather_or_against_it_is_a_change(
    time_s, memory, cores, left, factor, moved
):
    from hw_targets.machine import Machine

    one = under(Machine(), time_s, memory=memory, cores=cores, moved_frac=moved)
    beyond = under(
        Machine(), time_s * factor / left, memory=memory * left, cores=cores, moved_frac=moved / factor
    )
    against = under(
        Machine(), time_s * factor, memory=memory / left, cores=cores, moved_frac=moved * left / factor
    )
    assert between(one, beyond).verdict == between(one, against).verdict == Verdict.SLOWER
    assert between(beyond, one).verdict == between(against, one).verdict == Verdict.FASTER


@given(time_s=TIMES, memory=MEMORY, cores=CORES, left=WEATHER)
def test_memory_explains_nothing_of_a_kernel_that_it_never_limited(time_s, memory, cores, left):
    from hw_targets.machine import Machine

    one = under(Machine(), time_s, memory=memory, cores=cores, moved_frac=0.1)
    two = under(Machine(), time_s / left, memory=memory * left, cores=cores, moved_frac=0.1)
    assert between(one, two).verdict == Verdict.SLOWER


def test_unsteady_measurements_say_which_and_why(machine):
    one, two = profile(machine, {8: steady(1.0)}), profile(machine, {8: steady(1.0)}, stable=False)
    assert between(one, two).why.startswith("the second was unsteady")
    assert between(two, one).why.startswith("the first was unsteady")


def test_cores_that_gave_another_share_throughout_are_noted(machine):
    one = under(machine, 1.0, memory=4e10, cores=1.5e9)
    two = under(machine, 1.0, memory=4e10, cores=1.2e9)
    assert any("the cores gave 80% in the second profile" in note for note in compare(one, two).notes)
    assert compare(one, one).notes == ()
