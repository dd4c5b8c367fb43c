"""A plan for tasks, as it is shown and as JSON."""

import json
from pathlib import Path

import pytest

from tonnage.cli import main

SCENARIO = """
[traffic]
requests_per_s = 10
prompt_tokens = 500
output_tokens = 200
[candidates]
devices = ["nvidia-a10g"]
[[capacity]]
device = "nvidia-a10g"
model = "{model}"
weights = "FP8"
requests_per_s = 5
[[price]]
device = "nvidia-a10g"
usd_per_h = 1.0
[task]
benchmark = "tau2-bench"
split = "airline"
tries = 2
false_accept_frac = 0.1
person_usd = 6
"""


def written(folder: Path, model: str) -> str:
    path = folder / "scenario.toml"
    path.write_text(SCENARIO.format(model=model))
    return str(path)


def test_a_plan_for_tasks_names_who_solves_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = written(tmp_path, "glm-5")
    assert main(["plan", path, "--json"]) == 0
    plan = json.loads(capsys.readouterr().out)
    assert plan["cost_usd_per_reliable_task"] == plan["task"]["usd"] > 0
    ends = plan["task"]
    assert ends["reliable_frac"] + ends["wrong_frac"] == pytest.approx(1)
    assert main(["plan", path]) == 0
    shown = capsys.readouterr().out
    for text in ("A task that ends right", "glm-5", "a person", "ends wrong, taken for right"):
        assert text in shown


def test_an_unknown_success_is_said_and_not_guessed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["plan", written(tmp_path, "llama-3.1-8b")]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "A task that ends right" not in shown
    assert "no success of llama-3.1-8b on tau2-bench airline is published" in shown
