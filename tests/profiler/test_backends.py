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
    ],
    "attention_decode": [
        {**ATTENTION, "kv_heads": 8, "context": 64},
        {**ATTENTION, "kv_heads": 2, "context": 320},
        {"batch": 1, "heads": 14, "kv_heads": 2, "head_dim": 128, "context": 192},
    ],
    "ssm_scan": [{"batch": 2, "tokens": 50, "d_inner": 128, "d_state": 16}],
    "ssm_state_update": [
        {"batch": 3, "d_inner": 64, "d_state": 16},
        {"batch": 1, "d_inner": 192, "d_state": 8},
    ],
    "ggml_matmul": [{"m": 1, "n": 64, "k": 256}, {"m": 33, "n": 96, "k": 512}],
    "ggml_attention": [
        {**ATTENTION, "kv_heads": 2, "tokens": 1, "context": 256},
        {**ATTENTION, "kv_heads": 8, "tokens": 40, "context": 512},
        {"batch": 1, "heads": 8, "head_dim": 128, "kv_heads": 2, "tokens": 1, "context": 768},
    ],
    "ggml_layer": [
        {"tokens": 1, "hidden": 256, "ffn": 512, "kv": 64, "head_dim": 64},
        {"tokens": 33, "hidden": 128, "ffn": 256, "kv": 128, "head_dim": 32},
    ],
    "ggml_mamba": [
        {"batch": 3, "tokens": 1, "hidden": 64, "d_inner": 128, "d_state": 16},
        {"batch": 1, "tokens": 20, "hidden": 64, "d_inner": 128, "d_state": 16},
    ],
}  # fmt: skip

CASES = [
    (backend_name, feature, shape)
    for backend_name, backend in BACKENDS
    for feature in sorted(backend.features, key=str)
    for shape in SHAPES[feature.kernel]
]


@pytest.fixture(scope="module")
def started():
    """Return a function that starts a backend once, or skips with its reason."""
    running = {}

    def start(name):
        why = BACKENDS.why_not(name)
        if why is not None:
            pytest.skip(why)
        if name not in running:
            BACKENDS.get(name).start(2)
            running[name] = BACKENDS.get(name)
        return running[name]

    return start


@pytest.mark.parametrize(("name", "feature", "shape"), CASES, ids=lambda value: str(value)[:60])
@pytest.mark.parametrize("copies", [1, 3])
def test_kernel_of_backend_agrees_with_float64(started, name, feature, shape, copies):
    kernel = KERNELS.get(feature.kernel)
    point = Point(kernel=feature.kernel, dtype=feature.dtype, format=feature.format, shape=shape)
    inputs = kernel.inputs(point, np.random.default_rng(1))
    prepared = started(name).prepare(point, inputs, copies)
    for _ in range(copies + 1):
        prepared.run()
    assert kernel.error(point, inputs, prepared.output()) <= kernel.tolerance(point)


@pytest.mark.parametrize("feature", sorted({case[1] for case in CASES}, key=str), ids=str)
def test_error_of_a_wrong_output_is_above_the_tolerance(started, feature):
    kernel = KERNELS.get(feature.kernel)
    shape = SHAPES[feature.kernel][0]
    point = Point(kernel=feature.kernel, dtype=feature.dtype, format=feature.format, shape=shape)
    inputs = kernel.inputs(point, np.random.default_rng(1))
    name = next(name for name, feature_, _ in CASES if feature_ == feature)
    output = started(name).prepare(point, inputs, 1).output()
    wrong = {key: np.asarray(value) * np.float32(1.1) for key, value in output.items()}
    assert kernel.error(point, inputs, wrong) > kernel.tolerance(point)


def test_every_family_of_every_kernel_has_a_backend():
    features = set().union(*(backend.features for _, backend in BACKENDS))
    families = {Feature(*point.family) for _, kernel in KERNELS for point in kernel.points()}
    assert families == features


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
