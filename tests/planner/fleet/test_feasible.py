"""Yes or no without most predictions: the same as from the whole programme, at every budget and limit."""

import pytest

from planner.fleet.answer.outcome import solve
from planner.fleet.questions import relax
from planner.fleet.questions.feasible import can_serve, is_hopeless, is_simple
from planner.fleet.questions.inquiry import Inquiry
from planner.fleet.supply.ability import Predictor
from planner.fleet.supply.market import survey
from tonnage.units import HOURS_PER_MONTH
from workloads.scenario import (
    Availability,
    Budget,
    Candidates,
    Objective,
    Quality,
    Scenario,
    Slo,
    TrafficClass,
)

CHOSEN = Candidates(
    devices=("nvidia-l4", "nvidia-a10g", "nvidia-h100-sxm5-80gb", "nvidia-h200-sxm-141gb"),
    models=("llama-3.1-8b", "qwen2.5-14b", "llama-3.1-70b"),
    formats=("BF16", "FP8"),
    engines=("vllm",),
    api=False,
)


def asked(
    ttft_s: float = 0.5, tpot_s: float = 0.05, *, classes: int = 1, api: bool = False, spares: int = 0
) -> Scenario:
    return Scenario(
        classes=tuple(
            TrafficClass(
                name=f"class {number}",
                requests_per_s=6.0 * (number + 1),
                prompt_tokens=700.0 * (number + 1),
                output_tokens=200.0,
                slo=Slo(ttft_p95_s=ttft_s, tpot_p95_s=tpot_s),
                quality=Quality(mmlu_min=60.0),
            )
            for number in range(classes)
        ),
        candidates=CHOSEN.model_copy(update={"api": api}),
        availability=Availability(spare_units=spares),
    )


QUESTIONS = (
    asked(),
    asked(api=True),
    asked(0.1, 0.012),
    asked(0.01, 0.001),
    asked(0.25, 0.02, classes=2),
    asked(classes=2, spares=1),
)


@pytest.mark.parametrize("scenario", QUESTIONS)
def test_the_answer_is_that_of_the_whole_programme(scenario: Scenario) -> None:
    outcome = solve(survey(scenario, Predictor())[0])
    usd = None if outcome is None else outcome.mix.usd_per_h
    for budget in (None, 0.01, 0.1, 1.0, 10.0, *(() if usd is None else (usd * 0.999, usd * 1.001, 3 * usd))):
        market = survey(scenario, Predictor())[0]
        holds = usd is not None and (budget is None or usd <= budget)
        assert is_simple(market)
        assert can_serve(market, usd_per_h=budget) == holds
        assert not (is_hopeless(market, usd_per_h=budget) and holds)


def test_what_no_hardware_can_do_is_told_without_a_prediction() -> None:
    market = survey(asked(), Predictor())[0]
    assert is_hopeless(market, usd_per_h=0.05)
    assert not any(line.is_rated for line in market.lines)


def test_an_inquiry_leaves_out_what_the_budget_never_pays_and_answers_the_same() -> None:
    scenario = asked(0.1, 0.012).model_copy(update={"budget": Budget(usd_per_month=1500.0)})
    market, candidates = survey(scenario, Predictor())
    inquiry = Inquiry(scenario=scenario, market=market, candidates=candidates, predictor=Predictor())
    assert 0 < len(inquiry.within_budget) < len(candidates)
    most = 1500.0 / HOURS_PER_MONTH
    for factor in (1.0, 1.5, 3.0, 10.0):
        eased = relax.with_all_limits(scenario, factor)
        outcome = solve(survey(eased, Predictor())[0])
        assert inquiry.holds(eased) == (outcome is not None and outcome.mix.usd_per_h <= most)


def test_least_energy_is_no_simple_question() -> None:
    saving = asked().model_copy(update={"objective": Objective.ENERGY})
    assert not is_simple(survey(saving, Predictor())[0])
