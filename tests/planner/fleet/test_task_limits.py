"""What is said where tasks ask for too much: the share of right ends, the deadline, unknown speeds."""

import pytest

from planner.break_even.make import break_even
from planner.fleet.answer.served_load import with_further_tries
from planner.fleet.plan import make_plan
from planner.fleet.records.plan_record import Plan
from tests.laws.test_reliable_tasks import asked, task
from workloads.scenario import ApiSpeed, Candidates, Objective, Scenario, Slo, TrafficClass

FAST = Slo(ttft_p95_s=0.5, tpot_p95_s=0.02)


def with_limits(of: Scenario, slo: Slo) -> Scenario:
    classes = tuple(traffic.model_copy(update={"slo": slo}) for traffic in of.classes)
    return of.model_copy(update={"classes": classes})


def relaxed(plan: Plan) -> dict[str, float | None]:
    assert not plan.feasible
    return {one.constraint: one.needed for one in plan.relaxations}


def test_the_largest_share_of_right_ends_is_solved_and_holds() -> None:
    needed = relaxed(make_plan(asked(task(reliable_min=0.999))))["task.reliable_min"]
    assert needed is not None
    assert 0.9 < needed < 0.999
    assert make_plan(asked(task(reliable_min=needed))).feasible
    assert not make_plan(asked(task(reliable_min=needed + 1e-4))).feasible


def test_a_deadline_below_one_try_names_the_try_and_the_least_that_can_be_kept() -> None:
    """0.5 + 199 x 0.02 s a request, 5 requests a try, by the limits that the capacities hold."""
    plan = make_plan(with_limits(asked(task(deadline_s=10.0)), FAST))
    needed = relaxed(plan)["task.deadline_s"]
    assert needed == pytest.approx(22.4, rel=0.011)
    assert any("shorter than one try" in one.detail and "22.4" in one.detail for one in plan.binding)


def test_measured_units_without_limits_are_refused_where_time_matters() -> None:
    plan = make_plan(asked(task(deadline_s=100.0)))
    assert not plan.feasible
    assert any("give slo.ttft_p95_s" in one.why for one in plan.rejected)


def hosted(deadline_s: float, speeds: tuple[ApiSpeed, ...]) -> Plan:
    traffic = TrafficClass(requests_per_s=1.0, prompt_tokens=1000, output_tokens=101)
    scenario = Scenario(
        classes=(traffic,),
        candidates=Candidates(devices=(), models=("gpt-4.1",), providers=("OpenAI",)),
        task=task({"gpt-4.1": 0.7}, deadline_s=deadline_s, requests_per_task=2.0, tries=3),
        objective=Objective.RELIABLE_TASK,
        api_speeds=speeds,
    )
    return make_plan(scenario)


def test_an_offer_of_unknown_speed_is_refused_and_one_of_a_given_speed_tries_as_often_as_fits() -> None:
    """2 requests of 1 + 100 x 0.01 s: 4 s a try."""
    plan = hosted(9.0, ())
    assert not plan.feasible
    assert any("give [[api_speed]]" in one.why for one in plan.rejected)
    plan = hosted(9.0, (ApiSpeed(provider="openai", ttft_s=1.0, tpot_s=0.01),))
    assert plan.task is not None
    assert [step.up_to for chain in plan.task.chains for step in chain.steps] == [2]
    assert plan.task.chains[0].worst_s == pytest.approx(8.0)


def test_what_comes_in_under_a_plan_are_all_the_tries_of_its_chains() -> None:
    plan = make_plan(asked(task()))
    assert plan.task is not None
    (before,), (after,) = plan.scenario.classes, with_further_tries(plan).scenario.classes
    assert after.requests_per_s == pytest.approx(before.requests_per_s * plan.task.tries_per_task["c0"])
    assert with_further_tries(with_further_tries(plan)) == with_further_tries(plan)


def test_own_units_against_an_api_are_compared_for_requests_alone() -> None:
    tasks = asked(task())
    plain = tasks.model_copy(update={"task": None, "objective": Objective.COST})
    assert break_even(tasks).curve == break_even(plain).curve
