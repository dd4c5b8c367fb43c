"""The check before timing sees what is wrong wherever it is, in no more than a few milliseconds."""

import numpy as np
import pytest

from profiler.backends import BACKENDS
from profiler.kernels import KERNELS
from profiler.kernels.drawn import LARGE, draw, identity
from profiler.kernels.kernel import Point

ATTENTION = {"batch": 1, "heads": 12, "kv_heads": 4, "head_dim": 64}
EXPERTS = {"tokens": 40, "experts": 16, "top_k": 4, "n": 320, "k": 128}

CASES = [
    ("gemm", "fp32", None, {"m": 300, "n": 500, "k": 96}, "y", (0, 1)),
    ("gemm", "bf16", None, {"m": 300, "n": 500, "k": 96}, "y", (0, 1)),
    ("quant_matmul", "int8", "INT8_W8A8", {"m": 300, "n": 512, "k": 128}, "y", (0, 1)),
    ("quant_matmul", "int8", "INT4_G128", {"m": 300, "n": 512, "k": 128}, "y", (0, 1)),
    ("expert_gemm", "bf16", None, EXPERTS, "y", (0, 1)),
    ("attention_decode", "fp32", None, {**ATTENTION, "context": 256}, "y", (1, 2)),
    ("attention_decode", "bf16", None, {**ATTENTION, "context": 256}, "y", (1, 2)),
    ("attention_prefill", "bf16", None, {**ATTENTION, "tokens": 64}, "y", (1, 3)),
    ("rms_norm", "fp32", None, {"tokens": 700, "width": 256}, "y", (0, 1)),
    ("softmax", "fp32", None, {"rows": 500, "columns": 256}, "y", (0, 1)),
    ("rotary", "fp32", None, {"tokens": 500, "heads": 4, "head_dim": 64}, "y", (0, 1)),
    ("causal_conv1d", "fp32", None, {"batch": 1, "tokens": 64, "channels": 512, "width": 4}, "y", (2,)),
    ("embedding", "bf16", None, {"tokens": 300, "vocab": 4000, "width": 64}, "y", (0, 1)),
    ("moe_routing", "fp32", None, {"tokens": 200, "experts": 8, "top_k": 2, "width": 64}, "gathered", (0,)),
    ("ggml_matmul", "int8", "Q8_0", {"m": 64, "n": 512, "k": 256}, "y", (0, 1)),
    ("ggml_matmul", "int8", "Q4_K", {"m": 64, "n": 512, "k": 256}, "y", (0, 1)),
]
"""Kernel, format, shape, output, and the axes along which slices of it are broken."""


@pytest.fixture(scope="module")
def outputs(started):
    """Return a function that gives inputs and a right output of a point, from the first backend there is."""
    found = {}

    def get(point):
        if point.key not in found:
            here = [(name, one) for name, one in BACKENDS if one.device == "cpu" and not one.why_not()]
            able = [name for name, one in here if one.runs(point)]
            if not able:
                pytest.skip(f"nothing here runs {point.key}")
            backend = started(able[0])
            inputs = KERNELS.get(point.kernel).inputs(point, np.random.default_rng(1))
            found[point.key] = inputs, dict(backend.prepare(point, inputs, 1).output())
        return found[point.key]

    return get


BREAKS = {
    "zeroed": lambda right, other: right * 0,
    "taken from elsewhere": lambda right, other: other,
    "of the other sign": lambda right, other: -right,
}


@pytest.mark.parametrize("how", BREAKS)
@pytest.mark.parametrize("case", CASES, ids=lambda case: "-".join(str(word) for word in case[:3]))
@pytest.mark.parametrize("seed", range(3))
def test_a_few_wrong_rows_columns_or_heads_anywhere_are_seen(outputs, case, how, seed):
    name, dtype, stored, shape, output, axes = case
    point, kernel = Point(kernel=name, dtype=dtype, format=stored, shape=shape), KERNELS.get(name)
    inputs, right = outputs(point)
    assert kernel.error(point, inputs, right) <= kernel.tolerance(point)
    for axis in axes:
        whole = np.array(right[output])
        size = whole.shape[axis]
        # One in thirty, never the first or the last.
        at = np.random.default_rng(seed).choice(np.arange(1, size - 1), max(size // 30, 1), replace=False)
        part = (slice(None),) * axis
        whole[(*part, at)] = BREAKS[how](whole[(*part, at)], whole[(*part, (at + size // 2) % size)])
        assert kernel.error(point, inputs, {**right, output: whole}) > kernel.tolerance(point), axis


def test_a_large_drawn_array_takes_a_fraction_of_its_size_and_has_normal_rows_that_differ():
    drawn = draw(np.random.default_rng(0), (3, 5000, 700))
    first, last = np.lib.array_utils.byte_bounds(drawn)
    assert last - first < drawn.nbytes / 20
    assert abs(drawn[1].mean()) < 0.02
    assert abs(drawn[1].std() - 1) < 0.02
    rows = np.concatenate([drawn[0], drawn[1]])
    assert len(np.unique(rows[:, :2], axis=0)) == len(rows)
    assert not np.array_equal(drawn[0, 1], drawn[1, 1])


def test_arrays_have_one_identity_exactly_if_their_numbers_are_equal():
    def drawn(seed, shape, scale=1.0):
        return draw(np.random.default_rng(seed), shape, scale=scale)

    large = (LARGE // 512, 512)
    first = identity(drawn(0, large))
    assert first is not None
    assert identity(drawn(0, large)) == first
    assert np.array_equal(drawn(0, large), drawn(0, large))
    for other in (drawn(1, large), drawn(0, large, 0.5), drawn(0, (large[0], 513)), drawn(0, large)[1:]):
        assert identity(other) != first
    assert identity(drawn(0, (4, 4))) is None


def test_an_identity_is_never_given_again(monkeypatch):
    monkeypatch.setattr("profiler.kernels.drawn._KEPT", 2)
    seen = [identity(draw(np.random.default_rng(seed), (LARGE, 2))) for seed in range(6)]
    assert len(set(seen)) == 6
    assert None not in seen
