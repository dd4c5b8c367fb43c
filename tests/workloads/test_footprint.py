"""Sizes against those that vendors and llama.cpp publish."""

import numpy as np
import pytest

from workloads import footprint, formats, models
from workloads.ops import Shard

FILE_BPW = [name for name in formats.names() if (formats.get(name).file_bits_per_weight or 0) > 0]


@pytest.mark.parametrize("name", FILE_BPW)
def test_llama_file_against_the_published_bits_per_weight(name: str) -> None:
    model, found = models.get("llama-3.1-8b"), formats.get(name)
    size = footprint.weight_bytes(model, found)
    assert found.file_bits_per_weight is not None
    assert size == pytest.approx(model.total_params() * found.file_bits_per_weight / 8, rel=1e-3)


@pytest.mark.parametrize(
    ("model", "weights", "published_gib"),
    [
        # Model sizes that llama-bench prints.
        ("llama-2-7b", "Q4_0", 3.56), ("llama-2-7b", "Q8_0", 6.67), ("llama-2-7b", "F16", 12.55),
        ("llama-2-7b", "Q4_K_M", 3.80), ("llama-3.1-8b", "Q4_K_M", 4.58), ("llama-3.1-8b", "Q8_0", 7.95),
        ("llama-3.1-8b", "F16", 14.96), ("gpt-oss-20b", "MXFP4", 11.27), ("gpt-oss-120b", "MXFP4", 59.02),
        ("llama-3-70b", "Q4_K_M", 39.59), ("llama-3-70b", "F16", 131.42), ("qwen3-30b-a3b", "Q8_0", 30.25),
        ("qwen2.5-7b", "Q8_0", 7.54), ("glm-4.7-flash", "Q8_0", 29.65),
        # Checkpoint size in the gpt-oss model card.
        ("gpt-oss-120b", "MXFP4_W4A16", 60.8), ("gpt-oss-20b", "MXFP4_W4A16", 12.8),
    ],
)  # fmt: skip
def test_file_sizes_against_published_ones(model: str, weights: str, published_gib: float) -> None:
    size = footprint.weight_bytes(models.get(model), formats.get(weights))
    assert size / 2**30 == pytest.approx(published_gib, rel=5e-3)


@pytest.mark.parametrize(
    ("model", "kv", "per_token"),
    [
        ("llama-3.1-8b", None, 131_072), ("llama-3.1-8b", "FP8", 65_536), ("llama-3.1-70b", None, 327_680),
        ("llama-2-7b", None, 524_288), ("deepseek-v3", None, 70_272), ("mixtral-8x7b", None, 131_072),
        ("qwen3-next-80b-a3b", None, 24_576), ("mamba-2.8b", None, 0),
    ],
)  # fmt: skip
def test_cache_per_token_against_published(model: str, kv: str | None, per_token: int) -> None:
    def size(tokens: float) -> float:
        return float(footprint.cache_bytes(models.get(model), formats.kv(kv), tokens=tokens, sequences=1.0))

    assert (size(20_000) - size(10_000)) / 10_000 == pytest.approx(per_token)


def test_state_of_mamba_does_not_grow() -> None:
    """64 layers of 5120 channels: 16 FP32 states and 4 16-bit inputs of the convolution each."""
    model = models.get("mamba-2.8b")
    for tokens in (1.0, 1e6):
        size = footprint.cache_bytes(model, formats.kv(), tokens=tokens, sequences=3.0)
        assert size == 3 * 64 * 5120 * (16 * 4 + 4 * 2)


def test_windows_bound_the_cache() -> None:
    model = models.get("gpt-oss-120b")
    long = float(footprint.cache_bytes(model, formats.kv(), tokens=100_000.0, sequences=1.0))
    full_layers = 18 * 2 * 8 * 64 * 2 * 100_000
    assert long == full_layers + 18 * 2 * 8 * 64 * 2 * 128


@pytest.mark.parametrize("name", models.names())
def test_shards_hold_at_least_their_part_of_the_weights(name: str) -> None:
    model, weights = models.get(name), formats.get("BF16")
    whole = footprint.weight_bytes(model, weights)
    for shard in (Shard(tp=2), Shard(tp=8), Shard(pp=4), Shard(attention_dp=8, moe_ep=8)):
        part = footprint.weight_bytes(model, weights, shard)
        assert whole / shard.devices * (1 - 1e-9) <= part <= whole


def test_cache_broadcasts_over_cases() -> None:
    tokens, sequences = np.array([10.0, 5000.0]), np.array([1.0, 64.0])
    model = models.get("gemma-3-27b")
    sizes = footprint.cache_bytes(model, formats.kv(), Shard(tp=2), tokens=tokens, sequences=sequences)
    for case in range(2):
        alone = footprint.cache_bytes(
            model, formats.kv(), Shard(tp=2), tokens=float(tokens[case]), sequences=float(sequences[case])
        )
        assert np.asarray(sizes)[case] == alone


@pytest.mark.parametrize("name", models.names())
def test_activations_grow_with_tokens_and_stay_below_a_copy_per_layer(name: str) -> None:
    model = models.get(name)
    one, many = (footprint.activation_bytes(model, tokens=tokens) for tokens in (1.0, 64.0))
    assert many == 64 * one
    assert one > 2 * model.hidden
