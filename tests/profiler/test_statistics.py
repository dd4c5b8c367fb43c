"""Laws of the sample statistics, and what the verdict says."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from profiler.statistics import (
    drift_frac,
    interval_width_frac,
    mad,
    median,
    median_interval,
    quantiles,
    verdict,
)  # fmt: skip

times = st.lists(st.floats(1e-9, 1e3), min_size=1, max_size=200)
factors = st.floats(1e-3, 1e3)


@given(times)
def test_quantiles_lie_within_the_samples_and_in_order(samples):
    found = quantiles(samples)
    assert min(samples) <= found.p10 <= found.p50 <= found.p90 <= max(samples)


@given(times)
def test_median_lies_in_its_own_interval(samples):
    low, high = median_interval(samples)
    assert low <= median(samples) <= high
    assert low in samples
    assert high in samples


@given(times, st.randoms())
def test_median_interval_and_mad_ignore_the_order_of_samples(samples, random):
    shuffled = list(samples)
    random.shuffle(shuffled)
    assert median_interval(shuffled) == median_interval(samples)
    assert mad(shuffled) == mad(samples)


@given(times, factors)
def test_a_change_of_unit_scales_median_and_mad_and_leaves_fractions(samples, factor):
    scaled = [sample * factor for sample in samples]
    assert median(scaled) == pytest.approx(factor * median(samples))
    assert mad(scaled) == pytest.approx(factor * mad(samples), abs=1e-9 * median(scaled))
    assert drift_frac(scaled) == pytest.approx(drift_frac(samples), rel=1e-9, abs=1e-9)
    assert interval_width_frac(scaled) == pytest.approx(interval_width_frac(samples))


@given(st.floats(1e-9, 1e3), st.integers(3, 100))
def test_equal_samples_have_no_width_and_no_doubt(value, count):
    assert interval_width_frac([value] * count) == 0
    assert mad([value] * count) == 0
    assert verdict([value] * count) is None


def test_median_interval_against_the_binomial_table():
    # David and Nagaraja, table of distribution-free intervals: n = 10 gives ranks 2 and 9 (97.9 %).
    assert median_interval(list(range(1, 11))) == (2, 9)
    assert median_interval(list(range(1, 21))) == (6, 15)
    assert median_interval(list(range(1, 6))) == (1, 5)


@pytest.mark.parametrize("count", [9, 25, 100, 1500])
def test_median_interval_covers_the_true_median_at_least_as_often_as_it_says(count):
    rng = np.random.default_rng(count)
    trials = 600
    covered = 0
    for _ in range(trials):
        low, high = median_interval(rng.lognormal(0.0, 0.5, count).tolist())
        covered += low <= 1.0 <= high
    # Three standard errors of a share of 0.95 below it.
    assert covered / trials >= 0.95 - 3 * math.sqrt(0.95 * 0.05 / trials)


def test_verdict_names_what_is_wrong_and_what_would_help():
    steady = [1.0, 1.001] * 10
    assert verdict(steady) is None
    assert "2 samples" in verdict([1.0, 1.0])
    assert "hypervisor took 20%" in verdict(steady, steal_frac=0.2)
    assert "other programs used 30%" in verdict(steady, others_frac=0.3)
    assert "waited 40%" in verdict(steady, waited_frac=0.4)
    assert "larger --budget" in verdict([1.0, 2.0, 3.0, 1.5, 2.5])
    assert "20% slower" in verdict([1.0, 1.01] * 8 + [1.2, 1.21] * 8)
    assert "17% faster" in verdict([1.2, 1.21] * 8 + [1.0, 1.01] * 8)


def test_a_share_of_cpu_time_is_believed_only_beyond_the_ticks_it_is_counted_in():
    steady = [1.0, 1.001] * 10
    seen = {"steal_frac": 0.1, "others_frac": 0.2}
    assert verdict(steady, **seen) is not None
    assert verdict(steady, **seen, tick_frac=0.09) is None
    assert verdict(steady, steal_frac=0.1, tick_frac=0.07) is not None
    assert verdict(steady, others_frac=0.2, tick_frac=0.07) is not None
