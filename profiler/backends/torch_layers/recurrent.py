"""Mamba-2 in plain tensor operations, and the causal convolution before it."""

from collections.abc import Mapping
from typing import Any

from profiler.backends.torch_layers.binding import Bound, ToTensor
from profiler.kernels.kernel import Arrays, Point

CHUNK = 64
"""Tokens of one chunk: longer ones pay for more pairs, shorter ones for more states."""


def ssd_scan(point: Point, inputs: Arrays, tensor: ToTensor) -> Bound:
    """Bind the chunked scan: matmuls within chunks, a short recurrence between their states.

    T. Dao and A. Gu, "Transformers are SSMs", 2024, section 6.
    """
    x, delta, b, c, a, d, state = (
        tensor(inputs[name], "fp32") for name in ("x", "delta", "b", "c", "a", "d", "state")
    )
    chunk = min(CHUNK, point.shape["tokens"])

    def call() -> Mapping[str, Any]:
        mixed, last = _chunked(x * delta.unsqueeze(-1), delta * a, b, c, state, chunk=chunk)
        return {"y": mixed + d.unsqueeze(-1) * x, "state": last}

    return call


def _chunked(u: Any, log_decay: Any, b: Any, c: Any, state: Any, *, chunk: int) -> tuple[Any, Any]:
    """Return y = C h per token, and the last h.

    u is (batch, tokens, heads, head_dim), log_decay (batch, tokens, heads), b and c (batch, tokens,
    d_state), state (batch, heads, head_dim, d_state); tokens is a multiple of `chunk`.
    """
    import torch

    batch, tokens, heads, _ = u.shape
    cut = (batch, tokens // chunk, chunk)
    u = u.reshape(*cut, heads, -1).transpose(2, 3)  # batch, chunks, heads, chunk, head_dim
    since = log_decay.reshape(*cut, heads).transpose(2, 3).cumsum(-1)
    b, c = b.reshape(*cut, -1), c.reshape(*cut, -1)
    gaps = (since.unsqueeze(-1) - since.unsqueeze(-2)).tril_()
    pairs = torch.matmul(c, b.transpose(-1, -2)).tril_().unsqueeze(2)
    within = torch.matmul(pairs * gaps.exp_(), u)
    to_end = torch.exp(since[..., -1:] - since).unsqueeze(-1)
    gained = torch.matmul((u * to_end).transpose(-1, -2), b.unsqueeze(2))
    kept = torch.exp(since[..., -1])
    before = []
    for index in range(cut[1]):
        before.append(state)
        state = state * kept[:, index, :, None, None] + gained[:, index]
    entering = torch.stack(before, dim=1).transpose(-1, -2)
    across = torch.matmul(c.unsqueeze(2), entering) * since.exp().unsqueeze(-1)
    return (within + across).transpose(2, 3).reshape(batch, tokens, heads, -1), state


def ssd_state_update(point: Point, inputs: Arrays, tensor: ToTensor) -> Bound:
    """Bind one step of the recurrence, the state changed in place."""
    import torch

    x, delta, b, c, a, d, state = (
        tensor(inputs[name], "fp32") for name in ("x", "delta", "b", "c", "a", "d", "state")
    )

    def call() -> Mapping[str, Any]:
        now, step = x[:, 0], delta[:, 0]
        gained = (step.unsqueeze(-1) * now).unsqueeze(-1) * b[:, 0, None, None]
        state.mul_(torch.exp(step * a)[..., None, None]).add_(gained)
        y = torch.matmul(state, c[:, 0, None, :, None]).squeeze(-1) + d.unsqueeze(-1) * now
        return {"y": y.unsqueeze(1), "state": state}

    return call


def causal_conv1d(point: Point, inputs: Arrays, tensor: ToTensor) -> Bound:
    """Bind a depthwise convolution of channels-first data, as the library has it."""
    import numpy as np
    import torch

    whole = np.concatenate([inputs["history"], inputs["x"]], axis=1).transpose(0, 2, 1)
    seen, bias = tensor(whole, "fp32"), tensor(inputs["bias"], "fp32")
    weight = tensor(inputs["weight"].T[:, None, :], "fp32")
    channels, kept = point.shape["channels"], point.shape["width"] - 1

    def call() -> Mapping[str, Any]:
        mixed = torch.nn.functional.conv1d(seen, weight, bias, groups=channels)
        y = torch.nn.functional.silu(mixed)
        return {"y": y.transpose(1, 2), "history": seen[..., -kept:].transpose(1, 2)}

    return call
