"""Drafts, adapters, prefix caches, pruned layers, prefill apart: closed forms and laws of each."""

import json
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.deployment import Case
from planner.prediction import Refusal
from planner.serving import disaggregation, placement, variant
from planner.serving.predict import predict, predict_batch
from planner.serving.variant import Variant
from tonnage.cli import main
from tonnage.errors import InvalidInput
from tonnage.evidence import Evidence
from workloads import footprint, formats, models
from workloads.lowering.adapters import adapter_ops, adapter_params
from workloads.ops import Step
from workloads.prune import one_layer, pruned

BASE = {
    "id": "x", "device": "nvidia-h100-sxm5-80gb", "model": "llama-3.1-70b", "weights": "FP8",
    "engine": "vllm", "tp": 4, "isl": 2048, "osl": 256, "concurrency": 8,
}  # fmt: skip
DRAFT = {"draft_model": "llama-3.2-1b", "draft_tokens": 4}
rates = st.floats(0.0, 0.999)
few = settings(max_examples=8, deadline=None)


def case(**change):
    return Case.parse({**BASE, **change}, where="case")


@given(rates, st.integers(0, 64))
def test_tokens_per_round_are_the_closed_form(rate, drafted):
    found = Variant(draft_tokens=drafted, acceptance=rate).tokens_per_round
    assert found == pytest.approx((1 - rate ** (drafted + 1)) / (1 - rate))


@pytest.mark.parametrize(("rate", "drafted"), [(0.5, 3), (0.8, 5), (0.95, 8)])
def test_tokens_per_round_are_the_mean_of_drawn_rounds(rate, drafted):
    rng = np.random.default_rng(1)
    accepted = rng.random((40_000, drafted)) < rate
    counts = np.cumprod(accepted, axis=1).sum(axis=1) + 1
    expected = Variant(draft_tokens=drafted, acceptance=rate).tokens_per_round
    assert counts.mean() == pytest.approx(expected, abs=4 * counts.std() / 200)


def test_a_draft_of_no_tokens_changes_nothing():
    plain, none = predict_batch([case(), case(**{**DRAFT, "draft_tokens": 0})])
    assert none.tpot_s.p50 == pytest.approx(plain.tpot_s.p50, rel=1e-9)
    assert none.memory_bytes > plain.memory_bytes


@few
@given(st.lists(st.floats(0.0, 1.0), min_size=2, max_size=4), st.integers(1, 8), st.integers(1, 32))
def test_more_accepted_tokens_are_never_slower(found, drafted, users):
    draft = {**DRAFT, "draft_tokens": drafted, "concurrency": users}
    answers = predict_batch([case(**draft, acceptance_rate=rate) for rate in sorted(found)])
    times = [answer.tpot_s.p50 for answer in answers]
    assert all(later <= earlier * (1 + 1e-9) for earlier, later in pairwise(times))


@few
@given(st.integers(1, 8), st.integers(1, 32))
def test_drafts_that_are_never_accepted_only_cost(drafted, users):
    plain, wasted = predict_batch(
        [
            case(concurrency=users),
            case(**{**DRAFT, "draft_tokens": drafted}, acceptance_rate=0.0, concurrency=users),
        ]
    )
    assert wasted.tpot_s.p50 > plain.tpot_s.p50


def test_a_round_takes_no_longer_than_its_tokens_one_by_one():
    plain, perfect = predict_batch([case(concurrency=1), case(**DRAFT, acceptance_rate=1.0, concurrency=1)])
    # Five tokens for one reading of the large model and four of a small one.
    assert 1 / 5 < perfect.tpot_s.p50 / plain.tpot_s.p50 < 1 / 2


def test_an_acceptance_rate_nobody_gave_is_an_assumption():
    given_, assumed = predict_batch([case(**DRAFT, acceptance_rate=0.7), case(**DRAFT)])
    assert assumed.tpot_s == given_.tpot_s
    assert assumed.evidence is Evidence.ASSUMED is not given_.evidence
    assert any("assumed" in note for note in assumed.notes)


@pytest.mark.parametrize("name", ["deepseek-v3", "deepseek-v3-0324", "deepseek-r1", "deepseek-r1-0528"])
def test_a_drafting_layer_that_the_published_count_leaves_out_is_one_layer_and_the_join_before_it(name):
    model = models.get(name)
    ends = 2 * model.vocab * model.hidden + model.norm_width
    layer = one_layer(model).total_params() - ends
    assert model.uncounted_draft_params == pytest.approx(layer + 2 * model.hidden**2, rel=0.015)
    assert model.total_params() == pytest.approx(model.published_params, rel=0.001)


@pytest.mark.parametrize("name", ["glm-4.6", "deepseek-v3"])
def test_own_layers_draft_where_the_model_has_them(name):
    own = {"model": name, "weights": "FP8", "tp": 8, "concurrency": 1}
    plain, mtp = predict_batch(
        [case(**own), case(**own, draft_model="mtp", draft_tokens=1, acceptance_rate=0.85)]
    )
    assert mtp.tpot_s.p50 < plain.tpot_s.p50
    with pytest.raises(InvalidInput, match="MTP"):
        predict(case(draft_model="mtp"))


@given(st.integers(1, 128), st.integers(1, 64))
def test_adapters_hold_the_parameters_of_their_two_matrices(rank, adapters):
    model = models.get("llama-2-7b")
    # q, k, v in one of 4096 -> 12288, out 4096 -> 4096, gate and up 4096 -> 22016, down 11008 -> 4096.
    widths = (4096 + 12288) + (4096 + 4096) + (4096 + 22016) + (11008 + 4096)
    assert adapter_params(model, rank) == 32 * rank * widths
    ops = list(adapter_ops(model, Step(decode_sequences=8.0), rank=rank, adapters=adapters))
    assert sum(op.flop for op in ops) == pytest.approx(2 * 8 * adapter_params(model, rank))
    assert sum(op.weight_bytes for op in ops) == pytest.approx(
        2 * min(adapters, 8) * adapter_params(model, rank)
    )


@few
@given(st.integers(1, 16), st.integers(1, 8), st.integers(1, 64))
def test_adapters_take_time_and_memory_and_more_of_them_more(rank, adapters, users):
    base = {"concurrency": users}
    plain, some, many = predict_batch(
        [case(**base), case(**base, lora_rank=rank, lora_adapters=adapters),
         case(**base, lora_rank=2 * rank, lora_adapters=2 * adapters)]
    )  # fmt: skip
    assert plain.tpot_s.p50 < some.tpot_s.p50 <= many.tpot_s.p50
    assert plain.memory_bytes < some.memory_bytes < many.memory_bytes


@few
@given(st.floats(0.0, 1.0), st.floats(0.0, 1.0), st.integers(64, 16384))
def test_a_fuller_prefix_cache_starts_sooner_and_decodes_alike(a, b, isl):
    low, high = sorted((a, b))
    lone = {"isl": isl, "concurrency": 1}
    less, more = predict_batch([case(**lone, prefix_cache_hit=low), case(**lone, prefix_cache_hit=high)])
    assert more.ttft_s.p50 <= less.ttft_s.p50 * (1 + 1e-9)
    # The tokens in the cache are the same, whoever computed them.
    assert more.tpot_s.p50 == pytest.approx(less.tpot_s.p50, rel=1e-9)
    assert more.memory_bytes == pytest.approx(less.memory_bytes, rel=1e-6)


def test_a_prefix_hit_is_the_same_as_context_before_a_shorter_prompt():
    hit, context = predict_batch([case(isl=4096, prefix_cache_hit=0.75), case(isl=1024, context=3072)])
    assert hit.ttft_s == context.ttft_s
    assert hit.tpot_s == context.tpot_s


def test_a_shared_prefix_is_stored_once():
    alone, shared = predict_batch(
        [case(prefix_cache_hit=0.5), case(prefix_cache_hit=0.5, prefix_shared=True)]
    )
    one = footprint.cache_bytes(
        models.get("llama-3.1-70b"),
        formats.kv(),
        placement.place(case()).cut.shard,
        tokens=1024.0,
        sequences=1.0,
    )
    assert alone.memory_bytes - shared.memory_bytes == pytest.approx(7 * one)


@given(
    st.sampled_from(["llama-3.1-8b", "jamba-1.5-mini", "gemma-3-27b", "deepseek-v3", "zamba2-7b"]),
    st.floats(0, 0.95),
)
def test_pruning_takes_whole_layers_and_keeps_the_rest(name, fraction):
    if name not in models.names():
        return
    whole = models.get(name)
    left = pruned(whole, fraction)
    assert left.layers == max(1, round(whole.layers * (1 - fraction)))
    assert left.hidden == whole.hidden
    assert left.total_params() <= whole.total_params()
    assert len(left.blocks) <= len(whole.blocks)


@few
@given(st.floats(0.0, 0.9), st.floats(0.0, 0.9))
def test_fewer_layers_are_never_slower_or_larger(a, b):
    low, high = sorted((a, b))
    more, fewer = predict_batch([case(pruned_layers_frac=low), case(pruned_layers_frac=high)])
    assert fewer.tpot_s.p50 <= more.tpot_s.p50 * (1 + 1e-9)
    assert fewer.memory_bytes <= more.memory_bytes * (1 + 1e-9)


def test_half_the_layers_take_half_the_memory_of_layers():
    whole, half = predict_batch([case(), case(pruned_layers_frac=0.5)])
    assert whole.memory_bytes / half.memory_bytes == pytest.approx(2.0, rel=0.2)
    assert any("quality" in note for note in half.notes)


def test_moving_a_cache_takes_its_bytes_over_the_link():
    one = placement.place(case(tp=1, model="llama-3.1-8b"))
    # 32 layers x 2 x 8 heads x 128 values x 2 bytes a token.
    size = 32 * 2 * 8 * 128 * 2 * 1000
    over = disaggregation.link("infiniband-ndr")
    assert disaggregation.transfer_s(one, 1000.0, over) == pytest.approx(size / (0.8 * 50e9))
    split = placement.place(case(tp=4, model="llama-3.1-8b"))
    assert disaggregation.transfer_s(split, 1000.0, over) == pytest.approx(size / 4 / (0.8 * 50e9))


@few
@given(st.integers(1, 64), st.integers(256, 8192), st.integers(2, 512))
def test_prefill_apart_never_slows_a_token_and_slower_links_never_start_sooner(users, isl, osl):
    load = {"concurrency": users, "isl": isl, "osl": osl}
    links = ("nvlink4", "infiniband-ndr", "ethernet-100g", "ethernet-10g")
    together, *apart = predict_batch([case(**load), *(case(**load, disaggregated=name) for name in links)])
    for answer in apart:
        assert answer.tpot_s.p50 <= together.tpot_s.p50 * (1 + 1e-9)
    starts = [answer.ttft_s.p50 for answer in apart]
    assert starts == sorted(starts)


@few
@given(st.integers(1, 256), st.integers(1, 4))
def test_no_more_prompts_pass_than_prefill_instances_can_take(users, instances):
    load = {"concurrency": users, "isl": 8192, "osl": 16, "disaggregated": "nvlink4"}
    fewer, more = predict_batch(
        [case(**load, prefill_instances=instances), case(**load, prefill_instances=2 * instances)]
    )
    lone = predict(case(**{**load, "concurrency": 1}))
    assert fewer.requests_per_s.p50 <= instances / (0.5 * lone.ttft_s.p50)
    assert more.requests_per_s.p50 >= fewer.requests_per_s.p50 * (1 - 1e-9)


def test_an_open_load_works_with_prefill_apart():
    answer = predict(case(load="open", requests_per_s=0.5, disaggregated="infiniband-ndr"))
    assert answer.requests_per_s.p50 == pytest.approx(0.5, rel=1e-3)
    assert answer.power_w is None


@pytest.mark.parametrize(
    "change",
    [
        {"disaggregated": "carrier-pigeon"},
        {"draft_model": "llama-9"},
        {**DRAFT, "draft_weights": "Q99"},
        {"acceptance_rate": 0.8},
        {"draft_tokens": 4},
        {"prefill_instances": 2},
        {"anchor": "missing.json"},
    ],
)
def test_what_cannot_be_refuses_its_own_line(change):
    good, bad = predict_batch([case(), case(**change)])
    assert not isinstance(good, Refusal)
    assert isinstance(bad, Refusal)


@pytest.mark.parametrize(
    "change",
    [{"acceptance_rate": 1.5}, {"prefix_cache_hit": -0.1}, {"pruned_layers_frac": 1.0}, {"lora_rank": -1}],
)
def test_impossible_shares_are_refused(change):
    with pytest.raises(InvalidInput, match=next(iter(change))):
        case(**change)


def test_variants_do_not_mix_with_plain_cases_of_a_batch():
    cases = [
        case(),
        case(**DRAFT),
        case(lora_rank=8),
        case(pruned_layers_frac=0.3),
        case(prefix_cache_hit=0.5),
    ]
    together = predict_batch(cases)
    for one, answer in zip(cases, together, strict=True):
        assert predict(one).tpot_s == answer.tpot_s
    assert variant.of(case()) is variant.PLAIN


def test_the_command_takes_them_all(capsys):
    flags = {
        "device": BASE["device"], "model": BASE["model"], "weights": "FP8", "tp": 4, "engine": "vllm",
        "draft-model": "llama-3.2-1b", "draft-tokens": 3, "acceptance-rate": 0.8, "lora-rank": 16,
        "lora-adapters": 4, "prefix-cache-hit": 0.5, "pruned-layers": 0.1, "disaggregated": "infiniband-ndr",
        "prefill-instances": 2,
    }  # fmt: skip
    words = [
        "predict",
        "--json",
        *(str(word) for name, value in flags.items() for word in (f"--{name}", value)),
    ]
    assert main(words) == 0
    shown = json.loads(capsys.readouterr().out)
    told = {"draft_model": "llama-3.2-1b", "draft_tokens": 3, "acceptance_rate": 0.8, "lora_rank": 16,
            "lora_adapters": 4, "prefix_cache_hit": 0.5, "pruned_layers_frac": 0.1, "isl": 1024,
            "disaggregated": "infiniband-ndr", "prefill_instances": 2, "concurrency": 1}  # fmt: skip
    assert shown["tpot_s"]["p50"] == predict(case(**told)).tpot_s.p50
