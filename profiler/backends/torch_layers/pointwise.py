"""What stands between matmuls: norms, positions, softmax, lookups, and nothing at all."""

from collections.abc import Mapping
from itertools import cycle
from typing import Any

from profiler.backends.torch_layers.binding import Bound, ToTensor
from profiler.kernels.kernel import Arrays, Point
from profiler.kernels.rms_norm import EPSILON


def rms_norm(point: Point, inputs: Arrays, tensor: ToTensor) -> Bound:
    """Bind the residual's addition and the norm."""
    import torch

    x, residual, weight = (tensor(inputs[name], point.dtype) for name in ("x", "residual", "weight"))

    def call() -> Mapping[str, Any]:
        whole = x + residual
        return {
            "residual": whole, "y": torch.nn.functional.rms_norm(whole, weight.shape, weight, EPSILON),
        }  # fmt: skip

    return call


def rotary(point: Point, inputs: Arrays, tensor: ToTensor) -> Bound:
    """Bind the rotation of both halves of each head."""
    import torch

    x = tensor(inputs["x"], point.dtype)
    cos, sin = (tensor(inputs[name][:, None, :], point.dtype) for name in ("cos", "sin"))

    def call() -> Mapping[str, Any]:
        a, b = x.chunk(2, dim=-1)
        return {"y": torch.cat((a * cos - b * sin, b * cos + a * sin), dim=-1)}

    return call


def softmax(point: Point, inputs: Arrays, tensor: ToTensor) -> Bound:
    """Bind the softmax of rows."""
    import torch

    x = tensor(inputs["x"], point.dtype)
    return lambda: {"y": torch.softmax(x, dim=1)}


def embedding(point: Point, inputs: Arrays, tensor: ToTensor) -> Bound:
    """Bind the lookup of one draw of ids after the other."""
    import torch

    table = tensor(inputs["table"], point.dtype)
    draws = [torch.from_numpy(ids).to(table.device) for ids in inputs["ids"]]
    following = cycle(draws).__next__
    look_up = torch.nn.functional.embedding

    def call() -> Mapping[str, Any]:
        return {"y": look_up(following(), table)}

    return call


def launch(point: Point, inputs: Arrays, tensor: ToTensor) -> Bound:
    """Bind the addition of one."""
    import torch

    x = tensor(inputs["x"], point.dtype)
    y = torch.empty_like(x)
    return lambda: {"y": torch.add(x, 1.0, out=y)}
