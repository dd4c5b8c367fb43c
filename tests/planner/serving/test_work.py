"""From operations to seconds: totals are kept, and ideal times are the textbook roofline."""

import numpy as np
import pytest

from planner.serving.coefficients import NAMES, shipped
from planner.serving.step.ideal import ideal
from planner.serving.step.step_time import step_time
from planner.serving.step.target import target
from planner.serving.step.work import COLLECTIVES, StepWork
from workloads import formats, models
from workloads.lower import lower
from workloads.ops import Op, OpKind, Step
from workloads.shard import Shard

ALONE = np.zeros(1, dtype=np.intp)
PERFECT = {name: np.ones(1) if name.endswith("_frac") else np.zeros(1) for name in NAMES}


def ops(model="mixtral-8x7b", weights="BF16", shard=None, **step):
    return lower(
        models.get(model), Step(**step), weights=formats.get(weights), kv=formats.kv(None),
        shard=shard or Shard(),
    )  # fmt: skip


@pytest.mark.parametrize("model", ["llama-3.1-8b", "mixtral-8x7b", "deepseek-r1", "jamba-v0.1", "mamba-2.8b"])
def test_gathering_keeps_every_flop_byte_and_message(model):
    listed = ops(model, shard=Shard(tp=2), decode_sequences=8.0, decode_context=500.0)
    work = StepWork.of(listed)
    local = [op for op in listed if op.kind not in COLLECTIVES]
    for name in ("flop", "bytes", "weight_bytes", "cache_bytes", "calls"):
        expected = sum(np.sum(getattr(op, name)) for op in local)
        assert sum(np.sum(getattr(w, name)) for w in work.terms.values()) == pytest.approx(expected)
    sent = sum(np.sum(op.message_bytes) for op in listed if op.kind in COLLECTIVES)
    assert sum(np.sum(t.message_bytes) for t in work.routes.values()) == pytest.approx(sent)


def test_a_perfect_engine_runs_a_matmul_at_the_roof():
    h100 = target("nvidia-h100-sxm5-80gb")
    memory_bound = Op(kind=OpKind.MATMUL, name="x", weight_bytes=3.35e9, flop=1e9, weight_format="BF16")
    compute_bound = Op(kind=OpKind.MATMUL, name="x", weight_bytes=1e6, flop=9.89e14, weight_format="BF16")
    for op in (memory_bound, compute_bound):
        found = ideal(StepWork.of([op]), [h100], ALONE)
        took = step_time(found, PERFECT).total_s[0]
        assert took == pytest.approx(op.flop / 9.89e14 if op is compute_bound else 1e-3, rel=1e-3)
        assert took >= found.floor_s[0] * (1 - 1e-12)


def test_an_all_reduce_takes_the_ring_s_share_of_the_link():
    h100 = target("nvidia-h100-sxm5-80gb")
    op = Op(kind=OpKind.ALL_REDUCE, name="x", calls=2.0, message_bytes=450e9, group=4)
    found = ideal(StepWork.of([op]), [h100], ALONE)
    assert found.link_s[0] == pytest.approx(2 * 3 / 4)
    assert found.hops[0] == pytest.approx(2 * np.log2(4) / 3)


def test_narrow_weights_are_unpacked_only_where_the_arithmetic_is_wider():
    step = {"decode_sequences": 1.0, "decode_context": 10.0}
    unpacked = {
        (device, weights): ideal(
            StepWork.of(ops("llama-3.1-8b", weights, **step)), [target(device)], ALONE
        ).unpack_s.sum()
        for device in ("nvidia-h100-sxm5-80gb", "nvidia-a100-sxm4-80gb")
        for weights in ("BF16", "FP8", "Q4_K_M")
    }
    assert unpacked["nvidia-h100-sxm5-80gb", "BF16"] == 0
    assert unpacked["nvidia-h100-sxm5-80gb", "FP8"] == 0
    assert unpacked["nvidia-a100-sxm4-80gb", "FP8"] > 0
    assert unpacked["nvidia-h100-sxm5-80gb", "Q4_K_M"] > 0


def test_cases_on_different_targets_cost_what_each_costs_alone():
    names = ("nvidia-h100-sxm5-80gb", "amd-mi300x", "apple-m2-ultra")
    targets = [target(name) for name in names]
    work = StepWork.of(ops(decode_sequences=4.0, decode_context=100.0))
    together = ideal(work, targets, np.array([2, 0, 1, 0]))
    for place, which in enumerate((2, 0, 1, 0)):
        alone = ideal(work, [targets[which]], ALONE)
        assert together.memory_s[:, place] == pytest.approx(alone.memory_s[:, 0])
        assert together.compute_s[:, place] == pytest.approx(alone.compute_s[:, 0])


def test_no_shipped_engine_beats_the_floor():
    file = shipped()
    h100 = target("nvidia-h100-sxm5-80gb")
    found = ideal(StepWork.of(ops(decode_sequences=32.0, decode_context=2000.0)), [h100], ALONE)
    base = {name: np.array([file.base[name]]) for name in NAMES}
    assert step_time(found, base).total_s[0] > found.floor_s[0]
