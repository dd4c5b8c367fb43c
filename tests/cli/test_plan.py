"""`tonnage plan` through the command: answers, exit codes, and one line per mistake."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tonnage.cli import main

SCENARIO = """
[traffic]
requests_per_s = 15
prompt_tokens = 500
output_tokens = 200
[[capacity]]
device = "nvidia-a10g"
model = "llama-2-7b"
weights = "F16"
requests_per_s = 5.0
[[price]]
device = "nvidia-a10g"
usd_per_h = 1.0
"""


@pytest.fixture
def scenario(tmp_path: Path) -> Path:
    path = tmp_path / "scenario.toml"
    path.write_text(SCENARIO)
    return path


def test_a_plan_is_one_json_object_with_the_keys_promised(
    scenario: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["plan", str(scenario), "--json", "-o", str(tmp_path / "plan.json")]) == 0
    shown = capsys.readouterr()
    plan = json.loads(shown.out)
    assert plan == json.loads((tmp_path / "plan.json").read_text())
    assert shown.err == ""
    promised = {
        "format", "version", "feasible", "objective", "cost_usd_per_h", "cost_usd_per_month",
        "cost_usd_per_mtok",
        "cost_usd_per_reliable_task", "units", "api", "predicted", "binding", "sensitivity", "alternatives",
        "rejected", "relaxations",
    }  # fmt: skip
    assert promised <= set(plan)
    (unit,) = plan["units"]
    assert (unit["device"], unit["count"], unit["devices_per_unit"], unit["share"]) == (
        "nvidia-a10g",
        3,
        1,
        {"all": 1.0},
    )
    assert plan["cost_usd_per_h"] == pytest.approx(3.0)


def test_flags_override_the_file(scenario: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", str(scenario), "--qps", "20", "--spare", "1", "--json"]) == 0
    plan = json.loads(capsys.readouterr().out)
    assert plan["units"][0]["count"] == 5
    assert plan["scenario"]["classes"][0]["requests_per_s"] == 20


def test_an_infeasible_scenario_is_a_full_answer_and_exit_code_3(
    scenario: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["plan", str(scenario), "--budget", "1000/month", "--json"]) == 3
    plan = json.loads(capsys.readouterr().out)
    assert plan["feasible"] is False
    assert {"budget.usd_per_month", "traffic.requests_per_s"} <= {
        row["constraint"] for row in plan["relaxations"]
    }
    assert main(["plan", str(scenario), "--budget", "1000/month"]) == 3
    assert "No plan can meet" in capsys.readouterr().out


def test_the_view_for_people_names_hardware_cost_and_alternatives(
    scenario: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["plan", str(scenario)]) == 0
    shown = capsys.readouterr().out
    assert "NVIDIA A10G" in shown
    assert "$2,190" in shown


def test_two_plans_are_compared(scenario: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = str(tmp_path / "a.json"), str(tmp_path / "b.json")
    main(["plan", str(scenario), "-o", first, "--json"])
    main(["plan", str(scenario), "-o", second, "--json", "--qps", "25"])
    capsys.readouterr()
    assert main(["plan", "diff", first, second, "--json"]) == 0
    rows = {row["what"]: (row["before"], row["after"]) for row in json.loads(capsys.readouterr().out)["rows"]}
    assert rows["all.requests_per_s"] == ("15.0", "25.0")
    assert ("3", "5") in rows.values()
    assert main(["plan", "diff", first, first]) == 0
    assert "Nothing else changed" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--qps", "-5"], "traffic.requests_per_s must be a positive number"),
        (["--qps", "nan"], "requests_per_s"),
        (["--ttft-p95", "500"], 'write "500ms" if milliseconds are meant'),
        (["--budget", "5000 EUR"], "not in US dollars"),
        (["--min-mmlu", "200"], "between 0 and 100 percent"),
        (["--device", "nvidia-a10h"], "unknown device 'nvidia-a10h'; near names: nvidia-a10"),
        (["--model", "lama-2-7b"], "unknown model 'lama-2-7b'; near names: llama-2-7b"),
        (["--format", "Q4_K_N"], "unknown weight format 'Q4_K_N'; near names: Q4_K"),
        (["--set", "slo.ttft_p59_s=1"], "near names: ttft_p"),
        (["--set", "nonsense"], "--set takes KEY=VALUE"),
        (["-o", "nowhere/plan.json"], "does not exist"),
        (["second.toml"], "one scenario at a time"),
        (["--pareto", "speed,mmlu"], "--pareto takes cost and what to hold it against"),
        (["--pareto", "cost,mmul"], "takes cost and one of mmlu"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(
    scenario: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    assert main(["plan", str(scenario), *arguments]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert said in shown.err
    assert shown.err.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "give a scenario file, or flags"),
        (["missing.toml"], "missing.toml"),
        (["diff", "a.json"], "takes two plans"),
        (["--qps", "3"], "has no prompt_tokens"),
    ],
)
def test_a_question_that_is_missing_is_one_line(
    capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    assert main(["plan", *words]) == 2
    assert said in capsys.readouterr().err


def test_nothing_but_json_reaches_the_standard_output(tmp_path: Path) -> None:
    """The solver prints through the C library when it repairs a solution; a pipe must not see it."""
    many = "".join(
        f'[[capacity]]\ndevice = "box-{i}"\nmodel = "llama-2-7b"\nweights = "F16"\n'
        f'requests_per_s = {1 + 0.37 * i}\n[[price]]\ndevice = "box-{i}"\nusd_per_h = {0.9 + 0.31 * i}\n'
        for i in range(12)
    )
    path = tmp_path / "many.toml"
    path.write_text(f"[traffic]\nrequests_per_s = 17.3\nprompt_tokens = 9\noutput_tokens = 9\n{many}")
    done = subprocess.run(
        [sys.executable, "-m", "tonnage", "plan", str(path), "--json"],
        capture_output=True,
        text=True,
        check=True,
        env=dict(os.environ),
    )
    assert json.loads(done.stdout)["feasible"]
