"""`tonnage verify` through the command."""

import json
from pathlib import Path

import pytest

from profiler import whole_models
from profiler.backends import BACKENDS
from profiler.whole_models import Run
from tonnage.cli import main

PROFILES = Path(__file__).parents[1] / "captures" / "profiles"
TINY = {
    "tiny": {
        "kind": "llama",
        "layers": 2,
        "hidden": 256,
        "inner": 512,
        "heads": 4,
        "kv_heads": 2,
        "vocab": 512,
    }
}


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    why = BACKENDS.why_not("llama.cpp")
    if why is not None:
        pytest.skip(why)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(whole_models, "MODELS", TINY)
    monkeypatch.setattr(whole_models, "LONGEST_S", 0.02)
    steps = (Run(tokens=40, depth=0), Run(tokens=1, depth=300, batch=2))
    monkeypatch.setattr(whole_models, "runs", lambda model, quick: steps)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_predicts_runs_and_shows_both(tiny, capsys):
    words = ["verify", "--quick", "--models", "tiny", "--formats", "Q8_0"]
    words += ["--profile", str(PROFILES / "llama-nodes-1-thread.json")]
    assert main(words) == 0
    shown = capsys.readouterr().out
    assert "median error" in shown
    assert "prefill 40" in shown
    found = json.loads((tiny / "verify.json").read_text())
    assert found["format"] == "tonnage.verification"
    assert found["threads"] == 1
    assert [(row["tokens"], row["depth"], row["batch"]) for row in found["rows"]] == [(40, 0, 1), (1, 300, 2)]
    assert all(row["measured_s"] > 0 for row in found["rows"])
    assert (tiny / "verify.svg").read_text().count("<svg") == 1


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--models", "transformer-2b"], "transformer-1b"),
        (["--formats", "Q5_K_M"], "Q4_K_M"),
        (["--profile", "missing.json"], "missing.json"),
        (["--threads", "0"], "threads"),
        (["-o", "no/such/folder/v.json"], "no/such/folder"),
    ],
)
def test_bad_input_is_one_line_and_writes_nothing(tmp_path, monkeypatch, capsys, words, says):
    monkeypatch.chdir(tmp_path)
    assert main(["verify", *words]) == 2
    problem = capsys.readouterr().err
    assert says in problem
    assert problem.count("\n") == 1
    assert not list(tmp_path.iterdir())
