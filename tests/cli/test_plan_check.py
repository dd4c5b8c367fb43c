"""`tonnage plan --check`: the plan with its simulation, on the terminal and as JSON."""

import json
from pathlib import Path

import pytest

from tonnage.cli import main

SCENARIO = """
[traffic]
requests_per_s = 2
prompt_tokens = 500
output_tokens = 50
[slo]
ttft_p95_s = 1.0
tpot_p95_s = "100ms"
[candidates]
devices = ["nvidia-l40s"]
models = ["llama-3.1-8b"]
formats = ["FP8"]
engines = ["vllm"]
api = {api}
"""


def written(folder: Path, *, api: str = "false") -> str:
    path = folder / "scenario.toml"
    path.write_text(SCENARIO.format(api=api))
    return str(path)


def test_a_check_stands_beside_the_plan(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", written(tmp_path), "--check", "--json"]) == 0
    plan = json.loads(capsys.readouterr().out)
    assert plan["check"]["holds"] is True
    assert {row["limit"] for row in plan["check"]["limits"]} == {"ttft_p95_s", "tpot_p95_s"}
    assert 0 <= plan["check"]["held_frac"] <= 1
    assert main(["plan", written(tmp_path), "--check"]) == 0
    shown = capsys.readouterr().out
    assert "Simulated with 3 × 20,000 requests" in shown
    assert "time to first token, 95th percentile" in shown


def test_without_the_flag_nothing_is_simulated(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", written(tmp_path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["check"] is None
