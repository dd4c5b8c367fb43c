"""A model reads no more than it was made for, unless the user has measured that it does."""

import pytest

from planner.fleet.plan import make_plan
from planner.fleet.supply import floors
from tests.planner.fleet.known import scenario, traffic
from workloads import models
from workloads.scenario import Candidates, Scenario, TrafficClass


def asking(prompt: float, output: float = 1, *, p95: float | None = None) -> TrafficClass:
    return TrafficClass(requests_per_s=1, prompt_tokens=prompt, prompt_tokens_p95=p95, output_tokens=output)


@pytest.mark.parametrize("model", ["gpt2", "llama-3-8b", "llama-3.1-8b", "mamba-130m"])
def test_the_window_is_the_border(model: str) -> None:
    most = models.get(model).max_context
    assert most is not None
    assert floors.check([asking(most - 1)], model, None) == ((True,), "")
    fits, why = floors.check([asking(most), asking(most - 1)], model, None)
    assert fits == (False, True) and f"{most:,}" in why and f"{most + 1:,}" in why


def test_long_requests_count_where_they_are_told() -> None:
    assert floors.overflow(asking(500, p95=1200), "gpt2")
    assert not floors.overflow(asking(500, p95=800), "gpt2")


def test_a_plan_for_long_prompts_has_no_model_that_cannot_read_them() -> None:
    asked = Scenario(
        classes=(asking(9000, 100),),
        candidates=Candidates(
            devices=("nvidia-l40s",), models=("llama-3-8b", "llama-3.1-8b"), formats=("FP8",), api=False
        ),
    )
    plan = make_plan(asked)
    assert {unit.model for unit in plan.units} == {"llama-3.1-8b"}
    turned_down = {item.candidate: item.why for item in plan.rejected}
    assert "8,192" in turned_down["llama-3-8b FP8"]


def test_what_was_measured_is_taken_at_its_word() -> None:
    long = traffic("all", 1).model_copy(update={"prompt_tokens": 100_000.0})
    asked = scenario(
        {},
        {"nvidia-l4": {"all": 2.0}},
        {"nvidia-l4": 1.0},
        models={"nvidia-l4": "llama-2-7b"},
        classes=(long,),
    )
    assert floors.overflow(long, "llama-2-7b")
    plan = make_plan(asked)
    assert plan.feasible and [unit.model for unit in plan.units] == ["llama-2-7b"]
