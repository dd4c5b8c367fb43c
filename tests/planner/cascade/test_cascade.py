"""Chains of models: the tiered problem against its parts, prices by hand, and laws."""

import json
import math
from pathlib import Path

import pytest

from planner.cascade.choose import cascades
from planner.cascade.record import Cascade, Cascades
from planner.cascade.tiered import problem_of
from planner.fleet.ability import Predictor
from planner.fleet.market import Market, survey
from planner.fleet.mix import cheapest
from planner.fleet.reliable import Policy, Tier, cascade
from planner.fleet.retries import Verifier, fitted
from tests.planner.fleet.known import scenario
from tonnage.cli import main
from tonnage.errors import InvalidInput
from workloads import tasks
from workloads.scenario import Scenario, Task

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


def market(of: Scenario) -> Market:
    return survey(of, Predictor())[0].settled()


def priced_by_hand(models: list[str], usd_per_request: dict[str, float]) -> float:
    """RTC of a chain from the price of a request on full units [USD]."""
    policy = Policy(
        up_to=2,
        verifier=Verifier(usd=0.01, false_accept=0.1, false_reject=0.05),
        person_usd=5.0,
    )
    tiers = [
        Tier(
            name=model,
            tries=fitted(tasks.success(model, "tau2-bench", split="airline")[0]).tries,
            usd_per_try=10 * usd_per_request[model],
        )
        for model in models
    ]
    return cascade(tiers, policy).usd_per_reliable_task or math.nan


@pytest.fixture(scope="module")
def found() -> Cascades:
    return cascades(asked(rate=50_000.0))


def test_under_a_large_load_a_chain_costs_what_full_units_do(found: Cascades) -> None:
    """With thousands of units the last one's idle part vanishes: the closed form of each chain remains."""
    per_request = {SMALL: 1.0 / 3600 / 2.0, LARGE: 5.0 / 3600 / 4.0}
    chains = {tuple(step.model for step in one.steps): one for one in found.ranked}
    assert set(chains) == {(SMALL,), (LARGE,), (SMALL, LARGE)}
    for models, one in chains.items():
        assert one.usd_per_reliable_task == pytest.approx(priced_by_hand(list(models), per_request), rel=2e-3)


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


def test_one_model_with_one_try_is_the_plain_problem() -> None:
    of = market(asked())
    small = tuple(line for line in of.lines if line.candidate.deployment.model == SMALL)
    plain, tiered = cheapest(of.of_lines(small).problem()), cheapest(problem_of(of, [SMALL], [1.0]))
    assert plain is not None
    assert tiered is not None
    assert tiered.usd_per_h == pytest.approx(plain.usd_per_h)


def test_tiers_are_bought_apart() -> None:
    """100 requests/s x 1.5 tries on units of 2, and x 0.4 on units of 4: 75 and 10 of them."""
    mix = cheapest(problem_of(market(asked()), [SMALL, LARGE], [1.5, 0.4]))
    assert mix is not None
    assert mix.usd_per_h == pytest.approx(75 * 1.0 + 10 * 5.0)


def test_a_model_that_cannot_carry_its_tier_ends_the_chain() -> None:
    ranked = cascades(asked(large=0.0)).ranked
    assert {tuple(step.model for step in one.steps) for one in ranked} == {(SMALL,)}


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
