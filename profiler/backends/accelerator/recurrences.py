"""One step of Mamba-1 in plain torch, for devices without Triton."""

from collections.abc import Mapping
from typing import Any

from profiler.backends.torch_layers.binding import Bound, ToTensor
from profiler.kernels.kernel import Arrays, Point

NAMES = ("x", "delta", "b", "c", "a", "d", "state")


def ssm_state_update(point: Point, inputs: Arrays, tensor: ToTensor) -> Bound:
    """Bind one step, the state changed in place."""
    import torch

    x, delta, b, c, a, d, state = (tensor(inputs[name], "fp32") for name in NAMES)

    def call() -> Mapping[str, Any]:
        now, step = x[:, 0], delta[:, 0]
        state.mul_(torch.exp(step.unsqueeze(-1) * a)).add_((step * now).unsqueeze(-1) * b)
        return {"y": (torch.einsum("bdn,bn->bd", state, c[:, 0]) + d * now).unsqueeze(1), "state": state}

    return call
