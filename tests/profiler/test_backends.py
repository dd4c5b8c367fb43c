"""Every kernel of every backend that is installed, on small shapes, against float64."""

import numpy as np
import pytest

from profiler.backends import BACKENDS
from profiler.backends.backend import Feature, rotating
from profiler.kernels import KERNELS
from profiler.kernels.kernel import Point

ATTENTION = {"batch": 2, "heads": 8, "head_dim": 64}
SHAPES = {
    "copy": [{"size_bytes": 65536}],
    "triad": [{"size_bytes": 65536}],
    "read": [{"size_bytes": 65536}],
    "gemm": [{"m": 1, "n": 96, "k": 128}, {"m": 33, "n": 64, "k": 256}],
    "quant_matmul": [{"m": 1, "n": 64, "k": 256}, {"m": 33, "n": 96, "k": 128}],
    "attention_prefill": [
        {**ATTENTION, "kv_heads": 8, "tokens": 65},
        {**ATTENTION, "kv_heads": 2, "tokens": 40},
        {**ATTENTION, "kv_heads": 2, "tokens": 48, "window": 16},
        {**ATTENTION, "kv_heads": 8, "tokens": 40, "value_dim": 32},
    ],
    "attention_decode": [
        {**ATTENTION, "kv_heads": 8, "context": 64},
        {**ATTENTION, "kv_heads": 2, "context": 320},
        {"batch": 1, "heads": 14, "kv_heads": 2, "head_dim": 128, "context": 192},
        {"batch": 2, "heads": 6, "kv_heads": 1, "head_dim": 128, "context": 128},
        {"batch": 1, "heads": 4, "kv_heads": 1, "head_dim": 192, "value_dim": 128, "context": 128},
    ],
    "ssd_scan": [
        {"batch": 2, "tokens": 64, "heads": 3, "head_dim": 64, "d_state": 16},
        {"batch": 1, "tokens": 128, "heads": 2, "head_dim": 64, "d_state": 128},
    ],
    "ssd_state_update": [{"batch": 3, "heads": 2, "head_dim": 64, "d_state": 32}],
    "causal_conv1d": [
        {"batch": 2, "tokens": 9, "channels": 48, "width": 4},
        {"batch": 3, "tokens": 1, "channels": 32, "width": 4},
    ],
    "expert_gemm": [
        {"tokens": 5, "experts": 8, "top_k": 2, "n": 32, "k": 64},
        {"tokens": 1, "experts": 4, "top_k": 1, "n": 16, "k": 32},
    ],
    "moe_routing": [
        {"tokens": 9, "experts": 8, "top_k": 2, "width": 32},
        {"tokens": 1, "experts": 16, "top_k": 4, "width": 16},
    ],
    "rms_norm": [{"tokens": 5, "width": 96}],
    "rotary": [{"tokens": 7, "heads": 3, "head_dim": 32}],
    "softmax": [{"rows": 3, "columns": 100}],
    "embedding": [{"tokens": 6, "vocab": 100, "width": 32}],
    "launch": [{"elements": 5}],
    "cache_read": [{"size_bytes": 8192, "passes": 3}],
    "node_read": [{"size_bytes": 65536, "cpu_node": 0, "memory_node": 0}],
    **{name: [{"ranks": 2, "size_bytes": 4096}] for name in ("all_reduce", "all_gather", "all_to_all")},
    "ssm_scan": [{"batch": 2, "tokens": 50, "d_inner": 128, "d_state": 16}],
    "ssm_state_update": [
        {"batch": 3, "d_inner": 64, "d_state": 16},
        {"batch": 1, "d_inner": 192, "d_state": 8},
    ],
    "ggml_matmul": [{"m": 1, "n": 64, "k": 256}, {"m": 33, "n": 96, "k": 512}],
    "ggml_matvecs": [{"batch": 2, "n": 64, "k": 256}, {"batch": 33, "n": 96, "k": 512}],
    "ggml_attention": [
        {**ATTENTION, "kv_heads": 2, "tokens": 1, "context": 256},
        {**ATTENTION, "kv_heads": 8, "tokens": 40, "context": 512},
        {"batch": 1, "heads": 8, "head_dim": 128, "kv_heads": 2, "tokens": 1, "context": 768},
        {**ATTENTION, "kv_heads": 2, "tokens": 1, "context": 256, "masked": 255},
        {**ATTENTION, "kv_heads": 2, "tokens": 3, "context": 256, "masked": 100},
    ],
    "ggml_layer": [
        {"tokens": 1, "hidden": 256, "ffn": 512, "kv": 64, "head_dim": 64},
        {"tokens": 33, "hidden": 128, "ffn": 256, "kv": 128, "head_dim": 32},
    ],
    "ggml_step": [{"layers": 2}],
    "ggml_mamba": [
        {"batch": 3, "tokens": 1, "hidden": 64, "d_inner": 128, "d_state": 16},
        {"batch": 1, "tokens": 20, "hidden": 64, "d_inner": 128, "d_state": 16},
    ],
}  # fmt: skip


def point_of(feature, shape):
    return Point(kernel=feature.kernel, dtype=feature.dtype, format=feature.format, shape=shape)


CASES = [
    (backend_name, feature, shape)
    for backend_name, backend in BACKENDS
    for feature in sorted(backend.features, key=str)
    for shape in SHAPES.get(feature.kernel, ())
    if backend.device == "cpu" and backend.runs(point_of(feature, shape))
]


@pytest.mark.parametrize(("name", "feature", "shape"), CASES, ids=lambda value: str(value)[:60])
@pytest.mark.parametrize("copies", [1, 3])
def test_kernel_of_backend_agrees_with_float64(started, name, feature, shape, copies):
    kernel = KERNELS.get(feature.kernel)
    point = point_of(feature, shape)
    inputs = kernel.inputs(point, np.random.default_rng(1))
    prepared = started(name).prepare(point, inputs, copies)
    for _ in range(copies + 1):
        prepared.run()
    assert kernel.error(point, inputs, prepared.output()) <= kernel.tolerance(point)


@pytest.mark.parametrize(
    ("name", "kernel", "dtype", "format"),
    [
        ("numpy", "gemm", "fp32", None), ("torch", "gemm", "fp32", None), ("torch", "gemm", "bf16", None),
        ("onnxruntime", "gemm", "fp32", None), ("onnxruntime", "gemm", "int8", None),
        ("onnxruntime", "quant_matmul", "int8", "INT8_W8A8"), ("tvm", "gemm", "fp32", None),
        ("onnxruntime", "quant_matmul", "int8", "INT4_G128"),
        ("torch", "quant_matmul", "int8", "INT4_G128"), ("torch", "quant_matmul", "int8", "INT8_W8A8"),
        ("llama.cpp", "ggml_matmul", "int8", "Q8_0"), ("llama.cpp", "ggml_matmul", "fp16", "F16"),
    ],
)  # fmt: skip
def test_points_of_one_large_matrix_are_right_however_they_share_it(started, name, kernel, dtype, format):
    """Large operands are laid out once: by whoever comes first, with more copies for whoever comes later."""
    backend, kernel = started(name), KERNELS.get(kernel)
    held = []
    for m, copies in ((16, 1), (1, 3), (5, 2)):
        point = Point(kernel=kernel.name, dtype=dtype, format=format, shape={"m": m, "n": 1024, "k": 1024})
        inputs = kernel.inputs(point, np.random.default_rng(0))
        held.append((point, inputs, backend.prepare(point, inputs, copies)))
    for point, inputs, prepared in (*held, *held[::-1]):
        prepared.run()
        assert kernel.error(point, inputs, prepared.output()) <= kernel.tolerance(point)


@pytest.mark.parametrize("feature", sorted({case[1] for case in CASES}, key=str), ids=str)
def test_error_of_a_wrong_output_is_above_the_tolerance(started, feature):
    kernel = KERNELS.get(feature.kernel)
    shape = SHAPES[feature.kernel][0]
    point = point_of(feature, shape)
    inputs = kernel.inputs(point, np.random.default_rng(1))
    name = next(name for name, feature_, _ in CASES if feature_ == feature)
    output = started(name).prepare(point, inputs, 1).output()
    wrong = {key: np.asarray(value) * np.float32(1.1) for key, value in output.items()}
    assert kernel.error(point, inputs, wrong) > kernel.tolerance(point)


ON_DEVICES_ONLY = {"host_to_device", "device_to_host", "device_to_device"}


def test_every_family_of_every_kernel_has_a_backend():
    features = set().union(*(backend.features for _, backend in BACKENDS))
    families = {Feature(*point.family) for _, kernel in KERNELS for point in kernel.points()}
    assert {family for family in families - features if family.kernel not in ON_DEVICES_ONLY} == set()


def test_rotating_calls_each_in_turn():
    seen = []
    run = rotating([lambda: seen.append("a"), lambda: seen.append("b"), lambda: seen.append("c")])
    for _ in range(5):
        run()
    assert seen == ["a", "b", "c", "a", "b"]


def test_a_backend_whose_library_is_missing_says_what_to_install(monkeypatch):
    monkeypatch.setattr("profiler.backends.backend.find_spec", lambda name: None)
    assert BACKENDS.why_not("torch") == "torch not installed: pip install 'tonnage[bench]'"
    assert "onnxruntime and onnx" in BACKENDS.why_not("onnxruntime")
