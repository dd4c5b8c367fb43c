"""The sampler on a fake clock: loops, warm-up, stopping, all exact."""

from itertools import chain, cycle, repeat

import pytest

from profiler.clock import Stopwatch
from profiler.sampler import LEAST_SAMPLES, Limits, sample
from tests.profiler.fake_time import FakeTime


def sampled(durations_ns, **limits):
    time = FakeTime()
    result = sample(time.kernel(iter(durations_ns)), Limits(**limits), stopwatch=Stopwatch(time))
    return result, time.now_ns * 1e-9


def test_short_calls_are_looped_until_one_sample_is_long_enough():
    result, _ = sampled(repeat(1_000), share_s=1.0, min_sample_s=200e-6)
    assert 200 <= result.loops <= 2000
    assert result.samples_s == pytest.approx([1e-6] * len(result.samples_s))


def test_long_calls_are_not_looped():
    result, _ = sampled(repeat(1_000_000), share_s=1.0, min_sample_s=200e-6)
    assert result.loops == 1


def test_sampling_stops_at_the_minimum_when_samples_are_equal():
    result, elapsed_s = sampled(repeat(10_000_000), share_s=10.0, min_samples=7)
    assert len(result.samples_s) == 7
    assert elapsed_s < 0.2


def test_sampling_outlasts_a_time_slice_however_equal_the_samples_are():
    _, elapsed_s = sampled(repeat(100_000), share_s=10.0, least_s=0.04)
    assert 0.04 <= elapsed_s < 0.05


def test_sampling_goes_on_while_the_median_is_uncertain_and_ends_with_the_share():
    two_modes = cycle([1_000_000, 3_000_000])
    result, elapsed_s = sampled(two_modes, share_s=0.5, max_samples=10_000)
    assert len(result.samples_s) > 50
    assert 0.5 <= elapsed_s < 0.51


def test_sampling_stops_early_once_many_noisy_samples_pin_the_median():
    noisy = cycle([1_000_000, 3_000_000, 2_000_000, 5_000_000, 4_000_000])
    result, elapsed_s = sampled(noisy, share_s=60.0, max_samples=10_000)
    assert 20 < len(result.samples_s) < 1000
    assert elapsed_s < 5.0


def test_sampling_never_takes_more_than_the_maximum():
    result, _ = sampled(cycle([1_000_000, 3_000_000]), share_s=1e6, max_samples=60)
    assert len(result.samples_s) == 60


def test_slow_first_calls_end_up_in_the_warm_up():
    result, _ = sampled(chain([9_000_000, 8_000_000, 5_000_000], repeat(1_000_000)), share_s=2.0)
    assert max(result.samples_s) == pytest.approx(1e-3)
    assert max(result.warm_up_s) == pytest.approx(9e-3)


def test_a_call_that_fits_into_the_share_is_sampled_at_least_a_few_times():
    result, _ = sampled(repeat(90_000_000), share_s=0.1)
    assert len(result.samples_s) == LEAST_SAMPLES


def test_a_call_longer_than_the_share_is_sampled_once():
    result, elapsed_s = sampled(repeat(2_000_000_000), share_s=0.1)
    assert len(result.samples_s) == 1
    assert elapsed_s <= 6.0
