"""Classes that share units: what the plan buys when one's prompts would stretch the other's tokens."""

from functools import cache

import pytest

from planner.fleet.answer.interference import _kept_frac, with_room
from planner.fleet.answer.outcome import Outcome, solve
from planner.fleet.plan import make_plan
from planner.fleet.supply.ability import Predictor
from planner.fleet.supply.market import survey
from workloads.scenario import Candidates, Scenario, Slo, TrafficClass

H100 = "nvidia-h100-sxm5-80gb"
CHAT = TrafficClass(
    name="chat",
    requests_per_s=20.0,
    prompt_tokens=200,
    output_tokens=40,
    slo=Slo(tpot_p95_s=0.012, ttft_p95_s=2.0),
)
PAPERS = TrafficClass(
    name="papers",
    requests_per_s=4.0,
    prompt_tokens=6000,
    output_tokens=300,
    slo=Slo(tpot_p95_s=0.1, ttft_p95_s=4.0),
)


def scenario(*classes: TrafficClass) -> Scenario:
    chosen = Candidates(
        devices=(H100, "nvidia-l4"), models=("llama-3.1-8b",), formats=("FP8",), engines=("vllm",), api=False
    )
    return Scenario(classes=classes, candidates=chosen, confidence=0.9)


@cache
def solved(given: Scenario) -> tuple[Outcome, Outcome, tuple[str, ...]]:
    """Return the outcome of the programme, and the one that leaves room."""
    first = solve(survey(given, Predictor())[0])
    assert first is not None
    roomy, said = with_room(first)
    return first, roomy, said


def split(traffic: TrafficClass) -> tuple[TrafficClass, TrafficClass]:
    half = traffic.requests_per_s / 2
    one, two = (
        traffic.model_copy(update={"name": f"{traffic.name} {part}", "requests_per_s": half}) for part in "ab"
    )
    return one, two


def test_no_kind_that_classes_share_is_left_without_room() -> None:
    first, roomy, said = solved(scenario(CHAT, PAPERS))
    assert any(_kept_frac(first, item) < 1 for item in first.deployed())
    assert all(_kept_frac(roomy, item) == 1 for item in roomy.deployed())
    assert roomy.mix.usd_per_h >= first.mix.usd_per_h * (1 - 1e-6)
    assert said


def test_units_told_apart_by_their_classes_are_no_candidates_turned_down() -> None:
    notes = TrafficClass(
        name="notes",
        requests_per_s=10.0,
        prompt_tokens=1000,
        output_tokens=100,
        slo=Slo(tpot_p95_s=0.05, ttft_p95_s=4.0),
    )
    plan = make_plan(scenario(CHAT, PAPERS, notes).model_copy(update={"confidence": 0.95}))
    assert any("Of 1x" in said for said in plan.assumptions)
    keys = [row.candidate for row in plan.rejected]
    assert len(keys) == len(set(keys)) <= plan.candidates_considered
    assert not any(traffic.name in key for key in keys for traffic in (CHAT, PAPERS))


def test_it_never_costs_more_than_units_of_their_own() -> None:
    _, roomy, _ = solved(scenario(CHAT, PAPERS))
    alone = sum(solved(scenario(traffic))[1].mix.usd_per_h for traffic in (CHAT, PAPERS))
    assert roomy.mix.usd_per_h <= alone * (1 + 1e-6)


@pytest.mark.parametrize("traffic", [CHAT, PAPERS])
def test_equal_halves_of_a_class_need_no_room(traffic: TrafficClass) -> None:
    whole, halves = solved(scenario(traffic)), solved(scenario(*split(traffic)))
    assert halves[2] == ()
    assert halves[1].mix.usd_per_h == pytest.approx(whole[1].mix.usd_per_h, rel=1e-6)
