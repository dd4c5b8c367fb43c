"""What runs share is told apart by what kernels and schedulers differ in."""

import pytest

from planner.deployment import Case, Load
from planner.serving import engines
from planner.serving.pace import in_step
from planner.serving.placement import place
from planner.serving.predict import predict


def _case(**given):
    base = {"id": "x", "device": "nvidia-h100-sxm5-80gb", "model": "llama-3.1-8b", "weights": "FP8"}
    return Case(**{**base, "engine": "vllm", **given})


@pytest.mark.parametrize(
    ("model", "weights", "scales"),
    [
        ("deepseek-r1", "FP8", "block"), ("qwen3-32b", "FP8", "block"), ("minimax-m2", "FP8", "block"),
        ("llama-3.1-70b", "FP8", "tensor"), ("llama-3.1-70b", "FP8_BLOCK128", "block"),
        ("qwen3-32b", "FP8_W8A8_TENSOR", "tensor"), ("qwen3-32b", "BF16", "-"),
    ],
)  # fmt: skip
def test_checkpoints_scale_by_blocks_or_tensors(model, weights, scales):
    assert place(_case(model=model, weights=weights)).groups.scales == scales


def test_queued_requests_and_models_of_experts_are_groups_of_their_own():
    assert place(_case()).groups.load == place(_case(load="open", requests_per_s=1)).groups.load == "served"
    assert place(_case(load="saturated")).groups.load == "offline"
    assert [place(_case(model=m)).groups.sort for m in ("llama-3.1-8b", "mixtral-8x7b")] == [
        "dense",
        "experts",
    ]
    mixers = [place(_case(model=m)).groups.mixer for m in ("gemma-3-27b", "deepseek-r1", "jamba-v0.1")]
    assert mixers == ["heads", "latent", "recurrent"]


def test_an_engine_that_leaves_windows_aside_attends_to_everything():
    mine, other = (_case(model="mistral-7b-v0.1", engine=e, isl=20000, osl=2000) for e in ("trtllm", "vllm"))
    whole = _case(model="mistral-7b-v0.3", engine="trtllm", isl=20000, osl=2000)
    assert place(mine).cut != place(other).cut
    assert predict(mine).memory_parts.cache_bytes == pytest.approx(
        predict(whole).memory_parts.cache_bytes, rel=0.01
    )
    assert predict(other).memory_parts.cache_bytes < 0.8 * predict(mine).memory_parts.cache_bytes


def test_windows_that_only_some_layers_have_are_kept():
    assert place(_case(model="gemma-3-27b", engine="trtllm")).cut.windows


@pytest.mark.parametrize(
    ("engine", "version", "lengths", "together"),
    [
        ("sglang", "0.5.1", "fixed", True), ("sglang", None, "drawn", False), ("tgi", None, "fixed", True),
        ("vllm", "0.7.3", "fixed", True), ("vllm", "0.8.0", "fixed", False), ("vllm", None, "fixed", False),
        ("vllm", "v0.10.1", "fixed", False), ("vllm", "nightly-5b8c", "fixed", False),
        ("vllm", "2024-10", "fixed", True), ("vllm", "2025-06", "fixed", False),
        ("trtllm", "0.15.0 (2024-11)", "fixed", False),
    ],
)  # fmt: skip
def test_users_stay_in_step_where_prompts_go_first_and_lengths_are_equal(engine, version, lengths, together):
    policy, _ = engines.resolve(engine, kind="gpu")
    assert in_step(policy, version, lengths=lengths) is together


def test_only_closed_loops_are_in_step():
    paces = [
        place(_case(engine="sglang", load=load, requests_per_s=1)).groups.pace
        for load in (Load.CLOSED, Load.OPEN, Load.SATURATED)
    ]
    assert paces == ["together", "apart", "apart"]


def test_in_step_a_request_waits_for_half_of_the_others_prompts_at_least():
    """Mean of k P over k = 1 ... C; published: 12.3, 18.4 and 30.6 s with 1, 2 and 4 users."""
    alone, two, four = (
        predict(_case(device="amd-mi300x", model="llama-3.1-405b", weights="BF16", engine_version="2024-10",
                      tp=8, isl=10000, osl=120, concurrency=c)).ttft_s.p50
        for c in (1, 2, 4)
    )  # fmt: skip
    assert two / alone == pytest.approx(1.5, rel=0.2)
    assert 2.0 < four / alone < 4.0
