"""Matmuls of torch on a device: dense in every number format, W8A8, and one per expert."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from profiler.backends.accelerator.tensors import fp8_dtype, to_fp8
from profiler.backends.torch_layers import experts
from profiler.backends.torch_layers.binding import Bound, ToTensor
from profiler.kernels.kernel import Arrays, Point

LEAST_INT8_ROWS = 32
"""cuBLASLt multiplies no fewer than 17 rows in int8; fewer are padded, as a program would have to."""


def gemm(point: Point, inputs: Arrays, tensor: ToTensor) -> Bound:
    """Bind y = x W^T in the point's number format."""
    import torch

    if point.dtype == "int8":
        rows = point.shape["m"]
        x, weight = tensor(padded(inputs["x"]), "int8"), tensor(inputs["weight"], "int8")
        return lambda: {"y": torch._int_mm(x, weight.t())[:rows]}
    if point.dtype == "fp8":
        return _gemm_fp8(inputs, tensor)
    x, weight = (tensor(inputs[name], point.dtype) for name in ("x", "weight"))
    return lambda: {"y": torch.nn.functional.linear(x, weight)}


def _gemm_fp8(inputs: Arrays, tensor: ToTensor) -> Bound:
    import torch

    wide = [tensor(inputs[name], "fp32") for name in ("x", "weight")]
    (x, x_scale), (weight, weight_scale) = (to_fp8(one, fp8_dtype(one.device)) for one in wide)
    multiply = torch._scaled_mm
    return lambda: {
        "y": multiply(x, weight.t(), scale_a=x_scale, scale_b=weight_scale, out_dtype=torch.bfloat16)
    }


def quant_matmul(point: Point, inputs: Arrays, tensor: ToTensor) -> Bound:
    """Bind INT8_W8A8: activations rounded per row inside the call."""
    import torch

    x, codes = tensor(inputs["x"], "fp32"), tensor(inputs["codes"], "int8")
    scales = tensor(inputs["scales"].reshape(1, -1), "fp32")
    rows = point.shape["m"]
    held = torch.zeros((max(rows, LEAST_INT8_ROWS), x.shape[1]), dtype=torch.int8, device=x.device)

    def call() -> Mapping[str, Any]:
        step = x.abs().amax(dim=1, keepdim=True) / 127
        held[:rows] = torch.round(x / step)
        return {"y": torch._int_mm(held, codes.t())[:rows].float().mul_(scales).mul_(step)}

    return call


def expert_gemm(point: Point, inputs: Arrays, tensor: ToTensor) -> Bound:
    """Bind one grouped matmul over experts where torch has a kernel for it, else one each."""
    import torch

    grouped = getattr(torch, "_grouped_mm", None)
    x, weight = (tensor(inputs[name], point.dtype) for name in ("x", "weight"))
    if grouped is None or point.dtype != "bf16" or x.device.type != "cuda" or torch.version.hip:
        return experts.expert_gemm(point, inputs, tensor)
    offsets = torch.from_numpy(np.cumsum(inputs["rows"]).astype(np.int32)).to(x.device)
    return lambda: {"y": grouped(x, weight.transpose(1, 2), offs=offsets)}


def padded(x: Any) -> Any:
    """Return x with rows of zeros up to `LEAST_INT8_ROWS`."""
    missing = LEAST_INT8_ROWS - len(x)
    return np.pad(x, ((0, missing), (0, 0))) if missing > 0 else x
