"""PyTorch on the CPU: oneDNN and MKL matmuls, SDPA, and plain tensor operations."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from profiler.backends.backend import Backend, Feature, Prepared, rotating
from profiler.backends.shared import Shared
from profiler.backends.torch_layers import ADVANCING, IN_PLACE, LAYER_FEATURES, LAYERS
from profiler.backends.torch_layers.binding import Binder, Bound, ToTensor
from profiler.backends.torch_layers.window import attention_in_window
from profiler.kernels.attention import is_latent, value_dim
from profiler.kernels.kernel import Arrays, Point
from profiler.kernels.stream import SCALE


class TorchBackend(Backend):
    """What a PyTorch program gets on this CPU."""

    name = "torch"
    modules = ("torch",)
    features = LAYER_FEATURES | frozenset(
        {
            Feature("copy", "fp32"), Feature("triad", "fp32"), Feature("read", "fp32"),
            Feature("gemm", "fp32"), Feature("gemm", "bf16"), Feature("gemm", "int8"),
            Feature("gemm", "fp16"), Feature("gemm", "fp8"),
            Feature("quant_matmul", "int8", "INT8_W8A8"),
            Feature("quant_matmul", "int8", "INT4_G32"), Feature("quant_matmul", "int8", "INT4_G128"),
            Feature("attention_prefill", "fp32"), Feature("attention_prefill", "bf16"),
            Feature("attention_decode", "fp32"), Feature("attention_decode", "bf16"),
            Feature("ssm_state_update", "fp32"),
        }
    )  # fmt: skip

    def start(self, threads: int) -> None:
        """Set the threads of parallel regions."""
        import torch

        torch.set_num_threads(threads)
        torch.set_grad_enabled(False)

    def versions(self) -> Mapping[str, str]:
        """Return torch's version."""
        import torch

        return {"torch": torch.__version__}

    def prepare(self, point: Point, inputs: Arrays, copies: int) -> Prepared:
        """Bind each copy of the inputs to one torch call."""
        bind, in_place = _binder(point), point.kernel in _IN_PLACE
        bound = [bind(point, inputs, _fresh if in_place else _placing(copy)) for copy in range(copies)]

        def output() -> Arrays:
            fresh = bound[-1]
            if in_place or point.kernel in ADVANCING:
                fresh = bind(point, inputs, _fresh if in_place else _placing(copies - 1))
            return {name: _to_numpy(value) for name, value in fresh().items()}

        return Prepared(run=rotating(bound), output=output)


def _binder(point: Point) -> Binder:
    if point.kernel == "attention_prefill" and "window" in point.shape:
        return attention_in_window
    return LAYERS.get(point.kernel) or _BINDERS[point.kernel]


_shared: Shared[Any] = Shared()


def _placing(copy: int) -> ToTensor:
    """Return what lays arrays out for one of the copies that are rotated; other points may read the same."""
    return lambda array, dtype: _shared.get(array, (dtype, copy), lambda: _fresh(array, dtype))


def _fresh(array: Any, dtype: str) -> Any:
    """Copy to a tensor of the dtype; its memory is numpy's, which asks for huge pages."""
    import torch

    kind = {
        "fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16, "int8": torch.int8,
        "fp8": torch.float8_e4m3fn,
    }[dtype]  # fmt: skip
    store = {"fp32": np.float32, "bf16": np.int16, "fp16": np.int16, "int8": np.int8, "fp8": np.int8}[dtype]
    tensor = torch.from_numpy(np.empty(array.shape, store)).view(kind)
    return tensor.copy_(torch.from_numpy(array))


def _to_numpy(value: Any) -> Any:
    import torch

    return value.float().numpy() if value.dtype == torch.bfloat16 else value.numpy()


def _stream(point: Point, inputs: Arrays, tensor: ToTensor) -> Bound:
    import torch

    sources = [tensor(array, "fp32") for array in inputs.values()]
    if point.kernel == "read":
        return lambda: {"sum": torch.sum(sources[0])}
    target = tensor(np.zeros(sources[0].shape, np.float32), "fp32")
    if point.kernel == "copy":
        return lambda: {"target": target.copy_(sources[0])}
    return lambda: {"target": torch.add(sources[0], sources[1], alpha=SCALE, out=target)}


def _gemm(point: Point, inputs: Arrays, tensor: ToTensor) -> Bound:
    import torch

    if point.dtype == "fp8":
        return _gemm_fp8(point, inputs, tensor)
    x, weight = (tensor(inputs[name], point.dtype) for name in ("x", "weight"))
    if point.dtype == "int8":
        return lambda: {"y": torch._int_mm(x, weight.t())}
    return lambda: {"y": torch.nn.functional.linear(x, weight)}


def _gemm_fp8(point: Point, inputs: Arrays, tensor: ToTensor) -> Bound:
    import torch

    # Scaled to the normal numbers of e4m3, which begin at 2^-6.
    scale = np.float32(point.shape["k"] ** 0.5)
    x, weight = tensor(inputs["x"], "fp8"), tensor(inputs["weight"] * scale, "fp8")
    one, inverse = torch.tensor(1.0), torch.tensor(1.0 / scale)
    return lambda: {
        "y": torch._scaled_mm(x, weight.t(), scale_a=one, scale_b=inverse, out_dtype=torch.bfloat16)
    }


def _quant_matmul(point: Point, inputs: Arrays, tensor: ToTensor) -> Bound:
    import torch

    if point.format != "INT8_W8A8":
        return _four_bit(inputs, tensor)
    x, codes = tensor(inputs["x"], "fp32"), tensor(inputs["codes"], "int8")
    scales = tensor(inputs["scales"].reshape(1, -1), "fp32")

    def call() -> Mapping[str, Any]:
        step = x.abs().amax(dim=1, keepdim=True) / 127
        rounded = torch.round(x / step).to(torch.int8)
        return {"y": torch._int_mm(rounded, codes.t()).float().mul_(scales).mul_(step)}

    return call


def _four_bit(inputs: Arrays, tensor: ToTensor) -> Bound:
    """Bind PyTorch's weight-only kernel; only in bfloat16 is it fast."""
    import torch

    codes, scales = inputs["codes"], inputs["scales"]
    group, x = codes.shape[1] // scales.shape[1], tensor(inputs["x"], "fp32")
    whole = _shared.get(codes, ("packed",), lambda: _packed(codes))
    packed = whole.clone()
    by_group = tensor(scales.T, "bf16")
    both = torch.stack([by_group, torch.zeros_like(by_group)], -1).contiguous()
    kernel = torch._weight_int4pack_mm_for_cpu

    def call(_cloned: Any = whole) -> Mapping[str, Any]:  # held for the copies that are yet to come
        return {"y": kernel(x.bfloat16(), packed, group, both).float()}

    return call


def _packed(codes: Any) -> Any:
    import torch

    return torch._convert_weight_to_int4pack_for_cpu(torch.from_numpy(codes.astype(np.int32)), 1)


def _attention_prefill(point: Point, inputs: Arrays, tensor: ToTensor) -> Bound:
    import torch

    q, k, v = (tensor(inputs[name], point.dtype) for name in "qkv")
    attend, grouped = torch.nn.functional.scaled_dot_product_attention, q.shape[1] != k.shape[1]
    return lambda: {"y": attend(q, k, v, is_causal=True, enable_gqa=grouped)}


def _attention_decode(point: Point, inputs: Arrays, tensor: ToTensor) -> Bound:
    import torch

    s = point.shape
    # The queries that share a key head stand as rows of one small matmul: SDPA reads the cache once.
    rows = inputs["q"].reshape(s["batch"], s["kv_heads"], -1, s["head_dim"])
    q, k = (tensor(array, point.dtype) for array in (rows, inputs["k"]))
    v = k[..., : value_dim(point)] if is_latent(point) else tensor(inputs["v"], point.dtype)
    attend = torch.nn.functional.scaled_dot_product_attention
    return lambda: {"y": attend(q, k, v).reshape(s["batch"], s["heads"], -1)}


def _ssm_state_update(point: Point, inputs: Arrays, tensor: ToTensor) -> Bound:
    import torch

    x, delta, b, c, a, d, state = (
        tensor(inputs[name], "fp32") for name in ("x", "delta", "b", "c", "a", "d", "state")
    )

    def call() -> Mapping[str, Any]:
        now, step = x[:, 0], delta[:, 0]
        state.mul_(torch.exp(step.unsqueeze(-1) * a)).add_((step * now).unsqueeze(-1) * b)
        return {"y": (torch.einsum("bdn,bn->bd", state, c[:, 0]) + d * now).unsqueeze(1), "state": state}

    return call


_IN_PLACE = ("ssm_state_update", *IN_PLACE)
"""Kernels that change their inputs."""

_BINDERS: Mapping[str, Binder] = {
    "copy": _stream, "triad": _stream, "read": _stream, "gemm": _gemm, "quant_matmul": _quant_matmul,
    "attention_prefill": _attention_prefill, "attention_decode": _attention_decode,
    "ssm_state_update": _ssm_state_update,
}  # fmt: skip
