"""The [task] block: what is read, and the one line that each mistake gets."""

import re
from pathlib import Path

import pytest

from tonnage.errors import TonnageError
from workloads.scenario import ChainStep, Scenario, Task
from workloads.scenario_toml.file import from_flags, parse_scenario

CHECKED = {
    "benchmark": "tau2-bench", "split": "airline", "tries": 3, "verifier_usd": "0.01 USD",
    "false_accept_frac": 0.1, "false_reject_frac": 0.05, "person_usd": 6, "requests_per_task": 12,
}  # fmt: skip


def parsed(task: dict | None) -> Scenario:
    data = {"traffic": {"requests_per_s": 20, "prompt_tokens": 1024, "output_tokens": 256}}
    return parse_scenario(data if task is None else {**data, "task": task}, where="s.toml", folder=Path())


def test_a_task_is_read_and_survives_its_file() -> None:
    scenario = parsed(CHECKED)
    assert scenario.task == Task(
        benchmark="tau2-bench", split="airline", tries=3, verifier_usd=0.01, false_accept_frac=0.1,
        false_reject_frac=0.05, person_usd=6.0, requests_per_task=12.0,
    )  # fmt: skip
    assert Scenario.model_validate_json(scenario.to_json()) == scenario


def test_no_task_is_none_and_one_try_without_a_check_is_the_least() -> None:
    assert parsed(None).task is None
    task = parsed({"benchmark": "OSWorld"}).task
    assert task is not None
    assert (task.split, task.tries, task.false_accept_frac, task.person_usd) == ("", 1, 1.0, None)


def test_a_task_may_come_from_settings() -> None:
    traffic = {"traffic.requests_per_s": 1, "traffic.prompt_tokens": 10, "traffic.output_tokens": 10}
    task = from_flags({**traffic, "task.benchmark": "tau-bench", "task.split": "retail"}).task
    assert task is not None
    assert task.split == "retail"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"benchmark": None}, "[task] has no benchmark; known are "),
        ({"benchmark": "tau3-bench"}, "unknown benchmark 'tau3-bench'"),
        ({"split": None}, "tau2-bench has "),
        ({"split": "airlines"}, "near names: airline"),
        ({"tires": 3}, "unknown key in [task]"),
        ({"tries": 0}, "task.tries must be a whole number of at least 1"),
        ({"tries": 1000}, "at most 100"),
        ({"false_accept_frac": 5}, "task.false_accept_frac must be between 0 and 1, not 5"),
        ({"false_accept_frac": 0.96}, "no better than chance"),
        ({"false_accept_frac": None}, "task.tries is of use only if"),
        ({"false_accept_frac": None, "tries": 1}, "task.person_usd is of use only if"),
        ({"person_usd": -1}, "task.person_usd must not be negative"),
        ({"person_usd": "6 EUR"}, "task.person_usd"),
        ({"requests_per_task": 0}, "task.requests_per_task must be a positive number"),
        ({"verifier_usd": True}, "task.verifier_usd must be a number"),
        ({"false_reject_frac": 1.5}, "task.false_reject_frac must be between 0 and 1, not 1.5"),
        ({"reliable_min": 95}, "task.reliable_min must be between 0 and 1, not 95"),
        ({"deadline_s": 0}, "task.deadline_s must be a positive number"),
        ({"deadline_s": "soon"}, "task.deadline_s"),
        ({"verifier_s": -1}, "task.verifier_s must not be negative, not -1 s"),
        ({"max_steps": 5}, "task.max_steps must be at most 4, not 5"),
        ({"chains": []}, "task.chains must be a list of lists of models"),
        ({"chains": ["glm-5"]}, "task.chains must be a list of lists of models"),
        (
            {"chains": [["glm-5", "glm-5"]]},
            "asks glm-5 twice; write glm-5*2 for further tries",
        ),
        ({"chains": [["glm-5"], ["glm-5"]]}, "task.chains[1] is the same chain as one before it"),
        ({"chains": [["glm-5*0"]]}, "must be a whole number of at least 1"),
        ({"chains": [["a", "b", "c", "d", "e"]]}, "has 5 steps; 4 are the most"),
        (
            {
                "chains": [["a", "b"]],
                "false_accept_frac": None,
                "false_reject_frac": None,
                "tries": 1,
                "verifier_usd": None,
                "person_usd": None,
            },
            "task.chains is of use only if",
        ),
    ],
)
def test_a_mistake_gets_one_line(change: dict, said: str) -> None:
    task = {key: value for key, value in {**CHECKED, **change}.items() if value is not None}
    with pytest.raises(TonnageError, match=re.escape(said)) as caught:
        parsed(task)
    assert "\n" not in str(caught.value)


def test_chains_are_read_with_their_tries() -> None:
    task = parsed({**CHECKED, "chains": [["small*2", "large"]], "deadline_s": "2min"}).task
    assert task is not None
    assert task.chains == ((ChainStep(model="small", tries=2), ChainStep(model="large", tries=3)),)
    assert task.deadline_s == 120.0


def with_classes(task: dict | bool | None, shared: dict | None = CHECKED) -> Scenario:
    load = {"requests_per_s": 1, "prompt_tokens": 10, "output_tokens": 10}
    own = {"name": "b", **load, **({} if task is None else {"task": task})}
    data = {"traffic": {"class": [{"name": "a", **load}, own]}}
    return parse_scenario({**data, "task": shared} if shared else data, where="s.toml", folder=Path())


def test_a_class_may_have_a_task_of_its_own_or_none() -> None:
    own = with_classes({"tries": 1, "person_usd": 60})
    a, b = own.classes
    assert own.task_of(a) == own.task
    task = own.task_of(b)
    assert task is not None
    assert (task.benchmark, task.split, task.tries, task.person_usd) == ("tau2-bench", "airline", 1, 60.0)
    assert with_classes(False).task_of(with_classes(False).classes[1]) is None
    assert Scenario.model_validate_json(own.to_json()) == own


def test_a_class_with_tasks_like_another_benchmark_does_not_take_its_split() -> None:
    scenario = with_classes({"benchmark": "OSWorld"})
    task = scenario.task_of(scenario.classes[1])
    assert task is not None
    assert (task.benchmark, task.split) == ("OSWorld", "")


def test_a_mistake_in_the_task_of_a_class_names_the_class() -> None:
    with pytest.raises(TonnageError, match=re.escape("traffic.class.b.task.tries must be")):
        with_classes({"tries": 0})
    with pytest.raises(TonnageError, match=re.escape("traffic.class.b.task must be a table, or false")):
        with_classes("airline")
