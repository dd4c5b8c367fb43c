"""Passes that the host disturbed are left out by what cores and memory gave around them, and no others."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from profiler.core_gauge import CALM_FRAC, FEWEST_READINGS
from profiler.passes import joined
from profiler.profile import Measurement, Pass
from profiler.statistics import quantiles
from profiler.weather import calm_frac, judged

BEST = 1e9


def one_pass(time_s, *, core=None, read=None, size=1.0):
    """Return a measurement of a single steady pass."""
    samples_s = tuple(time_s * factor for factor in np.linspace(0.995, 1.005, 15))
    taken = Pass(at_s=0.0, samples=15, core_turns_per_s=core, read_bytes_per_s=read)
    return Measurement(
        kernel="read", backend="numpy", device="cpu", dtype="fp32", shape={"size_bytes": 8}, flop=1.0,
        bytes=size, samples_s=samples_s, time_s=quantiles(samples_s), stable=True, passes=(taken,),
    )  # fmt: skip


def of(*passes):
    """Return one measurement of all passes."""
    whole = passes[0]
    for one in passes[1:]:
        whole = joined(whole, one)
    return whole


def calm(count=20):
    """Return measurements around which the cores and memory gave their best."""
    return [of(one_pass(1e-3, core=BEST, read=BEST)) for _ in range(count)]


def test_passes_on_shared_cores_are_left_out_and_time_is_that_of_the_calm_ones():
    trial = of(
        one_pass(1e-3, core=BEST), one_pass(2e-3, core=0.5 * BEST), one_pass(1.01e-3, core=0.95 * BEST)
    )
    found = judged([*calm(), trial])[-1]
    assert found.stable
    assert [one.why_unsteady is None for one in found.passes] == [True, False, True]
    assert "the cores gave 50% of their best" in found.passes[1].why_unsteady
    assert found.time_s.p90 < 1.1e-3


def test_a_trial_that_never_had_the_cores_to_itself_says_so_though_its_samples_agree():
    shared = of(*(one_pass(2e-3, core=0.6 * BEST) for _ in range(3)))
    assert shared.stable
    found = judged([*calm(), shared])[-1]
    assert not found.stable
    assert "the cores gave 60% of their best" in found.why_unstable


def test_what_memory_gave_matters_only_to_what_memory_limits():
    limited, free = (
        of(*(one_pass(1e-3, read=0.5 * BEST, size=size) for _ in range(2))) for size in (0.45e6, 1e3)
    )
    doubted, kept = judged([*calm(), limited, free])[-2:]
    assert "memory gave 50% of its best" in doubted.why_unstable
    assert kept == free


def test_a_single_pass_is_trusted_only_where_the_cores_are_mostly_calm():
    alone = one_pass(1e-3, core=BEST)
    shared = [of(*(one_pass(1e-3, core=0.5 * BEST) for _ in range(2))) for _ in range(10)]
    assert judged([*calm(), alone])[-1] == alone
    found = judged([*calm(20), *shared, alone])[-1]
    assert not found.stable
    assert "one pass only" in found.why_unstable
    twice = of(alone, alone)
    assert judged([*calm(20), *shared, twice])[-1] == twice


def test_a_pass_that_was_doubted_keeps_its_own_reason():
    shaken = of(one_pass(1e-3, core=BEST), one_pass(1e-3, core=0.5 * BEST))
    own = shaken.passes[1].model_copy(update={"why_unsteady": "only 2 samples"})
    found = judged([*calm(), shaken.model_copy(update={"passes": (shaken.passes[0], own)})])[-1]
    assert found.passes[1].why_unsteady == "only 2 samples"


def test_profiles_without_readings_are_left_as_they_are():
    old = [of(one_pass(1e-3), one_pass(1e-3)) for _ in range(10)]
    assert judged(old) == tuple(old)
    assert calm_frac(old) is None


@given(st.lists(st.floats(0.01, 1.0), min_size=FEWEST_READINGS, max_size=20), st.floats(1e6, 1e10))
def test_only_shares_of_the_best_matter(shares, best):
    def trials(scale):
        return [of(one_pass(1e-3, core=scale * one), one_pass(1e-3, core=scale * one)) for one in shares]

    verdicts = [tuple(one.stable for one in judged(trials(scale))) for scale in (1.0, best)]
    near = any(abs(one / np.quantile(np.repeat(shares, 2), 0.9) - CALM_FRAC) < 1e-9 for one in shares)
    assert near or verdicts[0] == verdicts[1]


def test_judging_twice_changes_nothing_more():
    trials = [*calm(), of(one_pass(1e-3, core=BEST), one_pass(3e-3, core=0.4 * BEST))]
    once = judged(trials)
    assert judged(once) == once


def test_share_of_calm_passes():
    shared = [of(one_pass(1e-3, core=0.5 * BEST)) for _ in range(20)]
    assert calm_frac([*calm(), *shared]) == pytest.approx(0.5)
    assert calm_frac(calm()) == 1.0
