import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.laws.roofline import Coefficients, Prior, Samples, call_time_s, fit, soft_maximum
from tonnage.errors import FitRejected

positive = st.floats(min_value=1e-3, max_value=1e15)
laws = st.builds(
    Coefficients,
    overhead_s=st.floats(0, 1e-3),
    peak_flop_per_s=st.floats(1e6, 1e16),
    half_flop=st.floats(0, 1e9),
    bandwidth_bytes_per_s=st.floats(1e6, 1e13),
    half_bytes=st.floats(0, 1e8),
    sharpness=st.floats(1, 16),
)


@given(laws, positive, positive, st.floats(1, 100), st.floats(1, 100))
def test_more_work_never_takes_less_time(law, flop, size, more_flop, more_bytes):
    before = call_time_s(law, flop, size)
    assert call_time_s(law, flop * more_flop, size * more_bytes) >= before * (1 - 1e-12)


@given(laws, positive, positive)
def test_no_call_beats_either_roof(law, flop, size):
    took = float(call_time_s(law, flop, size)) * (1 + 1e-9)
    assert took >= flop / law.peak_flop_per_s
    assert took >= size / law.bandwidth_bytes_per_s
    assert took >= law.overhead_s


@given(positive, positive, st.floats(1, 16))
def test_soft_maximum_lies_between_the_maximum_and_the_sum(a, b, q):
    value = float(soft_maximum(a, b, q))
    assert max(a, b) * (1 - 1e-9) <= value <= (a + b) * (1 + 1e-9)


def test_a_call_without_work_costs_its_overhead_alone():
    law = Coefficients(overhead_s=3e-6, half_flop=1e6, peak_flop_per_s=1e9, half_bytes=1e6)
    assert call_time_s(law, 0.0, 0.0) == 3e-6


TRUE = Coefficients(
    overhead_s=4e-6,
    peak_flop_per_s=8e11,
    half_flop=2e7,
    bandwidth_bytes_per_s=2.5e10,
    half_bytes=2e5,
    sharpness=4.0,
)
PRIOR = Prior(overhead_s=5e-6, peak_flop_per_s=6e11, bandwidth_bytes_per_s=2e10)


def samples(rng, n, noise):
    flop = 10.0 ** rng.uniform(5, 12, n)
    size = 10.0 ** rng.uniform(4, 9, n)
    time = call_time_s(TRUE, flop, size) * np.exp(rng.normal(0, noise, n))
    return Samples(flop=flop, bytes=size, time_s=time)


@pytest.mark.parametrize("seed", range(4))
def test_a_law_is_recovered_from_its_own_samples(seed):
    rng = np.random.default_rng(seed)
    fitted = fit(samples(rng, 40, 0.02), prior=PRIOR, check=False).coefficients
    fresh = samples(rng, 200, 0.0)
    error = np.abs(call_time_s(fitted, fresh.flop, fresh.bytes) / fresh.time_s - 1)
    assert np.median(error) < 0.03
    assert fitted.peak_flop_per_s == pytest.approx(TRUE.peak_flop_per_s, rel=0.1)
    assert fitted.bandwidth_bytes_per_s == pytest.approx(TRUE.bandwidth_bytes_per_s, rel=0.1)


def test_one_gross_outlier_does_not_move_the_law():
    rng = np.random.default_rng(7)
    clean = samples(rng, 30, 0.02)
    spoiled = Samples(
        flop=clean.flop, bytes=clean.bytes, time_s=clean.time_s * np.where(np.arange(30) == 3, 20.0, 1.0)
    )
    law = fit(spoiled, prior=PRIOR, check=False).coefficients
    others = np.arange(30) != 3
    error = call_time_s(law, clean.flop, clean.bytes) / clean.time_s - 1
    assert np.median(np.abs(error[others])) < 0.06


def test_few_samples_stay_near_the_prior():
    one = Samples(flop=np.array([1e12]), bytes=np.array([1e6]), time_s=np.array([2.0]))
    law = fit(one, prior=PRIOR).coefficients
    assert call_time_s(law, 1e12, 1e6) == pytest.approx(2.0, rel=0.15)
    assert law.bandwidth_bytes_per_s == pytest.approx(PRIOR.bandwidth_bytes_per_s, rel=0.05)


def test_held_out_error_is_as_large_as_the_noise():
    rng = np.random.default_rng(3)
    errors = fit(samples(rng, 40, 0.10), prior=PRIOR).held_out_log_error
    assert 0.05 < np.std(errors) < 0.25


@settings(max_examples=5)
@given(st.sampled_from([0.0, -1.0, np.nan, np.inf]))
def test_times_that_are_none_are_refused(bad):
    with pytest.raises(FitRejected, match="positive seconds"):
        fit(Samples(flop=np.ones(1), bytes=np.ones(1), time_s=np.array([bad])), prior=PRIOR)


def test_nothing_measured_is_refused():
    empty = np.array([])
    with pytest.raises(FitRejected, match="bench"):
        fit(Samples(flop=empty, bytes=empty, time_s=empty), prior=PRIOR)
