"""Whole-model results of other tools: each reader against a file in its tool's documented layout."""

import json
from pathlib import Path

import pytest

from planner.deployment import Load
from planner.imports.named import gguf_format, model_id, plain
from planner.imports.read import read_files
from planner.imports.told import Told
from tonnage.errors import InvalidInput, TonnageError, UnknownName
from tonnage.evidence import Evidence
from workloads import models

FILES = Path(__file__).parent / "files"
H100 = Told(device="nvidia-h100-sxm5-80gb")


def runs(name, told=None):
    return read_files([FILES / name], told or Told()).runs


@pytest.mark.parametrize("name", ["llama_bench.json", "llama_bench.jsonl", "llama_bench.csv"])
def test_llama_bench_says_all_there_is_to_know(name):
    prompt, generation = runs(name)
    assert prompt.case.device == "nvidia-rtx-4080"
    assert prompt.case.model == "qwen2.5-7b"
    assert prompt.case.weights == "Q4_K_M"
    assert (prompt.case.isl, prompt.case.osl) == (512, 1)
    # The tool's own rates: tokens over time.
    assert 512 / prompt.measured.ttft_s == pytest.approx(7100.0, rel=1e-3)
    assert (generation.case.isl, generation.case.osl) == (1, 128)
    assert 1 / generation.measured.tpot_s == pytest.approx(118.88, rel=1e-3)
    assert prompt.evidence is Evidence.MEASURED
    assert prompt.tool_version == "b5163"


def test_llama_bench_without_layers_on_the_gpu_ran_on_the_cpu(tmp_path):
    rows = json.loads((FILES / "llama_bench.json").read_text())
    path = tmp_path / "cpu.json"
    path.write_text(json.dumps([{**rows[1], "n_gpu_layers": 0, "cpu_info": "AMD EPYC 9654"}]))
    (run,) = read_files([path], Told()).runs
    assert run.case.device == "amd-epyc-9654"
    assert run.case.backend == "cpu"


def test_vllm_bench_needs_the_device_alone():
    with pytest.raises(InvalidInput, match="--device"):
        runs("vllm_bench.json")
    (run,) = runs("vllm_bench.json", H100)
    assert (run.case.model, run.case.engine, run.case.load) == ("llama-3.1-8b", "vllm", Load.CLOSED)
    assert (run.case.isl, run.case.osl, run.case.concurrency) == (1024, 256, 32)
    assert run.measured.ttft_s == pytest.approx(0.6124)
    assert run.measured.tpot_s == pytest.approx(0.0396)
    assert run.measured.output_tokens_per_s == pytest.approx(761.9)


@pytest.mark.parametrize(
    ("change", "load", "rate", "users"),
    [
        ({"request_rate": 2.5, "max_concurrency": None}, Load.OPEN, 2.5, 1),
        ({"request_rate": "inf", "max_concurrency": None}, Load.SATURATED, None, 1),
        ({"request_rate": "inf", "max_concurrency": 7}, Load.CLOSED, None, 7),
    ],
)
def test_vllm_bench_says_its_load(tmp_path, change, load, rate, users):
    data = json.loads((FILES / "vllm_bench.json").read_text())
    path = tmp_path / "v.json"
    path.write_text(json.dumps({**data, **change}))
    (run,) = read_files([path], H100).runs
    assert (run.case.load, run.case.requests_per_s, run.case.concurrency) == (load, rate, users)
    assert (run.measured.ttft_s is None) == (load is Load.SATURATED)


def test_guidellm_gives_one_run_a_rate_and_its_tpot_leaves_the_first_token_out():
    found = runs("guidellm.json", H100)
    assert [run.case.load.value for run in found] == ["closed", "closed", "open", "saturated"]
    assert [run.case.concurrency for run in found[:2]] == [1, 8]
    assert found[2].case.requests_per_s == 1.5
    assert found[1].measured.tpot_s == pytest.approx(0.0355)
    assert found[1].measured.ttft_s == pytest.approx(0.210)
    assert {run.case.model for run in found} == {"qwen3-32b"}


@pytest.mark.parametrize(("name", "tool"), [("aiperf.json", "AIPerf"), ("genai_perf.json", "genai-perf")])
def test_aiperf_and_its_predecessor(name, tool):
    (run,) = runs(name, Told(device="nvidia-l40s", tp=2))
    assert run.tool == tool
    assert (run.case.model, run.case.concurrency, run.case.devices) == ("llama-3.1-8b", 8, 2)
    assert run.measured.ttft_s == pytest.approx(0.412)
    assert run.measured.tpot_s == pytest.approx(0.020)
    assert run.measured.power_w == (600.0 if tool == "AIPerf" else None)


def test_aiperf_units_decide(tmp_path):
    data = json.loads((FILES / "aiperf.json").read_text())
    data["inter_token_latency"] = {"unit": "us", "avg": 20000.0}
    path = tmp_path / "a.json"
    path.write_text(json.dumps(data))
    assert read_files([path], H100).runs[0].measured.tpot_s == pytest.approx(0.020)


def test_mlperf_tells_rates_and_output_length_but_not_the_dataset():
    with pytest.raises(InvalidInput, match="--isl"):
        runs("mlperf_offline.txt", H100)
    told = Told(device="nvidia-h100-sxm5-80gb", model="llama-2-70b", weights="FP8", isl=294, tp=8)
    (offline,) = runs("mlperf_offline.txt", told)
    assert offline.case.load is Load.SATURATED
    assert offline.case.osl == pytest.approx(294.0)
    assert offline.measured.output_tokens_per_s == 24696.0
    (server,) = runs("mlperf_server.txt", told)
    assert (server.case.load, server.case.requests_per_s) == (Load.OPEN, 70.0)
    assert server.measured.ttft_s == pytest.approx(0.25)
    assert server.measured.tpot_s == pytest.approx(0.061)


def test_an_invalid_mlperf_run_is_refused(tmp_path):
    path = tmp_path / "m.txt"
    path.write_text((FILES / "mlperf_offline.txt").read_text().replace("VALID", "INVALID"))
    with pytest.raises(TonnageError, match="INVALID"):
        read_files([path], Told(device="nvidia-h100-sxm5-80gb", model="llama-2-70b", isl=294))


def test_several_files_make_one_record():
    measured = read_files([FILES / "vllm_bench.json", FILES / "aiperf.json"], H100)
    assert len(measured.runs) == 2
    assert len(measured.files) == 2


def test_every_model_is_found_by_its_own_and_its_hugging_face_name():
    for name in models.names():
        assert model_id(name, where="x") == name
        hugging_face = models.get(name).hf_id
        if hugging_face:
            # Two ids may share a checkpoint's plain name; either is that model.
            found = model_id(hugging_face, where="x")
            assert found == name or plain(models.get(found).hf_id or found) == plain(hugging_face)


def test_a_model_nobody_knows_lists_the_near_ones():
    with pytest.raises(UnknownName, match="llama-3"):
        model_id("someone/Llama-3.9-8B-Instruct", where="x")


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("llama 7B mostly Q4_0", "Q4_0"),
        ("llama 8B Q4_K - Medium", "Q4_K_M"),
        ("llama 8B F16", "F16"),
        ("llama 8B BF16", "BF16"),
        ("llama 70B IQ2_XXS - 2.0625 bpw", "IQ2_XXS"),
        ("qwen3 4B Q5_K - Small", "Q5_K_S"),
        ("nothing of the kind", None),
    ],
)
def test_llama_cpp_spells_formats_in_its_own_way(text, form):
    assert gguf_format(text) == form
