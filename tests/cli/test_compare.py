"""`tonnage compare` through the command."""

import json

import pytest

import tonnage
from planner.compare.comparison import Comparison
from tonnage.cli import main

WORDS = ["compare", "--device", "nvidia-l4", "--models", "llama-3.2-3b,mamba-2.8b", "--engine", "vllm"]


def test_json_is_the_record_of_the_library(tmp_path, capsys):
    path = tmp_path / "comparison.json"
    assert main([*WORDS, "--context", "1k..64k", "--json", "-o", str(path)]) == 0
    printed = capsys.readouterr().out
    assert json.loads(printed) == json.loads(path.read_text("utf-8"))
    expected = tonnage.compare(
        ["llama-3.2-3b", "mamba-2.8b"], device="nvidia-l4", engine="vllm", context="1k..64k"
    )
    assert Comparison.model_validate_json(printed) == expected


def test_tables_name_models_limits_and_crossings(capsys):
    assert main([*WORDS, "--context", "1k..1M"]) == 0
    shown = capsys.readouterr().out
    for words in ("Llama 3.2 3B", "Mamba 2.8B", "does not fit", "beyond its 2,048", "Where they cross"):
        assert words in shown
    assert "NVIDIA L4" in shown


def test_one_model_alone_has_no_crossings(capsys):
    assert main(["compare", "--device", "nvidia-l4", "--models", "mamba-130m", "--context", "4k"]) == 0
    assert "Where they cross" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["compare", "--device", "nvidia-l4"], "--models"),
        ([*WORDS[:4], ","], "no model"),
        ([*WORDS[:4], "mamba-2.8b,mamba-9b"], "mamba-9b"),
        ([*WORDS, "--context", "64k..1k"], "64k..1k"),
        ([*WORDS, "--osl", "some"], "some"),
        ([*WORDS, "--tp", "0"], "tp"),
        ([*WORDS, "-o", "no/such/folder/c.json"], "no/such/folder"),
    ],
)
def test_bad_input_is_one_line_and_exit_two(words, says, capsys):
    assert main(words) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert says in said.err
