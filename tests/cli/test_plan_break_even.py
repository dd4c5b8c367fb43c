"""`tonnage plan --break-even`: own units or API, on the terminal, as JSON and as a figure."""

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
models = ["{model}"]
api = true
[[capacity]]
device = "nvidia-a10g"
model = "{model}"
weights = "FP8"
requests_per_s = 5
[[price]]
device = "nvidia-a10g"
usd_per_h = 1.0
"""


def written(folder: Path, model: str = "llama-3.1-8b") -> str:
    path = folder / "scenario.toml"
    path.write_text(SCENARIO.format(model=model))
    return str(path)


def test_a_break_even_is_shown_and_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    svg, record = tmp_path / "curve.svg", tmp_path / "curve.json"
    assert main(["plan", written(tmp_path), "--break-even", "-o", str(svg)]) == 0
    shown = capsys.readouterr().out
    assert "llama-3.1-8b" in shown
    assert "even at" in shown
    assert svg.read_text().startswith("<?xml")
    assert main(["plan", written(tmp_path), "--break-even", "--json", "-o", str(record)]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer == json.loads(record.read_text())
    assert answer["pairs"][0]["own_model"] == "llama-3.1-8b"
    assert answer["pairs"][0]["own_usd_per_mtok"] == pytest.approx(1 / (5 * 3600 * 700e-6))


def test_without_an_offer_there_is_a_word_why(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", written(tmp_path, "pythia-160m"), "--break-even"]) == 0
    shown = capsys.readouterr().out
    assert "nothing to compare" in shown
    assert "No hosted offer serves every class" in shown
