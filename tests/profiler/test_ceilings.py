"""Ceilings are the best of what was measured, and name it."""

from profiler.ceilings import find_ceilings
from profiler.profile import Ceilings, Measurement
from tonnage.evidence import Quantiles


def measured(kernel, backend, *, dtype="fp32", format=None, shape, flop=0.0, size=0.0, stable=True, slow=1.0):
    """One measurement of a second in the median, and of `slow` seconds at the slow end."""
    times = (1.0, 1.0, slow, slow) if slow > 1 else (1.0,)
    return Measurement(
        kernel=kernel, backend=backend, device="cpu", dtype=dtype, format=format, shape=shape, flop=flop,
        bytes=size, samples_s=times, time_s=Quantiles(p10=1.0, p50=1.0, p90=slow), stable=stable,
    )  # fmt: skip


def test_memory_ceiling_is_the_best_kind_and_each_kind_is_kept():
    found = find_ceilings(
        [
            measured("copy", "torch", shape={"size_bytes": 2**27}, size=30e9),
            measured("copy", "numba", shape={"size_bytes": 2**27}, size=50e9),
            measured("read", "numba", shape={"size_bytes": 2**27}, size=40e9),
        ]
    )
    assert found.memory_bandwidth_bytes_per_s == 50e9
    assert found.bandwidth_bytes_per_s == {"copy": 50e9, "read": 40e9}
    assert found.reached_by["memory"].startswith("numba copy")
    assert found.reached_by["copy"] == found.reached_by["memory"]
    assert found.reached_by["read"].startswith("numba read")


def test_an_array_that_may_sit_in_a_cache_is_no_memory_ceiling():
    found = find_ceilings([measured("read", "numba", shape={"size_bytes": 2**20}, size=400e9)])
    assert found == Ceilings()


def test_peak_per_dtype_names_backend_kernel_and_format():
    shape = {"m": 512, "n": 64, "k": 64}
    found = find_ceilings(
        [
            measured("gemm", "torch", shape=shape, flop=100e9),
            measured("gemm", "onnxruntime", shape=shape, flop=200e9),
            measured("quant_matmul", "torch", dtype="int8", format="INT8_W8A8", shape=shape, flop=800e9),
            measured("attention_prefill", "torch", shape={"tokens": 1}, flop=900e9),
        ]
    )
    assert found.peak_flop_per_s == {"fp32": 200e9, "int8": 800e9}
    assert found.reached_by["fp32"] == "onnxruntime gemm m=512 n=64 k=64"
    assert found.reached_by["int8"] == "torch quant_matmul INT8_W8A8 m=512 n=64 k=64"


def test_an_unsteady_measurement_counts_by_its_slow_end():
    shape = {"size_bytes": 2**27}
    steady = measured("read", "numpy", shape=shape, size=40e9)
    perhaps = measured("read", "torch", shape=shape, size=70e9, stable=False, slow=2.0)
    surely = measured("read", "numba", shape=shape, size=70e9, stable=False, slow=1.4)
    assert find_ceilings([steady, perhaps]).memory_bandwidth_bytes_per_s == 40e9
    assert find_ceilings([steady, perhaps, surely]).reached_by["read"].startswith("numba")
    assert find_ceilings([perhaps]).memory_bandwidth_bytes_per_s == 70e9


def test_a_small_steady_matmul_is_no_ceiling_where_the_large_ones_were_disturbed():
    small, large = {"m": 1, "n": 64, "k": 64}, {"m": 512, "n": 64, "k": 64}
    found = find_ceilings(
        [
            measured("gemm", "torch", shape=small, flop=7e9),
            measured("gemm", "torch", shape=large, flop=150e9),
            measured("gemm", "onnxruntime", shape=large, flop=200e9, stable=False, slow=1.5),
            measured("gemm", "numpy", dtype="bf16", shape=small, flop=5e9),
            measured("gemm", "torch", dtype="bf16", shape=large, flop=300e9, stable=False, slow=3.0),
        ]
    )
    assert found.peak_flop_per_s == {"fp32": 150e9, "bf16": 300e9}


def test_the_best_library_is_named_at_each_number_of_rows():
    one, many = {"m": 1, "n": 64, "k": 64}, {"m": 512, "n": 64, "k": 64}
    found = find_ceilings(
        [
            measured("gemm", "torch", shape=one, flop=10e9),
            measured("gemm", "onnxruntime", shape=one, flop=20e9),
            measured("gemm", "torch", shape=many, flop=300e9),
            measured("gemm", "onnxruntime", shape=many, flop=200e9),
            measured("quant_matmul", "torch", dtype="int8", format="INT8_W8A8", shape=one, flop=30e9),
        ]
    )
    named = {(c.dtype, c.format, c.rows): (c.reached_by.split()[0], c.flop_per_s) for c in found.matmuls}
    assert named == {
        ("fp32", None, 1): ("onnxruntime", 20e9),
        ("fp32", None, 512): ("torch", 300e9),
        ("int8", "INT8_W8A8", 1): ("torch", 30e9),
    }
