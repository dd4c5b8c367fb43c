"""The cost per reliable task of whole plans: from the bill, the traffic and the published success."""

import pytest

from planner.fleet.plan import make_plan
from planner.fleet.records.plan_record import Plan
from planner.fleet.tasks.retries import Tries, Verifier, attempt
from tests.planner.fleet.known import scenario
from workloads import tasks
from workloads.scenario import Task

LARGE = "glm-5"
ONE = {"nvidia-a10g": {"all": 5.0}}
PRICES = {"nvidia-a10g": 1.0, "nvidia-h100-sxm5-80gb": 4.0}


def planned(task: Task | None, model: str = LARGE) -> Plan:
    asked = scenario({"all": 5.0}, ONE, PRICES, models={"nvidia-a10g": model})
    return make_plan(asked.model_copy(update={"task": task}))


def airline(**values: object) -> Task:
    return Task(benchmark="tau2-bench", split="airline", **values)


def test_no_task_has_no_cost() -> None:
    plan = planned(None)
    assert plan.cost_usd_per_reliable_task is None
    assert plan.task is None


def test_one_try_costs_its_requests_over_the_share_that_is_right() -> None:
    """1 USD/h for 5 requests/s, 10 requests a try; 0.825 of tries are right."""
    plan = planned(airline(requests_per_task=10))
    assert plan.cost_usd_per_reliable_task == pytest.approx(1.0 / (5 * 3600) * 10 / 0.825, rel=1e-3)
    assert plan.task is not None
    assert plan.task.reliable_frac + plan.task.wrong_frac == pytest.approx(1)
    (tier,) = plan.task.tiers
    assert (tier.model, tier.success_frac, tier.hosted) == (LARGE, 0.825, False)
    assert "glm-5" in tier.source
    assert plan.task.interval_usd is not None
    assert plan.task.interval_usd.p10 < plan.task.usd < plan.task.interval_usd.p90


def test_tries_a_verifier_and_a_person_are_the_closed_form() -> None:
    task = airline(tries=3, verifier_usd=0.01, false_accept_frac=0.1, false_reject_frac=0.05, person_usd=6.0)
    plan = planned(task)
    assert plan.task is not None
    (tier,) = plan.task.tiers
    ended = attempt(
        Tries(mean=tier.success_frac, correlation=tier.correlation_frac),
        Verifier(usd=0.01, false_accept=0.1, false_reject=0.05),
        up_to=3,
    )
    spend = ended.tries * (1 / 18000 + 0.01)
    assert plan.task.left_frac == pytest.approx(ended.open, abs=2e-3)
    assert plan.task.usd == pytest.approx((spend + 6 * ended.open) / (ended.right + ended.open), rel=5e-3)
    assert plan.task.break_even_person_usd == pytest.approx(spend / ended.right, rel=5e-3)
    assert tier.usd_per_reliable_task_alone == pytest.approx(spend / ended.right, rel=5e-3)


def test_a_mix_of_two_models_escalates_from_the_cheaper_request() -> None:
    asked = scenario(
        {"easy": 5.0, "hard": 5.0},
        {"nvidia-a10g": {"easy": 5.0, "hard": 0.0}, "nvidia-h100-sxm5-80gb": {"easy": 0.0, "hard": 5.0}},
        PRICES,
        models={"nvidia-a10g": "qwen3-next-80b-a3b", "nvidia-h100-sxm5-80gb": LARGE},
    )
    plan = make_plan(asked.model_copy(update={"task": airline(false_accept_frac=0.0)}))
    assert plan.task is not None
    small, large = plan.task.tiers
    assert (small.model, large.model) == ("qwen3-next-80b-a3b", LARGE)
    assert small.usd_per_try < large.usd_per_try
    assert small.tries_per_task == pytest.approx(1)
    assert large.tries_per_task == pytest.approx(1 - small.solved_frac)
    assert plan.task.reliable_frac == pytest.approx(small.solved_frac + large.solved_frac)
    assert max(0.825, 0.455) - 2e-3 <= plan.task.reliable_frac < 1 - (1 - 0.825) * (1 - 0.455)


def test_a_model_without_a_published_success_has_no_cost_and_a_reason() -> None:
    assert tasks.success("llama-3.1-8b", "tau2-bench") == ()
    plan = planned(airline(), model="llama-3.1-8b")
    assert plan.feasible
    assert plan.cost_usd_per_reliable_task is None
    assert any("no success of llama-3.1-8b on tau2-bench airline" in line for line in plan.assumptions)


def test_the_cost_falls_with_the_bill_of_the_plan() -> None:
    cheap, dear = (
        make_plan(
            scenario({"all": 5.0}, ONE, {"nvidia-a10g": price}, models={"nvidia-a10g": LARGE}).model_copy(
                update={"task": airline()}
            )
        )
        for price in (1.0, 3.0)
    )
    assert cheap.cost_usd_per_reliable_task is not None
    assert dear.cost_usd_per_reliable_task == pytest.approx(3 * cheap.cost_usd_per_reliable_task)
