"""Our Triton kernels, in Triton's interpreter on the CPU: the arithmetic, not the speed.

The interpreter has no bfloat16 matmul, so the 16-bit path is tested with float16.
"""

import os
from importlib.util import find_spec

import numpy as np
import pytest

from profiler.kernels import KERNELS
from profiler.kernels.kernel import Point

if find_spec("triton") is None:
    pytest.skip("triton is not installed", allow_module_level=True)
os.environ.setdefault("TRITON_INTERPRET", "1")  # read when the kernels are defined

from profiler.backends.accelerator import triton_decode, triton_scan
from profiler.backends.accelerator.tensors import placing, to_numpy

HALF_PRECISION = 2e-3
"""Rounding of weights and a mean in 11 bits of mantissa."""


def error(bind, kernel, dtype, shape):
    defined = KERNELS.get(kernel)
    point = Point(kernel=kernel, dtype=dtype, shape=shape)
    inputs = defined.inputs(point, np.random.default_rng(1))
    call = bind(point, inputs, placing("cpu"))
    output = {name: to_numpy(value) for name, value in call().items()}
    return defined.error(point, inputs, output)


@pytest.mark.parametrize("tokens", [1, 50, 150])
def test_scan_over_one_chunk_and_several_agrees_with_float64(tokens):
    shape = {"batch": 2, "tokens": tokens, "d_inner": 48, "d_state": 16}
    assert error(triton_scan.ssm_scan, "ssm_scan", "fp32", shape) < 2e-5


def test_state_update_agrees_with_float64():
    shape = {"batch": 3, "d_inner": 80, "d_state": 8}
    assert error(triton_scan.ssm_state_update, "ssm_state_update", "fp32", shape) < 2e-5


@pytest.mark.parametrize(("dtype", "most"), [("fp32", 1e-5), ("fp16", HALF_PRECISION)])
@pytest.mark.parametrize(
    ("heads", "kv_heads", "head_dim", "context"), [(8, 2, 64, 320), (4, 4, 32, 70), (32, 8, 128, 1000)]
)
def test_decode_attention_agrees_with_float64(dtype, most, heads, kv_heads, head_dim, context):
    shape = {"batch": 2, "heads": heads, "kv_heads": kv_heads, "head_dim": head_dim, "context": context}
    assert error(triton_decode.attention_decode, "attention_decode", dtype, shape) < most


@pytest.mark.parametrize("groups", [1, 8, 300, 5000])
@pytest.mark.parametrize("context", [1, 64, 1000, 65536])
def test_parts_cover_a_context_without_empty_ones(groups, context):
    parts = triton_decode.parts_of(groups, context, units=132)
    steps = -(-context // triton_decode.TOKENS)
    per_part = -(-steps // parts)
    assert 1 <= parts <= steps
    assert (parts - 1) * per_part < steps <= parts * per_part
