"""Calls that move bytes: memory streams, and transfers between host and device or two devices."""

from typing import Any

import numpy as np

from profiler.backends.torch_layers.binding import Bound, ToTensor
from profiler.kernels.kernel import Arrays, Point
from profiler.kernels.stream import SCALE


def stream(point: Point, inputs: Arrays, tensor: ToTensor) -> Bound:
    """Bind copy, triad or read of arrays in device memory."""
    import torch

    sources = [tensor(array, "fp32") for array in inputs.values()]
    if point.kernel == "read":
        return lambda: {"sum": torch.sum(sources[0])}
    target = torch.empty_like(sources[0])
    if point.kernel == "copy":
        return lambda: {"target": target.copy_(sources[0])}
    return lambda: {"target": torch.add(sources[0], sources[1], alpha=SCALE, out=target)}


def transfer(point: Point, inputs: Arrays, tensor: ToTensor) -> Bound:
    """Bind a copy between pinned host memory and the device, or from the device to its neighbour."""
    import torch

    here = tensor(inputs["source"], "fp32")
    if point.kernel == "device_to_device":
        target = torch.empty_like(here, device=neighbour(here.device))
        return lambda: {"target": target.copy_(here, non_blocking=True)}
    host = torch.from_numpy(np.array(inputs["source"], np.float32))
    host = host.pin_memory() if here.device.type != "cpu" else host
    target = torch.empty_like(here if point.kernel == "host_to_device" else host)
    if point.kernel == "host_to_device":
        return lambda: {"target": target.copy_(host, non_blocking=True)}
    target = target.pin_memory() if here.device.type != "cpu" else target
    return lambda: {"target": target.copy_(here, non_blocking=True)}


def neighbour(device: Any) -> Any:
    """Return the second device of a kind, or this one where it is alone."""
    import torch

    count = 1 if device.type == "cpu" else getattr(torch, device.type).device_count()
    return torch.device(device.type, 1) if count > 1 else device
