"""A mixture of experts: choosing, gathering and summing back, and one matmul per touched expert."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from profiler.backends.torch_layers.binding import Bound, ToTensor
from profiler.kernels.kernel import Arrays, Point


def moe_routing(point: Point, inputs: Arrays, tensor: ToTensor) -> Bound:
    """Bind softmax, top k, a stable sort by expert, the gather and the weighted sum."""
    import torch

    scores, x = tensor(inputs["scores"], "fp32"), tensor(inputs["x"], "fp32")
    top_k = point.shape["top_k"]

    def call() -> Mapping[str, Any]:
        weights, experts = torch.topk(torch.softmax(scores, dim=1), top_k, dim=1)
        order = torch.argsort(experts.reshape(-1), stable=True)
        token = order // top_k
        gathered = x[token]
        weighted = gathered * weights.reshape(-1)[order].unsqueeze(1)
        return {"gathered": gathered, "y": torch.zeros_like(x).index_add_(0, token, weighted)}

    return call


def expert_gemm(point: Point, inputs: Arrays, tensor: ToTensor) -> Bound:
    """Bind one matmul per expert that has rows; the others are not laid out."""
    import torch

    x, ends = tensor(inputs["x"], point.dtype), np.cumsum(inputs["rows"])
    parts = [
        (tensor(inputs["weight"][expert], point.dtype), int(ends[expert] - inputs["rows"][expert]),
         int(ends[expert]))
        for expert in np.flatnonzero(inputs["rows"])
    ]  # fmt: skip
    y = x.new_empty((x.shape[0], point.shape["n"]))

    def call() -> Mapping[str, Any]:
        for weight, first, last in parts:
            torch.mm(x[first:last], weight.t(), out=y[first:last])
        return {"y": y}

    return call
