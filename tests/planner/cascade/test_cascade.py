"""Chains of models: prices by hand, the plan that may mix them, and laws."""

import json
import math
from pathlib import Path

import pytest

from planner.cascade.choose import cascades
from planner.cascade.record import Cascade, Cascades
from planner.fleet.plan import make_plan
from planner.fleet.tasks.reliable import DIFFICULTIES
from planner.fleet.tasks.retries import fitted
from tests.planner.fleet.known import scenario
from tonnage.cli import main
from tonnage.errors import InvalidInput
from workloads import tasks
from workloads.scenario import ChainStep, Objective, Scenario, Task

SMALL, LARGE = "qwen3-next-80b-a3b", "glm-5"
L4, H100 = "nvidia-l4", "nvidia-h100-sxm5-80gb"
TASK = Task(
    benchmark="tau2-bench",
    split="airline",
    tries=2,
    verifier_usd=0.01,
    false_accept_frac=0.1,
    false_reject_frac=0.05,
    person_usd=5.0,
    requests_per_task=10.0,
)


def asked(rate: float = 100.0, task: Task | None = TASK, **capacity: float) -> Scenario:
    """The small model on an L4, the large one on an H100, both measured."""
    able = {L4: {"chat": capacity.get("small", 2.0)}, H100: {"chat": capacity.get("large", 4.0)}}
    made = scenario({"chat": rate}, able, {L4: 1.0, H100: 5.0}, models={L4: SMALL, H100: LARGE})
    return made.model_copy(update={"task": task})


def priced_by_hand(steps: tuple[tuple[str, int], ...], usd_per_request: dict[str, float]) -> float:
    """RTC of a chain from the price of a request on full units [USD]."""
    spend, right, reached = 0.0, 0.0, [1.0] * DIFFICULTIES
    for model, up_to in steps:
        tries = fitted(tasks.success(model, "tau2-bench", split="airline")[0]).tries
        chances = tries.easiest_first(DIFFICULTIES)
        for _ in range(up_to):
            for task, chance in enumerate(chances):
                spend += reached[task] * (10 * usd_per_request[model] + 0.01)
                right += reached[task] * chance * 0.95
                reached[task] *= 1 - (chance * 0.95 + (1 - chance) * 0.1)
    left = sum(reached)
    return (spend + 5.0 * left) / (right + left)


@pytest.fixture(scope="module")
def found() -> Cascades:
    return cascades(asked(rate=50_000.0))


def test_under_a_large_load_a_chain_costs_what_full_units_do(found: Cascades) -> None:
    """With thousands of units the last one's idle part vanishes: what is left is added up try by try."""
    per_request = {SMALL: 1.0 / 3600 / 2.0, LARGE: 5.0 / 3600 / 4.0}
    chains = {tuple((step.model, step.up_to) for step in one.steps): one for one in found.ranked}
    alone = [((model, n),) for model in (SMALL, LARGE) for n in (1, 2)]
    assert set(chains) == {*alone, *(((SMALL, m), (LARGE, n)) for m in (1, 2) for n in (1, 2))}
    for steps, one in chains.items():
        assert one.usd_per_reliable_task == pytest.approx(priced_by_hand(steps, per_request), rel=2e-3)


def test_the_ranking_is_by_cost_and_shares_sum_to_one(found: Cascades) -> None:
    costs = [one.usd_per_reliable_task for one in found.ranked]
    assert costs == sorted(costs)
    for one in found.ranked:
        solved = sum(step.solved_frac for step in one.steps)
        assert solved + one.wrong_frac + one.left_frac == pytest.approx(1.0, abs=2e-3)
        assert one.reliable_frac == pytest.approx(solved + one.left_frac)
    assert found.strongest is not None
    assert [step.model for step in found.strongest.steps] == [LARGE]
    assert found.tasks_per_h == pytest.approx(50_000 * 3600 / 10)


def test_one_model_with_one_try_costs_the_plain_plan_and_its_checks() -> None:
    """100 requests/s on units of 2: 50 of them, and 36,000 tasks an hour with a check each."""
    task = TASK.model_copy(update={"tries": 1, "chains": ((ChainStep(model=SMALL, tries=1),),)})
    (one,) = cascades(asked(task=task)).ranked
    assert one.machines_usd_per_h == pytest.approx(50.0)
    (step,) = one.steps
    assert step.tries_per_task == pytest.approx(1.0)
    assert one.usd_per_task == pytest.approx((50.0 + 36_000 * (0.01 + 5.0 * one.left_frac)) / 36_000)


def test_steps_are_bought_apart() -> None:
    """As many units of each kind as its own tries keep busy, rounded up."""
    task = TASK.model_copy(
        update={"chains": ((ChainStep(model=SMALL, tries=2), ChainStep(model=LARGE, tries=1)),)}
    )
    (one,) = cascades(asked(task=task)).ranked
    small, large = (step.tries_per_task for step in one.steps)
    units = math.ceil(100 * small / 2.0), math.ceil(100 * large / 4.0)
    assert one.machines_usd_per_h == pytest.approx(units[0] * 1.0 + units[1] * 5.0)


@pytest.mark.parametrize("rate", [3.0, 40.0, 170.0])
def test_a_plan_never_costs_more_than_the_best_single_chain(rate: float) -> None:
    asks = asked(rate=rate)
    plan = make_plan(asks.model_copy(update={"objective": Objective.RELIABLE_TASK}))
    best = cascades(asks).ranked[0].usd_per_reliable_task
    assert plan.cost_usd_per_reliable_task is not None
    assert plan.cost_usd_per_reliable_task <= best * (1 + 1e-6)


def test_with_a_single_chain_allowed_the_plan_is_that_chain() -> None:
    chain = (ChainStep(model=SMALL, tries=1), ChainStep(model=LARGE, tries=2))
    asks = asked(task=TASK.model_copy(update={"chains": (chain,)}))
    plan = make_plan(asks.model_copy(update={"objective": Objective.RELIABLE_TASK}))
    (one,) = cascades(asks).ranked
    assert plan.cost_usd_per_reliable_task == pytest.approx(one.usd_per_reliable_task, rel=1e-6)
    assert plan.cost_usd_per_h == pytest.approx(one.machines_usd_per_h)


def test_a_model_that_cannot_carry_its_tier_ends_the_chain() -> None:
    ranked = cascades(asked(large=0.0)).ranked
    assert {tuple(step.model for step in one.steps) for one in ranked} == {(SMALL,)}
    assert [len(one.steps) for one in ranked] == [1, 1]


def test_dearer_persons_never_make_a_right_end_cheaper() -> None:
    def best(person_usd: float) -> Cascade:
        return cascades(asked(task=TASK.model_copy(update={"person_usd": person_usd}))).ranked[0]

    costs = [best(usd).usd_per_reliable_task for usd in (0.5, 5.0, 50.0)]
    assert costs == sorted(costs)


def test_no_task_is_refused() -> None:
    with pytest.raises(InvalidInput, match=r"no \[task\]"):
        cascades(asked(task=None))


def test_the_command_ranks_chains(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "agent.toml"
    path.write_text(
        f"""
        [traffic]
        requests_per_s = 100
        prompt_tokens = 500
        output_tokens = 200
        [[capacity]]
        device = "{L4}"
        model = "{SMALL}"
        weights = "FP8"
        requests_per_s = 2
        [[price]]
        device = "{L4}"
        usd_per_h = 1.0
        [task]
        benchmark = "tau2-bench"
        split = "airline"
        tries = 2
        false_accept_frac = 0.1
        person_usd = 5
        """
    )
    assert main(["cascade", str(path)]) == 0
    shown = capsys.readouterr().out
    assert "a task that ends right" in shown
    assert "A person alone costs $5.00" in shown
    assert main(["cascade", str(path), "--json", "--set", "task.tries=1"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert [step["tries_per_task"] for step in answer["ranked"][0]["steps"]] == [1.0]
