"""A plan under simulation: percentiles against limits, and errors drawn from the intervals."""

from dataclasses import replace

import numpy as np
import pytest

from planner.check.attainment import all_hold, attained
from planner.check.held import held_plan, with_headroom
from planner.check.plan_check import check_plan, held_frac, with_errors
from planner.fleet.plan import make_plan
from planner.fleet.records.plan_record import Plan, Unit
from planner.simulate.busiest import in_busiest_period
from planner.simulate.cases import Effort, experiment
from planner.simulate.feeds import Drawn
from planner.simulate.plan_fleet import experiment_of_plan
from planner.simulate.replicate import simulate
from planner.simulate.simulation_record import ClassResult, Simulation, Spread
from tonnage.evidence import Evidence
from workloads.scenario import Candidates, KnownCapacity, Scenario, Slo, TrafficClass


def plan(rate: float, count: int, **limits: float) -> Plan:
    """Copies of one unit under a load that is said and not solved for."""
    each = TrafficClass(requests_per_s=rate, prompt_tokens=512, output_tokens=64, slo=Slo(**limits))
    unit = Unit(
        device="nvidia-l40s",
        devices_per_unit=1,
        model="llama-3.1-8b",
        weights="FP8",
        engine="vllm",
        tp=1,
        pp=1,
        count=count,
        usd_per_h=1.0 * count,
        share={"all": 1.0},
        utilization=0.5,
        evidence=Evidence.FITTED,
    )
    return Plan(scenario=Scenario(classes=(each,)), feasible=True, units=(unit,))


def spread(p95: float) -> Spread:
    return Spread(mean=p95 / 3, p50=p95 / 3, p90=p95 / 1.2, p95=p95, p99=2 * p95)


def simulation(result: ClassResult, *, saturated: bool = False) -> Simulation:
    counted = dict.fromkeys(("utilization", "running_mean", "waiting_mean", "cache_frac"), 0.5)
    return Simulation(
        classes=(result,),
        saturated=saturated,
        requests_per_s=1.0,
        output_tokens_per_s=1.0,
        prompt_tokens_per_s=1.0,
        cache_peak_frac=0.5,
        preempted=0,
        wasted_tokens=0,
        instances_mean=1.0,
        steps=1,
        merged_steps=0,
        replications=1,
        warmup_frac=0.0,
        simulated_s=1.0,
        seed=0,
        evidence=Evidence.ASSUMED,
        **counted,
    )


def test_each_limit_is_held_against_the_statistic_in_its_name() -> None:
    answer = simulation(ClassResult(requests=100, ttft_s=spread(0.3), tpot_s=spread(0.03)))
    rows = attained(answer, [Slo(ttft_p95_s=0.3, ttft_p99_s=0.5, ttft_mean_s=0.2, tpot_p95_s=0.02)])
    assert {row.limit: row.holds for row in rows} == {
        "ttft_p95_s": True,
        "ttft_p99_s": False,
        "ttft_mean_s": True,
        "tpot_p95_s": False,
    }


def test_a_queue_without_bound_holds_nothing() -> None:
    answer = simulation(ClassResult(requests=100, tpot_s=spread(0.01)), saturated=True)
    assert not all_hold(answer, [Slo(tpot_p95_s=1.0)])
    assert not attained(answer, [Slo(ttft_p95_s=1.0)])[0].holds


def test_outputs_of_one_token_cannot_break_a_limit_on_the_next() -> None:
    answer = simulation(ClassResult(requests=100, ttft_s=spread(0.1)))
    assert all_hold(answer, [Slo(ttft_p95_s=0.2, tpot_p95_s=0.001)])


def test_a_roomy_plan_holds_and_a_tight_one_does_not() -> None:
    roomy = check_plan(plan(2.0, 2, ttft_p95_s=1.0, tpot_p95_s=0.2), requests=2000, draws=4)
    assert (roomy.holds, roomy.held_frac) == (True, 1.0)
    assert roomy.good_frac["all"] > 0.95
    tight = check_plan(plan(2.0, 2, tpot_p95_s=1e-4), requests=2000, draws=4)
    assert (tight.holds, tight.held_frac) == (False, 0.0)
    crowded = check_plan(plan(2000.0, 1, ttft_p95_s=1.0), requests=2000, draws=0)
    assert crowded.holds is False
    assert crowded.held_frac is None


def test_equal_seeds_give_equal_answers() -> None:
    asked = plan(5.0, 1, ttft_p95_s=1.0)
    assert check_plan(asked, requests=500, draws=2) == check_plan(asked, requests=500, draws=2)


def test_errors_scale_the_steps_and_their_median_is_none() -> None:
    fleet = experiment(plan(1.0, 1), Effort(requests=100)).fleet
    law = fleet.kinds[0].law
    assert law.sigma_log > 0
    assert with_errors(fleet, [0.0]).kinds[0].law.token_s == pytest.approx(law.token_s)
    slower = with_errors(fleet, [1.0]).kinds[0].law
    assert slower.token_s / law.token_s == pytest.approx(np.full(len(law.token_s), np.exp(law.sigma_log)))


def test_held_share_is_the_probability_that_the_limit_is_above_a_lognormal() -> None:
    """A limit at the simulated value times exp(sigma z) holds in about the share Phi(z) of draws."""
    asked = experiment(plan(0.5, 1, tpot_p95_s=1.0), Effort(requests=1500, replications=1))
    (result,) = simulate(asked).classes
    assert result.tpot_s is not None
    sigma = asked.fleet.kinds[0].law.sigma_log
    limit = result.tpot_s.p95 * float(np.exp(0.84 * sigma))  # Phi(0.84) = 0.80
    drawn = replace(asked, slos=(Slo(tpot_p95_s=limit),))
    assert held_frac(drawn, draws=20, seed=1) == pytest.approx(0.80, abs=0.1)


def test_what_cannot_be_simulated_says_why() -> None:
    hosted = plan(1.0, 1).model_copy(update={"units": ()})
    answer = check_plan(hosted)
    assert answer.holds is None
    assert "no units of its own" in (answer.why_not or "")


def test_a_plan_over_periods_is_simulated_in_the_busiest() -> None:
    day = plan(4.0, 3, ttft_p95_s=1.0)
    each = day.scenario.classes[0].model_copy(update={"profile": (0.5, 1.5)})
    unit = day.units[0].model_copy(update={"count_by_period": (1, 3)})
    scenario = day.scenario.model_copy(update={"classes": (each,)})
    over_time = day.model_copy(update={"scenario": scenario, "units": (unit,)})
    moved, said = in_busiest_period(over_time)
    assert moved.scenario.classes[0].requests_per_s == pytest.approx(6.0)
    assert (moved.scenario.classes[0].profile, moved.units[0].count) == ((), 3)
    assert "number 2" in (said or "")
    assert in_busiest_period(day) == (day, None)
    asked = experiment_of_plan(over_time, requests=100, replications=1, seed=0)
    assert isinstance(asked.traffic, Drawn)
    assert asked.traffic.kinds[0].arrivals.requests_per_s == pytest.approx(6.0)
    assert asked.fleet.kinds[0].count == 3 and said in asked.notes


def shared() -> Scenario:
    """Long prompts beside a class with a tight limit between its tokens."""
    long = TrafficClass(
        name="long", requests_per_s=3.0, prompt_tokens=3000, output_tokens=20, slo=Slo(ttft_p95_s=4.0)
    )
    chat = TrafficClass(
        name="chat", requests_per_s=12.0, prompt_tokens=200, output_tokens=120, slo=Slo(tpot_p95_s=0.03)
    )
    return Scenario(
        classes=(long, chat),
        candidates=Candidates(
            devices=("nvidia-l40s",), models=("llama-3.1-8b",), formats=("FP8",), engines=("vllm",), api=False
        ),
        confidence=0.9,
    )


def test_a_held_plan_holds_and_never_costs_less() -> None:
    plain, held = make_plan(shared()), held_plan(shared())
    assert held.check is not None
    assert held.check.headroom >= 1
    assert (held.cost_usd_per_h or 0) >= (plain.cost_usd_per_h or 0) - 1e-9
    assert held.scenario == shared()
    if held.check.headroom == 1:
        assert held.units == plain.units
    else:
        before = check_plan(plain)
        assert not before.holds or (before.held_frac or 0) < 0.9
    assert held.check.holds
    assert (held.check.held_frac or 0) >= 0.9


def test_headroom_leaves_the_mean_load_alone() -> None:
    (long, _) = with_headroom(shared(), 1.5).classes
    assert (long.requests_per_s, long.peak_to_mean) == (3.0, 1.5)


def test_an_infeasible_question_is_not_simulated() -> None:
    impossible = shared().model_copy(
        update={"classes": (shared().classes[1].model_copy(update={"slo": Slo(tpot_p95_s=1e-5)}),)}
    )
    answer = held_plan(impossible)
    assert not answer.feasible
    assert answer.check is None


def test_what_the_user_measured_is_not_simulated_with_predictions() -> None:
    given = KnownCapacity(device="nvidia-l40s", model="llama-3.1-8b", weights="FP8", requests_per_s=1000.0)
    made = plan(2.0, 1, ttft_p95_s=1.0)
    unit = made.units[0].model_copy(update={"evidence": Evidence.MEASURED})
    scenario = made.scenario.model_copy(update={"capacity": (given,)})
    answer = check_plan(made.model_copy(update={"units": (unit,), "scenario": scenario}))
    assert answer.holds is None
    assert "was measured" in (answer.why_not or "")
