"""Order of the sweep, tiers by budget, and who is dominated."""

import pytest

from profiler.backends import BACKENDS
from profiler.kernels import KERNELS
from profiler.kernels.kernel import Point
from profiler.profile import Measurement
from profiler.statistics import quantiles
from profiler.sweep import (
    MAIN_KERNELS,
    Trial,
    dominated_by,
    plan_further,
    plan_sweep,
    tier_for,
    trial_key,
)

ALL_KERNELS = [kernel for _, kernel in KERNELS]
ALL_BACKENDS = [backend for _, backend in BACKENDS]


def measured(point: Point, backend: str, time_s: float) -> Measurement:
    samples_s = (time_s,) * 5
    return Measurement(
        kernel=point.kernel, backend=backend, device="cpu", dtype=point.dtype, format=point.format,
        shape=dict(point.shape), flop=1.0, bytes=1.0, samples_s=samples_s, time_s=quantiles(samples_s),
        stable=True,
    )  # fmt: skip


@pytest.mark.parametrize("tier", [1, 2, 3, 4])
def test_trials_are_distinct_and_only_of_asked_tiers(tier):
    trials = plan_sweep(ALL_KERNELS, ALL_BACKENDS, tier=tier)
    assert len({trial.key for trial in trials}) == len(trials)
    assert max(trial.point.tier for trial in trials) == tier


def test_what_the_fit_needs_most_comes_first():
    ranks = [
        (trial.point.tier, not trial.point.scout) for trial in plan_sweep(ALL_KERNELS, ALL_BACKENDS, tier=3)
    ]
    assert ranks == sorted(ranks)


def test_order_is_the_same_each_time_so_that_a_bench_can_be_resumed():
    assert plan_sweep(ALL_KERNELS, ALL_BACKENDS, tier=2) == plan_sweep(ALL_KERNELS, ALL_BACKENDS, tier=2)


def test_kernels_are_mixed_within_a_rank():
    trials = [one for one in plan_sweep(ALL_KERNELS, ALL_BACKENDS, tier=2) if one.point.tier == 2]
    names = [trial.point.kernel for trial in trials]
    assert names != sorted(names, key=list(dict.fromkeys(names)).index)


@pytest.mark.parametrize("tier", [1, 2])
def test_time_left_over_goes_to_the_next_tier_and_first_to_what_models_are_made_of(tier):
    further = plan_further(ALL_KERNELS, ALL_BACKENDS, tier=tier)
    first = {trial.key for trial in plan_sweep(ALL_KERNELS, ALL_BACKENDS, tier=tier)}
    both = {trial.key for trial in plan_sweep(ALL_KERNELS, ALL_BACKENDS, tier=tier + 1)}
    assert {trial.key for trial in further} == both - first
    beside = [trial.point.kernel not in MAIN_KERNELS for trial in further]
    assert beside == sorted(beside)
    assert set(KERNELS.names()) >= MAIN_KERNELS


def test_nothing_is_added_beyond_the_last_tier_but_one():
    assert plan_further(ALL_KERNELS, ALL_BACKENDS, tier=3) == ()


def test_a_larger_budget_never_measures_less():
    def tier(budget_s, kernels=ALL_KERNELS):
        return tier_for(budget_s, kernels, ALL_BACKENDS)

    tiers = [tier(budget_s) for budget_s in (1, 20, 60, 150, 300, 3600)]
    assert tiers == sorted(tiers)
    assert tier(1) == 1
    assert tier(3600) == 3, "everything is only measured for those who ask for it"
    assert tier(20) <= tier(20, [KERNELS.get("ssm_scan")])


def test_no_family_gets_its_second_point_before_each_has_its_first():
    rest = [one.point for one in plan_sweep(ALL_KERNELS, ALL_BACKENDS, tier=1) if not one.point.scout]
    seen, rounds = {}, []
    for point in dict.fromkeys(point.key for point in rest):
        family = next(one.family for one in rest if one.key == point)
        rounds.append(seen.get(family, 0))
        seen[family] = rounds[-1] + 1
    assert rounds == sorted(rounds)


def test_key_of_a_measurement_is_the_key_of_its_trial():
    for trial in plan_sweep(ALL_KERNELS, ALL_BACKENDS, tier=3):
        assert trial_key(measured(trial.point, trial.backend, 1.0)) == trial.key


def scouts_and_rest():
    points = [point for point in KERNELS.get("gemm").points() if point.family == ("gemm", "fp32", None)]
    return [p for p in points if p.scout], next(p for p in points if not p.scout)


def found(*measurements: Measurement) -> dict[str, Measurement]:
    return {trial_key(one): one for one in measurements}


def test_a_backend_that_loses_at_every_scout_is_dominated():
    scouts, rest = scouts_and_rest()
    times = found(*(measured(p, name, t) for p in scouts for name, t in (("torch", 2.0), ("numpy", 1.0))))
    assert dominated_by(Trial(point=rest, backend="torch"), scouts, times) == "numpy"
    assert dominated_by(Trial(point=rest, backend="numpy"), scouts, times) is None


def test_a_backend_that_wins_one_scout_is_tried_everywhere():
    scouts, rest = scouts_and_rest()
    first, second = scouts
    times = found(
        measured(first, "torch", 2.0), measured(first, "numpy", 1.0),
        measured(second, "torch", 1.0), measured(second, "numpy", 2.0),
    )  # fmt: skip
    assert dominated_by(Trial(point=rest, backend="torch"), scouts, times) is None


def test_a_scout_is_never_dominated_and_neither_is_a_backend_without_scouts():
    scouts, rest = scouts_and_rest()
    times = found(*(measured(p, "numpy", 1.0) for p in scouts))
    assert dominated_by(Trial(point=rest, backend="torch"), scouts, times) is None
    times |= found(*(measured(p, "torch", 9.0) for p in scouts))
    assert dominated_by(Trial(point=scouts[0], backend="torch"), scouts, times) is None
