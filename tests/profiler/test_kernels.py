"""Work against formulas written out by hand, and references that catch wrong answers."""

import numpy as np
import pytest

from profiler.backends import BACKENDS
from profiler.kernels import KERNELS
from profiler.kernels.drawn import draw
from profiler.kernels.kernel import Point, relative_error, spots
from tonnage.errors import UnknownName


def work(kernel, dtype, format=None, **shape):
    found = KERNELS.get(kernel).work(Point(kernel=kernel, dtype=dtype, format=format, shape=shape))
    return found.flop, found.bytes


@pytest.mark.parametrize(
    ("kernel", "dtype", "format", "shape", "flop", "size"),
    [
        ("copy", "fp32", None, {"size_bytes": 4000}, 0, 8000),
        ("triad", "fp32", None, {"size_bytes": 4000}, 2 * 1000, 12000),
        ("read", "fp32", None, {"size_bytes": 4000}, 1000, 4000),
        ("gemm", "fp32", None, {"m": 2, "n": 3, "k": 5}, 60, 4 * (10 + 15 + 6)),
        ("gemm", "bf16", None, {"m": 2, "n": 3, "k": 5}, 60, 2 * (10 + 15 + 6)),
        ("gemm", "int8", None, {"m": 2, "n": 3, "k": 5}, 60, 10 + 15 + 4 * 6),
        # 4-bit codes, a float32 scale per 32 or 128 weights, float32 activations
        ("quant_matmul", "int8", "INT4_G32", {"m": 1, "n": 8, "k": 64}, 1024, 256 + 64 + 4 * 72),
        ("quant_matmul", "int8", "INT4_G128", {"m": 1, "n": 8, "k": 128}, 2048, 512 + 32 + 4 * 136),
        ("quant_matmul", "int8", "INT8_W8A8", {"m": 1, "n": 8, "k": 64}, 1024, 512 + 32 + 4 * 72),
        # two heads of width 4 over three tokens: 6 causal pairs of 4 x 4 flop per head
        (
            "attention_prefill", "fp32", None,
            {"batch": 1, "heads": 2, "kv_heads": 1, "head_dim": 4, "tokens": 3},
            2 * 6 * 16, 4 * 3 * 4 * (2 + 1 + 1 + 2),
        ),
        (
            "attention_decode", "bf16", None,
            {"batch": 3, "heads": 2, "kv_heads": 1, "head_dim": 4, "context": 10},
            3 * 10 * 2 * 16, 2 * (3 * 10 * 4 * 2) + 2 * 4 * (3 * 2 * 4),
        ),
        # per token and channel 7 flop per state and 3 more
        (
            "ssm_scan", "fp32", None, {"batch": 1, "tokens": 5, "d_inner": 6, "d_state": 2},
            5 * 6 * (7 * 2 + 3), 4 * (5 * (3 * 6 + 2 * 2) + 2 * 6 * 2 + 6 * 2 + 6),
        ),
        # 65 tokens, each sees at most 4: 1 + 2 + 3 + 62 x 4 pairs, keys 6 and values 2 wide
        (
            "attention_prefill", "bf16", None,
            {"batch": 1, "heads": 2, "kv_heads": 1, "head_dim": 6, "value_dim": 2, "tokens": 65, "window": 4},
            2 * 2 * (6 + 2) * 254, 2 * 65 * (2 + 1) * (6 + 2),
        ),
        # one latent per token, of which the values are a part: it is read once
        (
            "attention_decode", "bf16", None,
            {"batch": 1, "heads": 3, "kv_heads": 1, "head_dim": 6, "value_dim": 4, "context": 10},
            2 * 10 * 3 * (6 + 4), 2 * 10 * 6 + 4 * 3 * (6 + 4),
        ),
        ("gemm", "fp8", None, {"m": 2, "n": 3, "k": 5}, 60, 10 + 15 + 2 * 6),
        # per token and channel 5 flop per state and 3 more
        (
            "ssd_scan", "fp32", None, {"batch": 2, "tokens": 5, "heads": 3, "head_dim": 4, "d_state": 2},
            2 * 5 * 12 * (5 * 2 + 3), 4 * (2 * (5 * (2 * 12 + 2 * 2 + 3) + 2 * 12 * 2) + 2 * 3),
        ),
        (
            "ssd_state_update", "fp32", None, {"batch": 4, "heads": 3, "head_dim": 4, "d_state": 2},
            4 * 12 * 13, 4 * (4 * ((2 * 12 + 2 * 2 + 3) + 2 * 12 * 2) + 2 * 3),
        ),
        # four taps of 2 flop and SiLU's 4; x, y, three tokens of history in and out, taps and bias
        (
            "causal_conv1d", "fp32", None, {"batch": 2, "tokens": 5, "channels": 6, "width": 4},
            2 * 5 * 6 * (8 + 4), 4 * (2 * 60 + 2 * 2 * 3 * 6 + 5 * 6),
        ),
        ("rms_norm", "bf16", None, {"tokens": 3, "width": 8}, 5 * 24, 2 * (4 * 24 + 8)),
        ("rotary", "fp32", None, {"tokens": 3, "heads": 2, "head_dim": 8}, 3 * 48, 4 * (2 * 48 + 24)),
        ("softmax", "fp32", None, {"rows": 3, "columns": 7}, 63, 4 * 42),
        ("embedding", "bf16", None, {"tokens": 3, "vocab": 100, "width": 8}, 0, 3 * (2 * 2 * 8 + 8)),
        ("launch", "fp32", None, {"elements": 3}, 3, 24),
        ("cache_read", "fp32", None, {"size_bytes": 400, "passes": 7}, 700, 2800),
        ("node_read", "fp32", None, {"size_bytes": 400, "cpu_node": 0, "memory_node": 1}, 100, 400),
        (
            "moe_routing", "fp32", None, {"tokens": 3, "experts": 8, "top_k": 2, "width": 16},
            3 * 24 + 2 * 96, 4 * (24 + 4 * 96),
        ),
        # all four experts are chosen by every token, so all four are touched
        (
            "expert_gemm", "bf16", None, {"tokens": 3, "experts": 4, "top_k": 4, "n": 5, "k": 7},
            2 * 12 * 35, 2 * (4 * 35 + 12 * (5 + 7)),
        ),
        # rings of four: each rank sends its share 2 x 3 and receives as much; gathers bring 3 of 4 parts
        ("all_reduce", "fp32", None, {"ranks": 4, "size_bytes": 400}, 75, 600),
        ("all_gather", "fp32", None, {"ranks": 4, "size_bytes": 400}, 0, 300),
        ("all_to_all", "fp32", None, {"ranks": 4, "size_bytes": 400}, 0, 300),
        ("host_to_device", "fp32", None, {"size_bytes": 400}, 0, 400),
        (
            "ssm_state_update", "fp32", None, {"batch": 4, "d_inner": 6, "d_state": 2},
            4 * 6 * 17, 4 * (4 * (3 * 6 + 2 * 2 + 2 * 6 * 2) + 6 * 2 + 6),
        ),
    ],
)  # fmt: skip
def test_work_against_hand_formula(kernel, dtype, format, shape, flop, size):
    assert work(kernel, dtype, format, **shape) == (flop, size)


CEILINGS = {"triad", "cache_read", "node_read"}
"""Bandwidths of one kind of memory each, no laws over sizes."""
DEPTHS = {"ggml_step"}
"""The cost of a step's own bookkeeping, a line over few and many layers of hardly any work."""


@pytest.mark.parametrize("name", KERNELS.names())
def test_points_of_a_kernel_are_distinct_and_span_small_to_large_work(name):
    kernel = KERNELS.get(name)
    points = kernel.points()
    assert len({point.key for point in points}) == len(points)
    families = {}
    for point in points:
        families.setdefault(point.family, []).append(point)
    for family in families.values():
        rivals = sum(backend.runs(family[0]) for _, backend in BACKENDS)
        assert rivals < 2 or any(point.scout for point in family)
        amounts = [kernel.work(point).bytes + kernel.work(point).flop for point in family]
        assert max(amounts) / min(amounts) > 30 or name in CEILINGS | DEPTHS


COLLECTIVES = {"all_reduce", "all_gather", "all_to_all"}
"""Few runs span processes: theirs come after what every run needs."""


@pytest.mark.parametrize("name", KERNELS.names())
def test_essential_points_alone_tell_overhead_from_rate(name):
    kernel = KERNELS.get(name)
    essential = [point for point in kernel.points() if point.tier == 1]
    amounts = [kernel.work(point).bytes + kernel.work(point).flop for point in essential]
    assert len(essential) >= 2 or name in CEILINGS | COLLECTIVES
    assert not essential or max(amounts) / min(amounts) > 10 or name in CEILINGS | DEPTHS


def test_draw_fills_any_shape_with_normal_numbers_that_differ_between_rows():
    drawn = draw(np.random.default_rng(0), (100, 4096))
    assert abs(drawn.mean()) < 0.02
    assert abs(drawn.std() - 1) < 0.02
    assert not np.array_equal(drawn[0], drawn[16])


def test_spots_hold_both_ends_once():
    assert list(spots(3, 8)) == [0, 1, 2]
    found = spots(1000, 8)
    assert len(set(found)) == 8
    assert {0, 999} <= set(found)


def test_an_output_that_is_not_finite_is_infinitely_wrong():
    assert relative_error(np.array([np.nan]), np.array([1.0])) == np.inf


def test_unknown_kernel_lists_near_names():
    with pytest.raises(UnknownName, match="near names: gemm"):
        KERNELS.get("gem")
