"""What speaks against a deployment is said beside its times, and never in silence."""

import pytest

from hw_targets import catalog
from planner.deployment import Case
from planner.fleet.supply.placement import runs_on
from planner.prediction import Refusal
from planner.serving import engines
from planner.serving.doubts import NARROW
from planner.serving.placement import place
from planner.serving.predict import predict, predict_batch
from planner.serving.step.target import target
from tonnage.errors import InvalidInput
from tonnage.evidence import Evidence


def case(**given):
    base = {"id": "x", "device": "nvidia-h100-sxm5-80gb", "model": "llama-3.1-8b", "weights": "BF16"}
    return Case(**{**base, "engine": "vllm", **given})


def test_what_the_planner_would_not_buy_is_not_predicted_without_a_word():
    pairs = [(name, device) for name in engines.names() for device in catalog.names()]
    found = predict_batch([case(engine=name, device=device) for name, device in pairs])
    strangers = 0
    for (name, device), answer in zip(pairs, found, strict=True):
        assert not isinstance(answer, Refusal)
        listed = runs_on(name, catalog.get(device))
        strangers += not listed
        assert any("does not list" in note for note in answer.notes) is not listed
        assert listed or answer.evidence is Evidence.ASSUMED
    assert 0 < strangers < len(pairs)


@pytest.mark.parametrize(
    ("engine", "device", "runs"),
    [
        ("trtllm", "nvidia-b200-sxm-180gb", True), ("trtllm", "amd-mi300x", False),
        ("tensorrt-llm", "amd-mi300x", False), ("trtllm", "apple-m2-max", False),
        ("mlx", "apple-m2-max", True), ("mlx", "amd-mi300x", False),
        ("vllm", "google-tpu-v5e", True), ("vllm", "groq-lpu-v1", False),
        ("transformers-neuronx", "aws-trainium2", True), ("transformers-neuronx", "nvidia-l4", False),
        ("ollama", "apple-m4", True), ("llama.cpp", "cerebras-wse-3", False),
    ],
)  # fmt: skip
def test_engines_run_where_their_installation_pages_say(engine, device, runs):
    assert runs_on(engine, catalog.get(device)) is runs
    assert place(case(engine=engine, device=device)).is_listed is runs


def test_a_policy_that_lists_nothing_doubts_nothing():
    assert not [name for name in engines.names() if (found := engines.get(name)) and found.runs_on == {}]
    assert engines.get("torch").runs_on is None
    assert place(case(engine="torch", device="groq-lpu-v1")).is_listed


@pytest.mark.parametrize("weights", ["FP8", "INT8_W8A8", "NVFP4"])
def test_arithmetic_that_a_device_lacks_is_said_to_be_emulated(weights):
    for device in ("nvidia-t4", "nvidia-a100-sxm4-80gb", "nvidia-h100-sxm5-80gb", "nvidia-b200-sxm-180gb"):
        placed = place(case(device=device, weights=weights))
        dtype = placed.weights.activation_dtype
        assert dtype in NARROW
        emulated = any("emulated" in note for note in placed.notes)
        assert emulated is (getattr(catalog.get(device).peak, dtype) is None)


def test_formats_that_only_store_narrow_weights_emulate_nothing():
    for weights in ("GPTQ_INT4_G128", "Q4_K_M", "BF16"):
        assert not any("emulated" in note for note in place(case(device="nvidia-t4", weights=weights)).notes)


def test_an_engine_that_does_not_load_a_format_says_which_do():
    (note,) = [note for note in predict(case(weights="Q4_K_M")).notes if "load" in note]
    assert "llama.cpp" in note
    assert not any("load" in note for note in predict(case(weights="Q4_K_M", engine="ollama")).notes)


def test_heads_that_do_not_divide_are_said_and_stages_without_layers_refused():
    assert any("does not divide 32" in note for note in predict(case(tp=3)).notes)
    assert not any("divide" in note for note in predict(case(tp=4)).notes)
    with pytest.raises(InvalidInput, match="33 stages"):
        predict(case(pp=33))


def test_a_rate_for_16_bits_is_half_of_the_one_for_8_where_that_alone_is_known():
    ratios = []
    for name in catalog.names():
        peak = catalog.get(name).peak
        half, narrow = max(peak.fp16 or 0.0, peak.bf16 or 0.0), max(peak.fp8 or 0.0, peak.int8 or 0.0)
        if half and narrow:
            ratios.append(half / narrow)
    assert sorted(ratios)[len(ratios) // 2] == pytest.approx(0.5, rel=0.02)
    thor = target("nvidia-jetson-agx-thor")
    assert thor.peak["fp16"] == thor.peak["fp8"] / 2
    assert thor.evidence is Evidence.ASSUMED
    assert any("16-bit" in note for note in thor.notes)


def test_narrower_weights_never_read_a_prompt_several_times_slower_than_wider_ones():
    for device in catalog.names():
        wide, narrow = predict_batch(
            [case(device=device, weights=weights, isl=4096) for weights in ("BF16", "GPTQ_INT4_G128")]
        )
        assert narrow.ttft_s.p50 < 2 * wide.ttft_s.p50


def test_an_engine_whose_formats_nobody_wrote_down_is_not_said_to_load_none():
    silent = [name for name in engines.names() if name not in engines.loaders()]
    assert "transformers-neuronx" in silent
    for name in silent:
        assert not any("not known to load" in note for note in predict(case(engine=name)).notes)
    assert any("not known to load" in note for note in predict(case(engine="exllamav2")).notes)
