"""`tonnage import` through the command: records, tables, and one line for what cannot be used."""

import json
from pathlib import Path

import pytest

from planner.imports.measured import Measured
from planner.serving.step.target import target
from tonnage import api
from tonnage.cli import main
from tonnage.files import read_record

FILES = Path(__file__).parents[1] / "planner" / "imports" / "files"


def test_runs_as_json_are_one_record(capsys):
    assert main(["import", str(FILES / "llama_bench.csv"), "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["format"] == "tonnage.measured"
    assert [run["case"]["model"] for run in shown["runs"]] == ["qwen2.5-7b"] * 2
    assert {run["evidence"] for run in shown["runs"]} == {"measured"}


def test_runs_as_a_table_name_deployment_and_load(capsys):
    assert main(["import", str(FILES / "guidellm.json"), "--device", "nvidia-l40s"]) == 0
    shown = capsys.readouterr().out
    assert "qwen3-32b" in shown
    assert "8 users" in shown


def test_kernels_go_from_import_to_fit_to_predict(tmp_path, capsys):
    measured, model = tmp_path / "measured.json", tmp_path / "a100.json"
    words = ["import", str(FILES / "vidur_mlp.csv"), "--device", "nvidia-a100-sxm4-80gb", "-o", str(measured)]
    assert main(words) == 0
    assert len(read_record(measured, Measured).kernels) > 20
    assert main(["fit", str(measured), "-o", str(model)]) == 0
    assert "gemm" in capsys.readouterr().out
    words = ["predict", "--device", str(model), "--model", "llama-2-7b", "--weights", "F16", "--json"]
    assert main([*words, "--engine", "vllm"]) == 0
    assert json.loads(capsys.readouterr().out)["evidence"] in ("fitted", "extrapolated")
    # The cards of an imported table are linked as the catalog says.
    assert target(str(model)).link_bytes_per_s == target("nvidia-a100-sxm4-80gb").link_bytes_per_s


def test_the_library_imports_what_the_command_does():
    one = api.import_results(FILES / "vllm_bench.json", device="nvidia-h100-sxm5-80gb")
    both = api.import_results([FILES / "vllm_bench.json", str(FILES / "aiperf.json")], device="nvidia-l40s")
    assert len(one.runs) == 1
    assert len(both.runs) == 2


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "files"),
        (["missing.json"], "missing.json"),
        ([str(FILES / "vllm_bench.json")], "--device"),
        ([str(FILES / "vllm_bench.json"), "--device", "nvidia-h101"], "nvidia-h10"),
        ([str(FILES / "mlperf_offline.txt"), "--device", "nvidia-l4", "--model", "llama-2-70b"], "--isl"),
        ([str(FILES / "README.md")], "known are"),
        ([str(FILES / "llama_bench.json"), "--isl", "many"], "many"),
        ([str(FILES / "llama_bench.json"), "-o", "/nowhere/x.json"], "nowhere"),
        ([str(FILES / "llama_bench.json"), "--tp", "0"], "tp"),
    ],
)
def test_bad_input_is_one_line_and_exit_two(words, says, capsys):
    assert main(["import", *words]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert says in said.err
