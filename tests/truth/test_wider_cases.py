"""The reader of wider tables: what a row becomes, and what is left out."""

import csv
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
SINGLE = [
    "source", "engine", "engine_version_or_date", "device", "device_count", "model", "params_b", "quant",
    "model_size_gib", "test", "tokens_per_s", "stdev", "note",
]  # fmt: skip
SERVING = [
    "source", "engine", "version_or_date", "device", "device_count", "tp", "pp", "model", "precision", "isl",
    "osl", "concurrency_or_batch", "scenario", "tokens_per_s_total", "tput_kind", "ttft_ms", "tpot_ms",
    "note",
]  # fmt: skip
RUN = {
    "source": "xdai_gpubench", "engine": "llama.cpp", "device": "NVIDIA RTX 4000 Ada 20GB",
    "device_count": "1", "model": "Llama-3-8B", "quant": "Q4_K_M", "test": "tg512", "tokens_per_s": "58.6",
    "note": "",
}  # fmt: skip
BATCH = {
    "source": "argonne_all", "engine": "vLLM", "device": "A100", "device_count": "2", "tp": "2", "pp": "1",
    "model": "meta-llama/Llama-2-7b-hf", "precision": "FP16", "isl": "256", "osl": "256",
    "concurrency_or_batch": "16", "tokens_per_s_total": "2000", "tput_kind": "total", "note": "",
}  # fmt: skip


@pytest.fixture(scope="module")
def readers() -> Iterator[tuple[ModuleType, ModuleType, ModuleType]]:
    sys.path.insert(0, str(BENCHMARKS))
    import wider_names
    import wider_serving
    import wider_single

    yield wider_single, wider_serving, wider_names
    sys.path.remove(str(BENCHMARKS))


def single(**changed: str) -> dict[str, str]:
    return dict.fromkeys(SINGLE, "") | RUN | changed


def serving(**changed: str) -> dict[str, str]:
    return dict.fromkeys(SERVING, "") | BATCH | changed


@pytest.mark.parametrize(
    ("test", "isl", "osl", "context", "metric", "seconds"),
    [
        ("tg128", 1, 128, 0, "tpot_s", 1 / 50), ("tg32@d4096", 1, 32, 4096, "tpot_s", 1 / 50),
        ("pp512", 512, 1, 0, "ttft_s", 512 / 50), ("pp2048@d8192", 2048, 1, 8192, "ttft_s", 2048 / 50),
        ("gen 256@prompt 32", 32, 256, 0, "tpot_s", 1 / 50), ("gen64@2048", 2048, 64, 0, "tpot_s", 1 / 50),
    ],
)  # fmt: skip
def test_a_test_says_its_tokens_and_what_its_rate_is(readers, test, isl, osl, context, metric, seconds):
    found = readers[0].case(single(test=test, tokens_per_s="50"))
    assert (found["isl"], found["osl"], found["context"]) == (isl, osl, context)
    assert found["measured"] == {metric: pytest.approx(seconds)}


@pytest.mark.parametrize(
    ("engine", "cut"), [("llama.cpp CUDA", (1, 4)), ("MLC LLM", (4, 1)), ("vLLM", (4, 1))]
)
def test_engines_split_layers_or_matrices(readers, engine, cut):
    found = readers[0].case(single(engine=engine, device_count="4"))
    assert (found["tp"], found["pp"], found["devices"]) == (*cut, 4)


@pytest.mark.parametrize(
    "changed",
    [
        {"device": "NVIDIA A100"}, {"model": "no such model"}, {"quant": "Q9_Z"}, {"test": "gen ?"},
        {"note": "partly on CPU (offload)"}, {"note": "power limit 250 W", "test": "pp512"},
        {"note": "CPU only; threads=1"}, {"engine": "an engine of nobody"},
    ],
)  # fmt: skip
def test_what_is_not_stated_is_left_out(readers, changed):
    with pytest.raises(readers[2].Left):
        readers[0].case(single(**changed))


def test_total_tokens_of_a_static_batch_are_halved_where_in_and_out_are_alike(readers):
    found = readers[1].case(serving())
    assert found["measured"] == {"output_tokens_per_s": 1000.0}
    assert (found["concurrency"], found["load"], found["tp"]) == (16, "closed", 2)


def test_a_rate_of_decode_alone_is_a_step_over_cached_prompts(readers):
    row = serving(
        source="llamacpp_batched", engine="llama.cpp", device="NVIDIA GB10 (DGX Spark)", tp="1",
        device_count="1", model="Qwen2.5-Coder-7B-Q8_0-GGUF", isl="4096", osl="32",
        precision="GGUF in model name (MXFP4/Q8_0/Q4_K)",
        concurrency_or_batch="8", tokens_per_s_total="200", tput_kind="output(decode only)",
    )  # fmt: skip
    found = readers[1].case(row)
    assert (found["isl"], found["context"], found["weights"]) == (1, 4096, "Q8_0")
    assert found["measured"] == {"tpot_s": 8 / 200}


@pytest.mark.parametrize(
    "changed",
    [
        {"engine": "llama.cpp", "note": "llama-bench -b 16: ONE sequence, n_batch=16"},
        {"source": "mlperf_v4.1"}, {"isl": "", "osl": ""}, {"source": "of nobody"}, {"tp": "EP2"},
        {"source": "trtllm_v0.14_online", "concurrency_or_batch": "qps 32", "tokens_per_s_total": "100"},
    ],
)  # fmt: skip
def test_batches_without_a_stated_meaning_are_left_out(readers, changed):
    with pytest.raises(readers[2].Left):
        readers[1].case(serving(**changed))


def test_the_command_leaves_out_what_is_flagged_known_twice_there_or_impossible(tmp_path):
    rows = [
        single(), single(), single(test="tg128", tokens_per_s="57"),
        single(note="FLAG: wrong"), single(test="tg1024", tokens_per_s="500"),
    ]  # fmt: skip
    with (tmp_path / "single_stream.csv").open("w", newline="") as out:
        table = csv.DictWriter(out, SINGLE)
        table.writeheader()
        table.writerows(rows)
    known = tmp_path / "known.jsonl"
    out_path = tmp_path / "out.jsonl"
    command = [sys.executable, str(BENCHMARKS / "wider_cases.py"), str(tmp_path), "-o", str(out_path)]
    first = subprocess.run(command, capture_output=True, text=True, check=True)
    cases = [json.loads(line) for line in out_path.read_text().splitlines()]
    assert [case["osl"] for case in cases] == [512, 128]
    for reason in ("flagged in its table", "the same run twice", "faster than the device's memory allows"):
        assert reason in first.stderr
    known.write_text(json.dumps(cases[0]) + "\n")
    subprocess.run([*command, "--known", str(known)], capture_output=True, check=True)
    assert [json.loads(line)["osl"] for line in out_path.read_text().splitlines()] == [128]


def test_a_section_takes_the_place_of_its_older_self_and_leaves_the_page_alone(readers):
    import wider_table

    old, new = (f"{wider_table.TITLE}\n\n{word}\n" for word in ("old", "new"))
    page = f"# Page\n\ntext\n\n{old}\n## After\n\nmore\n"
    assert wider_table.replaced(page, new) == page.replace("old", "new")
    assert wider_table.replaced(wider_table.replaced("# Page\n", old), new) == f"# Page\n\n{new}"
