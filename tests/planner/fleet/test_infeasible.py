"""Each relaxation is enough, and a little less is not."""

import pytest

from planner.fleet.plan import make_plan
from planner.fleet.questions import relax
from planner.fleet.records.plan_record import Plan, Relaxation
from tests.planner.fleet.known import scenario, traffic
from tests.planner.fleet.predicted import QWEN_OR_LLAMA as ASKED
from workloads.scenario import Quality, Slo

CAPACITY = {"nvidia-a10g": {"all": 5.0}, "nvidia-h100-sxm5-80gb": {"all": 5.0}}
PRICES = {"nvidia-a10g": 1.0, "nvidia-h100-sxm5-80gb": 4.0}
MODELS = {"nvidia-h100-sxm5-80gb": "llama-3.1-70b"}


def by_constraint(plan: Plan) -> dict[str, Relaxation]:
    assert not plan.feasible
    assert plan.units == ()
    return {item.constraint: item for item in plan.relaxations}


def test_the_budget_needed_is_enough_and_a_dollar_less_is_not() -> None:
    asked = scenario({"all": 12.0}, {"nvidia-a10g": {"all": 5.0}}, {"nvidia-a10g": 1.0}, budget=1000)
    needed = by_constraint(make_plan(asked))["budget.usd_per_month"].needed
    assert needed == pytest.approx(3 * 730)
    assert make_plan(relax.with_budget(asked, needed)).feasible
    assert not make_plan(relax.with_budget(asked, needed - 1)).feasible


def test_the_load_that_fits_is_enough_and_a_percent_more_is_not() -> None:
    asked = scenario({"all": 12.0}, {"nvidia-a10g": {"all": 5.0}}, {"nvidia-a10g": 1.0}, budget=1500)
    found = by_constraint(make_plan(asked))["traffic.requests_per_s"]
    assert found.needed == pytest.approx(10.0, rel=1e-5)
    assert make_plan(relax.with_load(asked, found.needed / 12.0)).feasible
    assert not make_plan(relax.with_load(asked, 1.01 * found.needed / 12.0)).feasible


def test_spares_are_given_up_one_by_one() -> None:
    asked = scenario(
        {"all": 9.0}, {"nvidia-a10g": {"all": 5.0}}, {"nvidia-a10g": 1.0}, budget=2200, spare_units=3
    )
    found = by_constraint(make_plan(asked))["availability.spare_units"]
    assert (found.current, found.needed) == (3, 1)
    assert make_plan(relax.with_spares(asked, 1)).feasible
    assert not make_plan(relax.with_spares(asked, 2)).feasible


def test_the_floor_that_can_be_had_is_enough_and_a_little_more_is_not() -> None:
    classes = (traffic("all", 4.0, quality=Quality(mmlu_min=95)),)
    asked = scenario({}, CAPACITY, PRICES, models=MODELS, classes=classes)
    found = by_constraint(make_plan(asked))["quality.mmlu_min"]
    assert 75 < found.needed < 95
    assert make_plan(relax.with_floor(asked, "mmlu", found.needed)).feasible
    assert not make_plan(relax.with_floor(asked, "mmlu", found.needed + 0.01)).feasible


def test_two_limits_that_only_give_way_together_say_so() -> None:
    classes = (traffic("all", 4.0, quality=Quality(mmlu_min=95)),)
    plan = make_plan(scenario({}, CAPACITY, PRICES, models=MODELS, classes=classes, budget=500))
    found = by_constraint(plan)
    assert "together with a budget" in found["quality.mmlu_min"].detail
    assert plan.binding


def test_hosted_apis_are_named_where_they_would_do() -> None:
    asked = scenario({"all": 12.0}, {"nvidia-a10g": {"all": 0.0}}, {"nvidia-a10g": 1.0})
    assert set(by_constraint(make_plan(asked))) == {"candidates.api"}
    assert make_plan(relax.with_api(asked)).feasible


def test_no_candidate_at_all_is_an_answer_with_its_reason() -> None:
    classes = (traffic("all", 4.0, quality=Quality(mmlu_min=99.9)),)
    plan = make_plan(scenario({}, {"nvidia-a10g": {"all": 0.0}}, {"nvidia-a10g": 1.0}, classes=classes))
    assert by_constraint(plan) == {}
    assert "below 99.9" in plan.binding[0].detail


def test_owned_stock_that_is_too_small_limits_the_load() -> None:
    asked = scenario({"all": 12.0}, {"apple-m2-ultra": {"all": 5.0}}, {}, owned={"apple-m2-ultra": 2})
    found = by_constraint(make_plan(asked))["traffic.requests_per_s"]
    assert found.needed == pytest.approx(10.0, rel=1e-5)


def test_a_limit_far_below_physics_gives_way_to_the_same_value_as_a_near_one() -> None:
    def needed(tpot_s: float) -> float:
        slo = {"slo": Slo(ttft_p95_s=1.0, tpot_p95_s=tpot_s)}
        chat = ASKED.classes[0].model_copy(update=slo)
        few = ASKED.candidates.model_copy(update={"api": False})
        asked = ASKED.model_copy(update={"classes": (chat,), "candidates": few})
        found = by_constraint(make_plan(asked))["slo.tpot_p95_s"].needed
        assert found is not None
        assert make_plan(relax.with_limit(asked, "tpot_p95_s", found)).feasible
        assert not make_plan(relax.with_limit(asked, "tpot_p95_s", found / 1.1)).feasible
        return found

    near, far = needed(1e-3), needed(1e-9)
    assert far == pytest.approx(near, rel=0.05)
