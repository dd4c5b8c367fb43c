"""The [task] block: what is read, and the one line that each mistake gets."""

import re
from pathlib import Path

import pytest

from tonnage.errors import TonnageError
from workloads.scenario import Scenario, Task
from workloads.scenario_file import from_flags, parse_scenario

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
    ],
)
def test_a_mistake_gets_one_line(change: dict, said: str) -> None:
    task = {key: value for key, value in {**CHECKED, **change}.items() if value is not None}
    with pytest.raises(TonnageError, match=re.escape(said)) as caught:
        parsed(task)
    assert "\n" not in str(caught.value)
