"""Passes of one trial: laws of their joint time, and what they are called."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from profiler.kept import WORTH_S, Kept, Ready
from profiler.memory_weather import limited_by_memory
from profiler.passes import DRIFTED_FRAC, apart_frac, joined, median_bounds, pass_behind, time_of
from profiler.profile import Measurement, Pass
from profiler.statistics import median, quantiles

samples = st.lists(st.floats(1e-6, 1.0), min_size=3, max_size=30)


def one_pass(samples_s, *, why=None, at_s=0.0, read=None, size=1.0):
    """Return a measurement of a single pass."""
    samples_s = tuple(samples_s)
    return Measurement(
        kernel="read", backend="numpy", device="cpu", dtype="fp32", shape={"size_bytes": 8}, flop=1.0,
        bytes=size, samples_s=samples_s, time_s=quantiles(samples_s), stable=why is None, why_unstable=why,
        passes=(Pass(at_s=at_s, samples=len(samples_s), why_unsteady=why, read_bytes_per_s=read),),
    )  # fmt: skip


def of(*passes):
    """Return one measurement of all passes."""
    whole = passes[0]
    for one in passes[1:]:
        whole = joined(whole, one)
    return whole


@given(st.lists(samples, min_size=1, max_size=5))
def test_time_lies_within_the_samples_and_holds_every_pass(passes):
    found = time_of(passes)
    everything = [sample for one in passes for sample in one]
    assert min(everything) <= found.p10 <= found.p50 <= found.p90 <= max(everything)
    for one in passes:
        assert found.p50 <= median(one) <= found.p90


@settings(deadline=None)
@given(samples)
def test_one_pass_says_what_its_samples_say(taken):
    assert time_of([taken]) == quantiles(taken)


@given(st.lists(samples, min_size=2, max_size=4), st.randoms())
def test_the_order_of_passes_does_not_matter_to_the_time(passes, random):
    shuffled = list(passes)
    random.shuffle(shuffled)
    assert time_of(shuffled) == time_of(passes)


@settings(deadline=None)
@given(samples, samples)
def test_joining_keeps_all_samples_in_order(first, second):
    whole = of(one_pass(first), one_pass(second))
    assert whole.samples_by_pass == (tuple(first), tuple(second))


def steady(time_s):
    return [time_s * factor for factor in np.linspace(0.995, 1.005, 15)]


def test_drift_between_passes_is_called_though_each_pass_is_steady():
    within, beyond = 1 + 0.5 * DRIFTED_FRAC, 1 + 2 * DRIFTED_FRAC
    assert of(one_pass(steady(1.0)), one_pass(steady(within))).stable
    drifted = of(one_pass(steady(1.0)), one_pass(steady(beyond)))
    assert not drifted.stable
    assert drifted.why_unstable.startswith(f"drifted by {apart_frac(drifted):.0%} between passes")


def test_one_slow_pass_of_three_widens_the_interval_and_moves_nothing_else():
    calm = of(one_pass(steady(1.0)), one_pass(steady(1.01)))
    shaken = joined(calm, one_pass(steady(1.5)))
    assert shaken.stable
    assert shaken.time_s.p50 == calm.time_s.p50
    assert shaken.time_s.p90 == pytest.approx(1.5)


def test_a_disturbed_pass_is_left_out_where_two_others_are_steady():
    disturbed = one_pass(steady(3.0), why="other programs used 60% of the CPU time")
    once = of(one_pass(steady(1.0)), disturbed)
    assert not once.stable
    assert "1 of 2 passes was steady; other programs used 60%" in once.why_unstable
    twice = joined(once, one_pass(steady(1.0)))
    assert twice.stable
    assert twice.counted == (tuple(steady(1.0)),) * 2
    assert twice.time_s.p90 < 1.1
    assert len(twice.samples_s) == 45


def test_bounds_of_the_median_hold_the_two_fastest_passes_that_count():
    low, high = median_bounds(of(one_pass(steady(1.0)), one_pass(steady(1.2))))
    assert low < 1.0 < 1.2 < high


def test_a_third_slower_pass_does_not_widen_the_bounds_of_the_median():
    two = of(one_pass(steady(1.0)), one_pass(steady(1.05)))
    assert median_bounds(joined(two, one_pass(steady(1.6)))) == median_bounds(two)


@given(st.lists(samples, min_size=2, max_size=4))
def test_the_pass_behind_a_time_is_the_one_whose_median_it_is(passes):
    whole = of(*(one_pass(taken, at_s=float(index)) for index, taken in enumerate(passes)))
    behind = pass_behind(whole)
    assert median(whole.samples_by_pass[whole.passes.index(behind)]) == whole.time_s.p50


def test_the_pass_behind_a_time_counts_and_older_profiles_have_none():
    fast, *slow = one_pass(steady(0.5), why="disturbed"), *(one_pass(steady(t), at_s=t) for t in (2.0, 1.0))
    assert pass_behind(of(fast, *slow)).at_s == 1.0
    assert pass_behind(one_pass(steady(1.0)).model_copy(update={"passes": ()})) is None


def test_limited_by_memory_is_what_moves_its_bytes_nearly_as_fast_as_memory_gives_them():
    limited, free = (
        of(*(one_pass(steady(1e-3), read=50e9, size=size) for _ in range(2))) for size in (45e6, 1e6)
    )
    assert limited_by_memory(limited)
    assert not limited_by_memory(free)


def ready(size_bytes, setup_s):
    return Ready(prepared=object(), error=0.0, copies=1, size_bytes=size_bytes, setup_s=setup_s)


@pytest.mark.parametrize("limit", [0.0, 150.0, 250.0])
def test_kept_points_never_take_more_than_they_may_and_the_cheapest_go_first(limit):
    kept = Kept(limit)
    points = {"dear": ready(100.0, 9.0), "cheap": ready(100.0, 1.0), "quick": ready(1.0, WORTH_S / 2)}
    for key, one in points.items():
        kept.put(key, one)
    held = [key for key in points if kept.get(key).prepared is not None]
    assert 100.0 * len(held) <= limit
    assert held == ["dear", "cheap"][: len(held)]
    assert kept.again_s("cheap") == (0.0 if "cheap" in held else 1.0)
    assert kept.get("quick").error == 0.0
