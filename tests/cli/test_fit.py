"""`tonnage fit` through the command."""

import json
from pathlib import Path

import pytest

from tonnage.cli import main

CAPTURED = Path(__file__).parents[1] / "captures" / "profiles" / "epyc-2cpu.json"


def test_laws_are_shown_with_their_left_out_error(capsys):
    assert main(["fit", str(CAPTURED)]) == 0
    shown = capsys.readouterr().out
    assert "gemm" in shown
    assert "error" in shown
    assert "%" in shown


def test_a_fitted_model_predicts_as_its_profile_does(tmp_path, capsys):
    model = tmp_path / "model.json"
    assert main(["fit", str(CAPTURED), "-o", str(model), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["format"] == "tonnage.model"
    answers = []
    for device in (model, CAPTURED):
        words = ["predict", "--device", str(device), "--model", "llama-3.2-1b", "--weights", "Q8_0", "--json"]
        assert main(words) == 0
        answers.append(json.loads(capsys.readouterr().out))
    assert answers[0]["tpot_s"]["p50"] == pytest.approx(answers[1]["tpot_s"]["p50"])


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "not valid JSON"),
        ("{}", "tonnage.profile"),
        ("[]", "JSON object"),
        ('{"format": "tonnage.plan"}', "plan"),
    ],
)
def test_what_is_no_profile_is_refused_in_one_line(text, says, tmp_path, capsys):
    path = tmp_path / "profile.json"
    path.write_text(text)
    assert main(["fit", str(path)]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert says in said


def test_a_missing_profile_and_an_unwritable_output_are_refused(tmp_path, capsys):
    assert main(["fit", str(tmp_path / "none.json")]) == 2
    assert main(["fit", str(CAPTURED), "-o", str(tmp_path / "no" / "model.json")]) == 2
    assert capsys.readouterr().err.count("\n") == 2
