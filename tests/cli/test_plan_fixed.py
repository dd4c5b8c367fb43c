"""`tonnage plan --fixed`: what runs already, on the terminal and as JSON."""

import json
from pathlib import Path

import pytest

from tonnage.cli import main

SCENARIO = """
[traffic]
requests_per_s = {rate}
prompt_tokens = 500
output_tokens = 200
[candidates]
devices = ["nvidia-a10g"]
[[capacity]]
device = "nvidia-a10g"
model = "llama-3.1-8b"
weights = "FP8"
requests_per_s = 5
[[price]]
device = "nvidia-a10g"
usd_per_h = 1.0
"""
FLEET = """
name = "the old cluster"
growth_per_month = "10%"
[[unit]]
device = "{device}"
model = "llama-3.1-8b"
weights = "FP8"
count = 8
"""


def written(folder: Path, *, rate: float, device: str = "nvidia-a10g") -> list[str]:
    (folder / "scenario.toml").write_text(SCENARIO.format(rate=rate))
    (folder / "fleet.toml").write_text(FLEET.format(device=device))
    return ["plan", "--fixed", str(folder / "fleet.toml"), str(folder / "scenario.toml")]


def test_an_audit_says_headroom_waste_and_when_it_breaks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = written(tmp_path, rate=20)
    assert main([*command, "-o", str(tmp_path / "audit.json"), "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer == json.loads((tmp_path / "audit.json").read_text())
    assert answer["carries_surely"] == pytest.approx(2.0)
    assert answer["waste_usd_per_month"] == pytest.approx(4 * 730)
    assert answer["alternative_usd_per_month"] == pytest.approx(4 * 730)
    assert main(command) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "the old cluster carries its load" in shown
    assert "At 10 % a month it breaks in 7.3 months by the median" in shown
    assert "the load does not need 4 of llama-3.1-8b FP8" in shown
    assert main([*command, "--growth", "50%"]) == 0
    assert "breaks in 1.7 months" in " ".join(capsys.readouterr().out.split())


def test_a_fleet_that_is_too_small_exits_with_3(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*written(tmp_path, rate=80), "--json"]) == 3
    answer = json.loads(capsys.readouterr().out)
    assert answer["holds"] is False
    assert answer["carries_surely"] == pytest.approx(0.5)


def test_unknown_devices_and_growth_are_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(written(tmp_path, rate=20, device="nvidia-a10h")) == 2
    assert "nvidia-a10" in capsys.readouterr().err
    assert main([*written(tmp_path, rate=20), "--growth", "8"]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "800% a month" in shown.err
