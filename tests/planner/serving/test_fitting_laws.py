"""Which measured law times which work: its own kernel, else the nearest, never an emulated format alone."""

import pytest

from planner.laws.cost_model import Law
from planner.serving.step.ideal import fitting_laws
from planner.serving.step.work import Term
from tonnage.evidence import Evidence
from workloads.ops import OpKind


def law(kernel, dtype="fp32", *, peak=1e9, backend="torch"):
    return Law(
        kernel=kernel, backend=backend, dtype=dtype, overhead_s=1e-6, peak_flop_per_s=peak,
        bandwidth_bytes_per_s=1e10, sigma_log=0.1, n_shapes=3, evidence=Evidence.FITTED,
    )  # fmt: skip


def chosen(kind, dtype, laws, weight_format=None):
    return [(one.kernel, one.dtype) for one in fitting_laws(Term(kind, dtype, weight_format), laws)]


@pytest.mark.parametrize(
    ("kind", "kernel"),
    [
        (OpKind.ROUTING, "moe_routing"), (OpKind.CONV1D, "causal_conv1d"), (OpKind.ELEMENTWISE, "rms_norm"),
        (OpKind.EMBEDDING, "embedding"),
    ],
)  # fmt: skip
def test_small_work_goes_by_its_own_kernel_and_by_memory_where_that_was_not_measured(kind, kernel):
    moves = [law("triad", peak=None), law("read", peak=None)]
    assert chosen(kind, "fp32", [law(kernel), *moves, law("gemm")]) == [(kernel, "fp32")]
    assert chosen(kind, "fp32", [*moves, law("gemm")]) == [("triad", "fp32"), ("read", "fp32")]


def test_experts_go_by_the_grouped_matmul_and_else_by_the_dense_one():
    laws = [law("gemm", "bf16"), law("expert_gemm", "bf16")]
    assert chosen(OpKind.EXPERT_MATMUL, "bf16", laws, "BF16") == [("expert_gemm", "bf16")]
    assert chosen(OpKind.EXPERT_MATMUL, "bf16", laws[:1], "BF16") == [("gemm", "bf16")]


def test_a_format_that_is_slower_than_float32_may_be_widened():
    laws = [law("gemm", "fp16", peak=3e10), law("gemm", "fp32", peak=4e11), law("gemm", "bf16", peak=8e11)]
    assert chosen(OpKind.MATMUL, "fp16", laws, "F16") == [("gemm", "fp16"), ("gemm", "fp32")]
    assert chosen(OpKind.MATMUL, "bf16", laws, "BF16") == [("gemm", "bf16")]
    assert chosen(OpKind.MATMUL, "fp32", laws, None) == [("gemm", "fp32")]


def test_kernels_that_stand_for_no_work_are_left_out():
    laws = [law(name) for name in ("launch", "cache_read", "all_reduce", "ssd_scan", "host_to_device")]
    for kind in OpKind:
        assert chosen(kind, "fp32", laws) == []


def test_a_mixer_that_was_not_measured_is_not_timed_as_a_copy():
    assert chosen(OpKind.SCAN, "fp32", [law("copy", peak=None), law("ssd_scan")]) == []
