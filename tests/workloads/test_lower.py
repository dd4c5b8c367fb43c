"""Flop and bytes of whole models against the rules of thumb and hand counts."""

import pytest

from tonnage.errors import InvalidInput
from workloads import formats, models
from workloads.lower import lower
from workloads.ops import Op, OpKind, Shard, Step

DENSE = [
    name
    for name in models.names()
    if not models.get(name).has_experts and models.get(name).family != "zamba2"
]


def _decode(
    name: str, *, context: float = 0.0, batch: float = 1.0, shard: Shard | None = None
) -> tuple[Op, ...]:
    step = Step(decode_sequences=batch, decode_context=context)
    return lower(models.get(name), step, weights=formats.get("BF16"), kv=formats.kv(), shard=shard or Shard())


@pytest.mark.parametrize("name", models.names())
def test_matmul_flop_against_twice_the_active_parameters(name: str) -> None:
    """2 flop per weight that a token meets; looking up embeddings and positions is none."""
    model = models.get(name)
    table = 0 if model.tied else model.embedding_params()
    positions = model.learned_positions * model.hidden
    expected = 2 * (model.active_params() - table - positions)
    flop = sum(op.flop for op in _decode(name) if op.kind in (OpKind.MATMUL, OpKind.EXPERT_MATMUL))
    if model.family == "zamba2":
        assert flop > expected  # shared blocks are stored once and computed at every call
    else:
        assert flop == pytest.approx(expected, rel=0.01)


@pytest.mark.parametrize("name", DENSE)
def test_everything_but_matmuls_is_small_without_context(name: str) -> None:
    ops = _decode(name)
    matmuls = sum(op.flop for op in ops if op.kind is OpKind.MATMUL)
    assert sum(op.flop for op in ops) < 1.1 * matmuls


def test_attention_of_llama_by_hand() -> None:
    (op,) = (op for op in _decode("llama-3.1-8b", context=999.0) if op.kind is OpKind.ATTENTION_DECODE)
    assert op.flop == 32 * 4 * 32 * 128 * 1000
    assert op.cache_bytes == 32 * 2 * 8 * 128 * 2 * 1000
    assert op.calls == 32


def test_absorbed_attention_of_deepseek_by_hand() -> None:
    """Each of 128 heads scores 576 values and mixes 512 per cached token."""
    ops = [op for op in _decode("deepseek-v3", context=999.0) if op.kind is OpKind.ATTENTION_DECODE]
    assert sum(op.flop for op in ops) == 61 * 2 * 128 * (576 + 512) * 1000
    assert sum(op.cache_bytes for op in ops) == 1000 * 70_272


def test_sparse_attention_reads_at_most_its_choice() -> None:
    def read(context: float) -> dict[str, float]:
        found: dict[str, float] = {}
        for op in _decode("deepseek-v3.2", context=context):
            if op.kind is OpKind.ATTENTION_DECODE:
                found[op.name] = found.get(op.name, 0.0) + float(op.cache_bytes)
        return found

    short, long = read(9_999.0), read(99_999.0)
    assert short["attention"] == long["attention"] == 61 * 2048 * 576 * 2
    assert long["indexer.scores"] == 61 * 100_000 * 132


def test_selective_scan_of_mamba_by_hand() -> None:
    step = Step(prefill_sequences=2.0, prefill_tokens=100.0)
    ops = lower(models.get("mamba-130m"), step, weights=formats.get("BF16"), kv=formats.kv())
    (scan,) = (op for op in ops if op.kind is OpKind.SCAN)
    assert scan.flop == 24 * 200 * 1536 * (7 * 16 + 3)
    assert scan.cache_bytes == 2 * 24 * 2 * 1536 * 16 * 4
    (conv,) = (op for op in ops if op.kind is OpKind.CONV1D)
    assert conv.flop == 24 * 200 * 1536 * 4 * 2


def test_logits_are_for_sequences_not_for_tokens() -> None:
    step = Step(prefill_sequences=3.0, prefill_tokens=500.0, decode_sequences=5.0, decode_context=1.0)
    ops = {
        op.name: op
        for op in lower(models.get("llama-2-7b"), step, weights=formats.get("F16"), kv=formats.kv())
    }
    assert ops["lm_head"].rows == 8
    assert ops["attention.qkv"].rows == 1505


def test_messages_of_tensor_parallel_llama_by_hand() -> None:
    """Two sums per layer of tokens x hidden in 16 bit, one of the embedding, and the logits."""
    ops = _decode("llama-3.1-70b", batch=10.0, shard=Shard(tp=8))
    sums = [op for op in ops if op.kind is OpKind.ALL_REDUCE and op.name.endswith(".sum")]
    assert sum(float(op.message_bytes) for op in sums) == (2 * 80 + 1) * 10 * 8192 * 2
    (gather,) = (op for op in ops if op.name == "lm_head.gather")
    assert gather.message_bytes == 10 * 128_256 * 2 / 2
    assert {op.group for op in sums} == {8}


def test_stages_hand_over_the_hidden_state_between_them() -> None:
    (send,) = (
        op for op in _decode("llama-3.1-70b", batch=4.0, shard=Shard(pp=4)) if op.kind is OpKind.SEND_RECV
    )
    assert 4 * send.message_bytes == 3 * 4 * 8192 * 2


def test_experts_by_number_exchange_tokens() -> None:
    shard = Shard(attention_dp=8, moe_ep=8)
    ops = [op for op in _decode("deepseek-v3", batch=64.0, shard=shard) if op.kind is OpKind.ALL_TO_ALL]
    assert [op.name for op in ops] == ["moe.dispatch", "moe.combine"]
    away = 7 * (1 - (7 / 8) ** 8)
    assert ops[0].message_bytes == pytest.approx(58 * 8 * away * 7168 * 2)


def test_a_cut_that_does_not_cover_the_devices_is_refused() -> None:
    with pytest.raises(InvalidInput, match="moe_tp 2 x moe_ep 2"):
        _decode("mixtral-8x7b", shard=Shard(tp=8, moe_tp=2, moe_ep=2))


@pytest.mark.parametrize("field", ["tp", "pp", "attention_dp", "moe_tp", "moe_ep"])
def test_a_cut_into_nothing_is_refused(field: str) -> None:
    with pytest.raises(InvalidInput, match=field):
        Shard(**{field: 0})


def test_dtypes_follow_the_format() -> None:
    step = Step(decode_sequences=1.0, decode_context=1.0)

    def dtypes(weights: str) -> dict[str, str]:
        ops = lower(models.get("gpt-oss-20b"), step, weights=formats.get(weights), kv=formats.kv())
        return {op.name: op.dtype for op in ops}

    fp8, mxfp4, gguf = dtypes("FP8"), dtypes("MXFP4_W4A16"), dtypes("MXFP4")
    assert (fp8["moe.up"], fp8["attention.qkv"], fp8["lm_head"], fp8["attention"]) == (
        "fp8",
        "fp8",
        "bf16",
        "bf16",
    )
    assert (mxfp4["moe.up"], mxfp4["attention.qkv"]) == ("bf16", "bf16")
    assert (gguf["moe.up"], gguf["lm_head"], gguf["moe.router"]) == ("int8", "int8", "fp32")
