"""Laws that kernels' references and work obey, whatever the shape: causality, splitting, counting."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from profiler.kernels import KERNELS, ssd
from profiler.kernels.attention import causal_pairs
from profiler.kernels.kernel import Point
from profiler.kernels.moe import assignment, rows_of_experts
from profiler.numa import cpu_list, nodes

SSD = {"batch": 1, "tokens": 12, "heads": 2, "head_dim": 4, "d_state": 3}


def point(kernel, dtype="fp32", **shape):
    return Point(kernel=kernel, dtype=dtype, shape=shape)


def ssd_inputs():
    return KERNELS.get("ssd_scan").inputs(point("ssd_scan", **SSD), np.random.default_rng(3))


@given(st.integers(1, 40), st.integers(1, 40))
def test_causal_pairs_against_counting(tokens, window):
    seen = sum(1 for i in range(tokens) for j in range(tokens) if 0 <= i - j < window)
    assert causal_pairs(tokens, window) == seen
    assert causal_pairs(tokens, None) == tokens * (tokens + 1) / 2


def test_a_window_as_long_as_the_prompt_is_no_window():
    kernel = KERNELS.get("attention_prefill")
    shape = {"batch": 1, "heads": 4, "kv_heads": 2, "head_dim": 8, "tokens": 32}
    free, wide = point("attention_prefill", **shape), point("attention_prefill", **shape, window=32)
    assert kernel.work(free) == kernel.work(wide)


@settings(max_examples=10, deadline=None)
@given(st.integers(1, 11))
def test_ssd_of_a_prompt_is_that_of_its_two_parts(cut):
    inputs = ssd_inputs()
    heads = np.arange(2)
    y, state = ssd.reference(inputs, 0, heads)
    halves, before = [], inputs["state"]
    for part in (slice(0, cut), slice(cut, None)):
        cut_up = {name: inputs[name][:, part] for name in ("x", "delta", "b", "c")}
        mixed, after = ssd.reference({**inputs, **cut_up, "state": before}, 0, heads)
        halves.append(mixed)
        before = after[None]
    assert np.allclose(np.concatenate(halves), y, rtol=1e-12)
    assert np.allclose(before[0], state, rtol=1e-12)


def test_ssd_is_causal():
    inputs = ssd_inputs()
    y, _ = ssd.reference(inputs, 0, np.arange(2))
    later = {**inputs, "x": inputs["x"].copy()}
    later["x"][:, 7:] += 1
    changed, _ = ssd.reference(later, 0, np.arange(2))
    assert np.array_equal(changed[:7], y[:7])
    assert not np.allclose(changed[7:], y[7:])


def test_ssd_with_one_channel_per_head_is_a_selective_scan():
    inputs = ssd_inputs()
    y, _ = ssd.reference(inputs, 0, np.arange(2))
    from profiler.kernels import selective_scan

    wide = {
        **inputs,
        "x": inputs["x"].reshape(1, 12, 8),
        "delta": np.repeat(inputs["delta"], 4, axis=2),
        "a": np.repeat(inputs["a"], 4)[:, None].repeat(3, axis=1),
        "d": np.repeat(inputs["d"], 4),
        "state": inputs["state"].reshape(1, 8, 3),
    }
    expected, _ = selective_scan.reference(wide, 0, np.arange(8))
    assert np.allclose(y.reshape(12, 8), expected, rtol=1e-9)


@given(st.integers(1, 60), st.integers(1, 32), st.data())
def test_every_token_chooses_distinct_experts_and_none_is_lost(tokens, experts, data):
    top_k = data.draw(st.integers(1, experts))
    chosen = assignment(tokens, experts, top_k)
    assert all(len(set(row)) == top_k for row in chosen)
    rows = rows_of_experts(point("expert_gemm", tokens=tokens, experts=experts, top_k=top_k))
    assert rows.sum() == tokens * top_k
    assert np.array_equal(assignment(tokens, experts, top_k), chosen)


def test_work_of_expert_matmul_counts_touched_experts_only():
    kernel = KERNELS.get("expert_gemm")
    shape = {"experts": 64, "top_k": 8, "n": 16, "k": 32}
    one, many = (kernel.work(point("expert_gemm", **shape, tokens=t)) for t in (1, 1000))
    assert one.bytes == 4 * (8 * 16 * 32 + 8 * (16 + 32))
    assert many.bytes == 4 * (64 * 16 * 32 + 8000 * (16 + 32))


@pytest.mark.parametrize("name", KERNELS.names())
def test_operands_are_no_smaller_than_what_a_cold_call_roams_over(name):
    kernel = KERNELS.get(name)
    for one in kernel.points():
        work, roamed = kernel.work(one), kernel.roamed_bytes(one)
        assert roamed >= 0
        assert kernel.footprint_bytes(one) > 0
        assert work.flop >= 0
        assert work.bytes > 0


def test_nodes_are_read_as_the_kernel_lists_them(tmp_path, monkeypatch):
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 1, 2, 9}, raising=False)
    for name, text in (("node0", "0-1,8\n"), ("node1", "2-3,9\n"), ("node2", "\n")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "cpulist").write_text(text)
    assert nodes(tmp_path) == {0: (0, 1), 1: (2, 9)}
    assert cpu_list("0-2,8") == (0, 1, 2, 8)
    assert nodes(tmp_path / "nothing") == {}


def test_points_among_nodes_pair_each_with_each(monkeypatch):
    kernel = KERNELS.get("node_read")
    monkeypatch.setattr("profiler.kernels.node_read.nodes", lambda: {0: (0,), 1: (1,)})
    pairs = [(one.shape["cpu_node"], one.shape["memory_node"]) for one in kernel.points()]
    assert sorted(pairs) == [(0, 0), (0, 1), (1, 0), (1, 1)]
    monkeypatch.setattr("profiler.kernels.node_read.nodes", lambda: {0: (0, 1)})
    assert kernel.points() == ()
