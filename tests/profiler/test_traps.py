"""Traps are named from measurements, and progress tells when the sweep will be through."""

import pytest

from profiler.profile import Measurement
from profiler.progress import left_s
from profiler.statistics import quantiles
from profiler.traps import find_traps


def matmul(dtype, m, gflop_per_s, *, backend="torch", stable=True, n=4096):
    flop = 2.0 * m * n * 4096
    time_s = flop / gflop_per_s / 1e9
    return Measurement(
        kernel="gemm", backend=backend, device="cpu", dtype=dtype, shape={"m": m, "n": n, "k": 4096},
        flop=flop, bytes=1.0, samples_s=(time_s,), time_s=quantiles([time_s]), stable=stable,
    )  # fmt: skip


def test_a_format_that_is_only_emulated_is_named_with_its_share():
    (said,) = find_traps([matmul("fp32", 512, 400), matmul("fp16", 512, 40), matmul("bf16", 512, 800)])
    assert said.startswith("fp16 matmul on torch reaches 0.10 of what fp32 does here")


def test_a_native_format_unsteady_figures_and_single_rows_say_nothing():
    assert find_traps([matmul("fp32", 512, 400), matmul("bf16", 512, 800)]) == ()
    assert find_traps([matmul("fp32", 512, 400), matmul("fp16", 512, 40, stable=False)]) == ()
    assert find_traps([matmul("fp32", 1, 400), matmul("fp16", 1, 40)]) == ()


def test_fewer_rows_that_take_longer_are_named():
    (said,) = find_traps([matmul("int8", 16, 100), matmul("int8", 64, 800)])
    assert "takes longer with 16 rows than with 64" in said
    assert find_traps([matmul("int8", 16, 100), matmul("int8", 64, 300)]) == ()
    assert find_traps([matmul("int8", 16, 100), matmul("int8", 64, 800, n=1024)]) == ()


def test_time_left_is_the_budget_until_there_is_a_pace_then_the_nearer_of_both():
    assert left_s(done=0, total=0, elapsed_s=3.0, budget_s=60.0) == 57.0
    assert left_s(done=10, total=30, elapsed_s=5.0, budget_s=60.0) == pytest.approx(10.0)
    assert left_s(done=10, total=300, elapsed_s=5.0, budget_s=60.0) == 55.0
    assert left_s(done=10, total=300, elapsed_s=65.0, budget_s=60.0) == 0.0
