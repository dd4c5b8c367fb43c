"""Attention of torch on a device: SDPA, which picks flash, memory-efficient or plain kernels itself."""

from profiler.backends.torch_layers.binding import Bound, ToTensor
from profiler.backends.torch_layers.window import attention_in_window
from profiler.kernels.attention import is_latent, value_dim
from profiler.kernels.kernel import Arrays, Point


def prefill(point: Point, inputs: Arrays, tensor: ToTensor) -> Bound:
    """Bind causal attention of a prompt with itself, within a window where the point has one."""
    import torch

    if "window" in point.shape:
        return attention_in_window(point, inputs, tensor)
    q, k, v = (tensor(inputs[name], point.dtype) for name in "qkv")
    attend, grouped = torch.nn.functional.scaled_dot_product_attention, q.shape[1] != k.shape[1]
    return lambda: {"y": attend(q, k, v, is_causal=True, enable_gqa=grouped)}


def decode(point: Point, inputs: Arrays, tensor: ToTensor) -> Bound:
    """Bind one token per sequence against its cache."""
    import torch

    s = point.shape
    # The queries that share a key head stand as rows of one small matmul: the cache is read once.
    rows = inputs["q"].reshape(s["batch"], s["kv_heads"], -1, s["head_dim"])
    q, k = tensor(rows, point.dtype), tensor(inputs["k"], point.dtype)
    v = k[..., : value_dim(point)] if is_latent(point) else tensor(inputs["v"], point.dtype)
    attend = torch.nn.functional.scaled_dot_product_attention
    return lambda: {"y": attend(q, k, v).reshape(s["batch"], s["heads"], -1)}
