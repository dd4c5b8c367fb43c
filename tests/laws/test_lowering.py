"""Laws of lowering: what must hold of the counts whatever the model and the batch."""

from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workloads import footprint, formats, models, reach
from workloads.architecture import Architecture, Block
from workloads.cache import Span
from workloads.feed_forward import Dense, MixtureOfExperts
from workloads.lower import lower
from workloads.lowering.feed_forward import distinct_experts
from workloads.mixers import Attention
from workloads.ops import Op, OpKind, Shard, Step

AMOUNTS = ("flop", "weight_bytes", "activation_bytes", "cache_bytes", "message_bytes")
EVERY_KIND = (
    "llama-3.1-8b", "gemma-3-27b", "gpt-oss-20b", "deepseek-v3.2", "deepseek-v4-flash", "glm-5.2",
    "mixtral-8x7b", "jamba-v0.1", "zamba2-2.7b", "mamba2-1.3b", "rwkv6-7b", "qwen3-next-80b-a3b",
    "kimi-linear-48b-a3b", "minimax-text-01", "falcon-h1-7b", "nemotron-3-super-120b-a12b",
    "llama-4-maverick",
)  # fmt: skip

WINDOWS = st.one_of(
    st.just(Span()),
    st.integers(1, 40).map(lambda n: Span(window=n)),
    st.integers(1, 40).map(lambda n: Span(chunk=n)),
    st.integers(1, 40).map(lambda n: Span(top_k=n)),
    st.tuples(st.integers(2, 9), st.one_of(st.none(), st.integers(1, 9))).map(
        lambda pair: Span(compression=pair[0], top_k=pair[1])
    ),
)


def _lowered(
    model: str | Architecture, step: Step, *, weights: str = "BF16", shard: Shard | None = None
) -> tuple[Op, ...]:
    architecture = models.get(model) if isinstance(model, str) else model
    return lower(architecture, step, weights=formats.get(weights), kv=formats.kv(), shard=shard or Shard())


def _total(ops: tuple[Op, ...], amount: str, *kinds: OpKind) -> float:
    return float(sum(np.sum(getattr(op, amount)) for op in ops if not kinds or op.kind in kinds))


def _toy(layers: int = 1, **attention: int) -> Architecture:
    mixer = Attention(heads=8, kv_heads=4, head_dim=16, **attention)  # type: ignore[arg-type]
    block = Block(count=layers, mixers=(mixer,), feed_forwards=(Dense(width=256),))
    return Architecture(id="toy", name="toy", family="toy", hidden=128, vocab=500, blocks=(block,))


@given(span=WINDOWS, length=st.integers(1, 200))
def test_pairs_are_the_sum_of_what_each_position_attends_to(span: Span, length: int) -> None:
    positions = np.arange(1.0, length + 1)
    assert reach.pairs(span, float(length)) == pytest.approx(np.sum(reach.attended(span, positions)))


@given(span=WINDOWS, length=st.integers(1, 200))
def test_attended_entries_exist(span: Span, length: int) -> None:
    assert reach.attended(span, float(length)) <= max(reach.entries(span, float(length)), 1)


@given(
    new=st.integers(1, 60),
    past=st.integers(0, 60),
    window=st.sampled_from([{}, {"window": 7}, {"window": 64}, {"chunk": 16}]),
)
def test_prefill_attention_is_the_sum_of_its_decodes(new: int, past: int, window: dict[str, int]) -> None:
    model = _toy(**window)
    prefill = Step(prefill_sequences=3.0, prefill_tokens=float(new), prefill_context=float(past))
    decodes = Step(decode_sequences=3.0, decode_context=np.arange(past, past + new, dtype=float))
    together = _total(_lowered(model, prefill), "flop", OpKind.ATTENTION_PREFILL)
    assert together == pytest.approx(_total(_lowered(model, decodes), "flop", OpKind.ATTENTION_DECODE))


@given(first=st.integers(1, 500), second=st.integers(1, 500), name=st.sampled_from(EVERY_KIND))
@settings(max_examples=40, deadline=None)
def test_a_prompt_in_chunks_does_the_same_attention_and_scans(first: int, second: int, name: str) -> None:
    def flop(new: int, past: int) -> float:
        step = Step(prefill_sequences=1.0, prefill_tokens=float(new), prefill_context=float(past))
        return _total(_lowered(name, step), "flop", OpKind.ATTENTION_PREFILL, OpKind.SCAN)

    assert flop(first, 0) + flop(second, first) == pytest.approx(flop(first + second, 0))


@given(layers=st.integers(1, 50), batch=st.integers(1, 64))
def test_counts_are_linear_in_layers(layers: int, batch: int) -> None:
    step = Step(decode_sequences=float(batch), decode_context=100.0)
    none = {"embedding", "final_norm", "lm_head"}
    for amount in AMOUNTS:
        one, many = (
            sum(float(getattr(op, amount)) for op in _lowered(_toy(n), step) if op.name not in none)
            for n in (1, layers)
        )
        assert many == pytest.approx(layers * one)


@given(tp=st.sampled_from([2, 4, 8]), name=st.sampled_from(["llama-3.1-8b", "mixtral-8x7b", "gpt-oss-20b"]))
@settings(max_examples=20, deadline=None)
def test_tensor_parallel_shards_add_up_to_the_whole(tp: int, name: str) -> None:
    step = Step(prefill_sequences=2.0, prefill_tokens=50.0, decode_sequences=9.0, decode_context=700.0)
    split = (OpKind.EXPERT_MATMUL, OpKind.ATTENTION_PREFILL, OpKind.ATTENTION_DECODE)
    whole, part = _lowered(name, step), _lowered(name, step, shard=Shard(tp=tp))
    for amount in ("flop", "weight_bytes", "cache_bytes"):
        assert tp * _total(part, amount, *split) == pytest.approx(_total(whole, amount, *split))
        ours, theirs = (
            sum(
                float(getattr(op, amount))
                for op in ops
                if op.kind is OpKind.MATMUL and op.name != "moe.router"
            )
            for ops in (part, whole)
        )
        assert tp * ours == pytest.approx(theirs)


@given(pp=st.integers(2, 8), name=st.sampled_from(EVERY_KIND))
@settings(max_examples=30, deadline=None)
def test_pipeline_stages_add_up_to_the_whole(pp: int, name: str) -> None:
    step = Step(decode_sequences=5.0, decode_context=300.0)
    whole, stage = _lowered(name, step), _lowered(name, step, shard=Shard(pp=pp))
    for amount in ("flop", "weight_bytes", "cache_bytes"):
        assert pp * _total(stage, amount) == pytest.approx(_total(whole, amount))


@pytest.mark.parametrize("ep", [2, 8, 32])
def test_expert_parallel_ranks_together_touch_what_one_device_would(ep: int) -> None:
    step = Step(decode_sequences=24.0, decode_context=100.0)
    whole = _lowered("deepseek-v3", step)
    for shard in (Shard(tp=ep, moe_ep=ep), Shard(attention_dp=ep, moe_ep=ep)):
        rank = _lowered("deepseek-v3", step, shard=shard)
        for amount in ("flop", "weight_bytes"):
            expected = _total(whole, amount, OpKind.EXPERT_MATMUL)
            assert ep * _total(rank, amount, OpKind.EXPERT_MATMUL) == pytest.approx(expected)


def test_attention_groups_share_the_batch_and_keep_their_weights() -> None:
    step = Step(decode_sequences=64.0, decode_context=1000.0)
    whole = _lowered("deepseek-v3", step)
    group = _lowered("deepseek-v3", step, shard=Shard(attention_dp=8, moe_ep=8))
    assert 8 * _total(group, "cache_bytes") == pytest.approx(_total(whole, "cache_bytes"))
    assert 8 * _total(group, "flop") == pytest.approx(_total(whole, "flop"))
    dense = OpKind.MATMUL
    assert _total(group, "weight_bytes", dense) == pytest.approx(_total(whole, "weight_bytes", dense))


UNCHUNKED = [name for name in EVERY_KIND if name != "llama-4-maverick"]


@given(
    name=st.sampled_from(UNCHUNKED),
    batch=st.integers(1, 500),
    context=st.integers(0, 50_000),
    more=st.integers(1, 1000),
)
@settings(max_examples=60, deadline=None)
def test_counts_never_fall_with_batch_or_context(name: str, batch: int, context: int, more: int) -> None:
    def ops(sequences: int, cached: int) -> tuple[Op, ...]:
        return _lowered(name, Step(decode_sequences=float(sequences), decode_context=float(cached)))

    base, longer, wider = ops(batch, context), ops(batch, context + more), ops(batch + more, context)
    for amount in AMOUNTS:
        assert _total(longer, amount) >= _total(base, amount)
        assert _total(wider, amount) >= _total(base, amount) * (1 - 1e-12)


@given(
    experts=st.integers(1, 512),
    share=st.floats(0.001, 1.0),
    tokens=st.integers(1, 5000),
    more=st.integers(1, 99),
)
def test_distinct_experts_stay_within_what_can_be_touched(
    experts: int, share: float, tokens: int, more: int
) -> None:
    per_token = max(1, round(share * experts))
    touched = float(distinct_experts(experts, per_token, float(tokens)))
    assert per_token * (1 - 1e-9) <= touched <= min(experts, per_token * tokens) * (1 + 1e-9)
    assert distinct_experts(experts, per_token, float(tokens + more)) >= touched


def test_distinct_experts_against_drawing_them() -> None:
    rng = np.random.default_rng(7)
    for experts, per_token, tokens in [(8, 2, 3), (64, 6, 10), (128, 8, 40)]:
        drawn = [
            len({e for _ in range(tokens) for e in rng.choice(experts, per_token, replace=False).tolist()})
            for _ in range(400)
        ]
        sigma = np.std(drawn) / np.sqrt(len(drawn))
        assert abs(np.mean(drawn) - distinct_experts(experts, per_token, float(tokens))) < 4 * sigma


@pytest.mark.parametrize("name", EVERY_KIND)
@pytest.mark.parametrize("shard", [Shard(), Shard(tp=2, pp=2), Shard(attention_dp=2, moe_ep=2)])
def test_an_array_of_steps_is_each_of_them(name: str, shard: Shard) -> None:
    rng = np.random.default_rng(1)
    arrays = {field.name: rng.integers(0, 300, 5).astype(float) for field in fields(Step)}
    together = _lowered(name, Step(**arrays), shard=shard)
    for case in range(5):
        alone = _lowered(name, Step(**{key: float(v[case]) for key, v in arrays.items()}), shard=shard)
        named = {op.name: 0.0 for op in together}
        for amount in AMOUNTS:
            ours = dict.fromkeys(named, 0.0)
            theirs = dict.fromkeys(named, 0.0)
            for op in together:
                ours[op.name] += float(np.broadcast_to(getattr(op, amount), 5)[case])
            for op in alone:
                theirs[op.name] += float(getattr(op, amount))
            assert ours == pytest.approx(theirs)


@pytest.mark.parametrize("name", models.names())
def test_a_step_of_nothing_does_and_moves_nothing(name: str) -> None:
    ops = _lowered(name, Step(), shard=Shard(tp=2))
    assert all(_total(ops, amount) == 0 for amount in AMOUNTS)


@pytest.mark.parametrize("name", models.names())
def test_one_prompt_token_is_one_decoded_token(name: str) -> None:
    """A prompt of one token on a cache does the matmuls of a decoded one."""
    prompt = _lowered(name, Step(prefill_sequences=4.0, prefill_tokens=1.0))
    decode = _lowered(name, Step(decode_sequences=4.0, decode_context=0.0))
    for amount in ("flop", "weight_bytes"):
        matmuls = (OpKind.MATMUL, OpKind.EXPERT_MATMUL, OpKind.CONV1D, OpKind.EMBEDDING)
        assert _total(prompt, amount, *matmuls) == pytest.approx(_total(decode, amount, *matmuls))


@pytest.mark.parametrize("name", models.names())
def test_a_large_batch_reads_every_stored_weight_once(name: str) -> None:
    """Except that shared blocks are read at each call, and tables are gathered from."""
    model, weights = models.get(name), formats.get("BF16")
    ops = _lowered(name, Step(prefill_sequences=1.0, prefill_tokens=1e7))
    read = _total(ops, "weight_bytes", OpKind.MATMUL, OpKind.EXPERT_MATMUL)
    gathered = 0 if model.tied else 2 * model.embedding_params()
    aside = 2 * (model.vision_params + model.learned_positions * model.hidden)
    vectors = 2 * sum(
        block.count * (block.vector_params(model.hidden) + block.norms * model.norm_width)
        for block in model.blocks
    )
    stored = footprint.weight_bytes(model, weights) - gathered - aside - vectors - 2 * model.norm_width
    if model.family == "zamba2":
        assert read > stored
    else:
        assert read == pytest.approx(stored, rel=1e-9)


def test_quantizing_scales_weight_bytes_and_leaves_flop() -> None:
    step = Step(decode_sequences=4.0, decode_context=10.0)
    wide, narrow = _lowered("llama-3.1-8b", step), _lowered("llama-3.1-8b", step, weights="INT4")
    assert _total(wide, "flop") == _total(narrow, "flop")
    for w, n in zip(wide, narrow, strict=True):
        if w.kind is OpKind.MATMUL and w.name != "lm_head":
            assert n.weight_bytes / w.weight_bytes == pytest.approx(formats.get("INT4").bits_per_weight / 16)
            assert n.weight_format == "GPTQ_INT4_G128"


def test_cached_bytes_scale_with_the_cache_format() -> None:
    model, step = models.get("llama-3.1-8b"), Step(decode_sequences=4.0, decode_context=999.0)
    sixteen, eight = (
        lower(model, step, weights=formats.get("BF16"), kv=formats.kv(kv)) for kv in (None, "FP8")
    )
    assert _total(sixteen, "cache_bytes") == 2 * _total(eight, "cache_bytes")


def test_ops_of_a_mixed_step_are_those_of_its_halves() -> None:
    """Only weights are shared between the prompts and the decodes of one step."""
    prompts = Step(prefill_sequences=2.0, prefill_tokens=64.0, prefill_context=32.0)
    decodes = Step(decode_sequences=7.0, decode_context=400.0)
    both = replace(prompts, decode_sequences=7.0, decode_context=400.0)
    for amount in ("flop", "cache_bytes", "activation_bytes"):
        halves = sum(_total(_lowered("llama-3.1-8b", step), amount) for step in (prompts, decodes))
        assert _total(_lowered("llama-3.1-8b", both), amount) == pytest.approx(halves)


def test_experts_of_a_toy_are_counted_by_hand() -> None:
    part = MixtureOfExperts(experts=4, per_token=2, width=32)
    block = Block(count=1, feed_forwards=(part,), norms=1)
    toy = Architecture(id="toy", name="toy", family="toy", hidden=8, vocab=10, blocks=(block,))
    ops = {op.name: op for op in _lowered(toy, Step(decode_sequences=1.0))}
    assert ops["moe.up"].flop == 2 * 2 * 8 * 64
    assert ops["moe.down"].weight_bytes == 2 * 2 * 32 * 8
    assert ops["moe.up"].rows == 2
