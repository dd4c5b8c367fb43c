"""`tonnage calibrate` through the command."""

import json
from pathlib import Path

from planner.serving.coefficients import CoefficientFile
from tonnage.cli import main
from tonnage.files import read_record

SAMPLE = Path(__file__).parents[1] / "truth" / "sample.jsonl"


def test_a_few_rows_make_coefficients_that_load(tmp_path, capsys):
    lines = [line for line in SAMPLE.read_text().splitlines() if json.loads(line)["engine"] == "vllm"][:12]
    cases, output = tmp_path / "cases.jsonl", tmp_path / "coefficients.json"
    cases.write_text("\n".join(lines) + "\n")
    assert main(["calibrate", str(cases), "-o", str(output)]) == 0
    said = capsys.readouterr()
    assert "left out by model" in said.err
    file = read_record(output, CoefficientFile)
    assert file.engines == ("vllm",)
    assert sum(file.provenance.rows.values()) >= 12


def test_cases_without_measurements_are_refused(tmp_path, capsys):
    cases = tmp_path / "cases.jsonl"
    cases.write_text('{"id": "a", "device": "nvidia-l4", "model": "llama-3.1-8b", "weights": "FP8"}\n')
    assert main(["calibrate", str(cases), "-o", str(tmp_path / "out.json")]) == 2
    assert "measured" in capsys.readouterr().err
