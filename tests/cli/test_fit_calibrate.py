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


def test_wider_rows_are_told_and_move_nothing_of_the_rest(tmp_path):
    lines = [json.loads(line) for line in SAMPLE.read_text().splitlines()]
    own = [line for line in lines if line["engine"] == "vllm"][:12]
    other = [line for line in lines if line["engine"] == "llama.cpp"][:6]
    files = {}
    for name, told in (("own", own), ("other", other)):
        files[name] = tmp_path / f"{name}.jsonl"
        files[name].write_text("".join(json.dumps(line) + "\n" for line in told))
    plain, wide = tmp_path / "plain.json", tmp_path / "wide.json"
    assert main(["calibrate", str(files["own"]), "-o", str(plain)]) == 0
    assert main(["calibrate", str(files["own"]), "--wider", str(files["other"]), "-o", str(wide)]) == 0
    before, after = (read_record(path, CoefficientFile) for path in (plain, wide))
    assert after.engines == ("llama.cpp", "vllm") and after.base == before.base
    assert sum(after.provenance.rows.values()) > sum(before.provenance.rows.values())
    for name, groupings in before.effects.items():
        for grouping, levels in groupings.items():
            assert levels.items() <= after.effects[name][grouping].items()


def test_cases_without_measurements_are_refused(tmp_path, capsys):
    cases = tmp_path / "cases.jsonl"
    cases.write_text('{"id": "a", "device": "nvidia-l4", "model": "llama-3.1-8b", "weights": "FP8"}\n')
    assert main(["calibrate", str(cases), "-o", str(tmp_path / "out.json")]) == 2
    assert "measured" in capsys.readouterr().err
