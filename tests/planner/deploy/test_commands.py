"""Command lines: documented flags, and what the plan took for granted of the engine."""

import shlex
import subprocess
from pathlib import Path

import pytest

from planner.deploy.bundle import bundle
from planner.deploy.commands import KV_FLAGS
from planner.deploy.launcher import check, launcher, names
from planner.deploy.service import services
from planner.fleet.records.plan_record import Unit
from planner.serving import engines
from tests.planner.deploy.plans import mixed, plan, unit
from tonnage.errors import Infeasible, InvalidInput, UnknownName

UNITS = {
    "vllm": unit("vllm", tp=4, devices_per_unit=4, kv="KV_FP8"),
    "sglang": unit("sglang", tp=2, devices_per_unit=2, weights="BF16"),
    "trtllm": unit("trtllm", tp=2, devices_per_unit=2),
    "llama.cpp": unit("llama.cpp", pp=2, devices_per_unit=2, weights="Q4_K_M"),
    "mlc-llm": unit("mlc-llm", pp=2, devices_per_unit=2, weights="q4f16_1"),
}


def words(of: Unit, **weights: str) -> list[str]:
    (one,) = services(plan(of), weights=weights, images={})
    return list(one.command)


def value(line: list[str], flag: str) -> str:
    return line[line.index(flag) + 1]


@pytest.mark.parametrize("engine", names())
def test_every_flag_is_documented_and_every_engine_covered(engine: str) -> None:
    documented = launcher(engine).flags
    written = [word for word in words(UNITS[engine]) if word.startswith("--")]
    assert written, "a command without flags"
    assert set(written) <= set(documented)
    assert launcher(engine).source
    assert launcher(engine).version


def test_vllm_is_told_what_was_planned() -> None:
    line = words(UNITS["vllm"])
    policy, _ = engines.resolve("vllm", kind="gpu")
    assert line[:3] == ["vllm", "serve", "meta-llama/Llama-3.1-8B-Instruct"]
    assert value(line, "--tensor-parallel-size") == "4"
    assert value(line, "--quantization") == "fp8"
    assert value(line, "--kv-cache-dtype") == "fp8"
    assert float(value(line, "--gpu-memory-utilization")) == policy.memory_frac
    assert int(value(line, "--max-num-seqs")) == policy.max_sequences
    assert int(value(line, "--max-num-batched-tokens")) == policy.chunk_tokens


def test_context_holds_nearly_every_request_of_the_classes_served() -> None:
    context = int(value(words(UNITS["sglang"]), "--context-length"))
    batch_only = int(value(words(unit("sglang", share={"batch": 1.0})), "--context-length"))
    assert context > 1500 + 200  # beyond the 95th percentile of chat
    assert 2100 <= batch_only <= 2116  # fixed lengths, rounded up to a block


def test_a_16_bit_checkpoint_is_loaded_as_it_is() -> None:
    line = words(UNITS["sglang"])
    assert "--quantization" not in line
    assert "--dtype" not in line


def test_llama_cpp_gets_slots_of_a_whole_context_that_fit_its_memory() -> None:
    line = words(UNITS["llama.cpp"])
    slots, context = int(value(line, "--parallel")), int(value(line, "--ctx-size"))
    assert 1 <= slots <= 64
    assert context % slots == 0
    longer = int(value(words(unit("llama.cpp", weights="BF16", device="nvidia-l4")), "--parallel"))
    assert longer < slots, "a card with less room has fewer slots"


def test_on_a_processor_no_layer_is_offloaded() -> None:
    line = words(unit("llama.cpp", device="amd-epyc-9654", weights="Q4_K_M"))
    assert value(line, "--n-gpu-layers") == "0"


def test_formats_that_no_engine_makes_itself_are_brought_or_named() -> None:
    (one,) = services(plan(unit(weights="AWQ_INT4_G128")), weights={}, images={})
    assert one.checkpoint.location == "/models/llama-3.1-8b-AWQ_INT4_G128"
    assert "AWQ_INT4_G128" in (one.checkpoint.to_bring or "")
    line = words(unit(weights="AWQ_INT4_G128"), **{"llama-3.1-8b:AWQ_INT4_G128": "someone/llama-awq"})
    assert line[2] == "someone/llama-awq"


def test_what_is_not_documented_is_refused() -> None:
    with pytest.raises(InvalidInput, match="documents no flag --fast"):
        check(launcher("vllm"), [("--fast", "1")])
    with pytest.raises(InvalidInput, match="takes whole, not 0"):
        check(launcher("vllm"), [("--tensor-parallel-size", "0")])
    with pytest.raises(InvalidInput, match="no flag for a cache in KV_FP8"):
        words(unit("trtllm", kv="KV_FP8"))
    with pytest.raises(InvalidInput, match="KV_Q8_0"):
        words(unit("vllm", kv="KV_Q8_0"))
    with pytest.raises(UnknownName, match="tgi"):
        words(unit("tgi"))
    with pytest.raises(InvalidInput, match="does not say which engine"):
        words(unit("unspecified"))
    with pytest.raises(Infeasible, match="no units"):
        bundle(plan())
    with pytest.raises(UnknownName, match=r"llama-3\.1-8b:FP8"):
        bundle(mixed(), weights={"llama-3.1-8b:INT4": "x"})


def test_cache_formats_map_to_documented_choices() -> None:
    for engine, flags in KV_FLAGS.items():
        documented = launcher(engine).flags
        flag = "--cache-type-k" if engine == "llama.cpp" else "--kv-cache-dtype"
        assert set(flags.values()) <= set(documented[flag])


@pytest.mark.parametrize("engine", names())
def test_scripts_are_bash_and_say_the_command(engine: str, tmp_path: Path) -> None:
    made = bundle(plan(UNITS[engine]))
    (path,) = [path for path in made.files if path.startswith("run/")]
    assert path in made.programs
    script = tmp_path / "run.sh"
    script.write_text(made.files[path])
    subprocess.run(["bash", "-n", str(script)], check=True)
    said = [line for line in made.files[path].replace("\\\n", " ").splitlines() if line.startswith("exec ")]
    assert shlex.split(said[0])[1:-1] == words(UNITS[engine])
