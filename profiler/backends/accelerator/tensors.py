"""Arrays on the device in a number format, and back."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from profiler.backends.torch_layers.binding import ToTensor

FP8_LARGEST = {"float8_e4m3fn": 448.0, "float8_e4m3fnuz": 240.0}
"""Largest numbers of the OCP format and of that of MI300 (AMD, "FP8 numbers", ROCm documentation)."""


def placing(device: str) -> ToTensor:
    """Return what copies arrays to a device in a number format."""
    import torch

    kinds = {
        "fp32": torch.float32,
        "tf32": torch.float32,
        "bf16": torch.bfloat16,
        "fp16": torch.float16,
        "int8": torch.int8,
    }

    def tensor(array: Any, dtype: str) -> Any:
        return torch.from_numpy(np.ascontiguousarray(array)).to(device=device, dtype=kinds[dtype], copy=True)

    return tensor


def fp8_dtype(device: Any) -> Any:
    """Return the 8-bit float that the device multiplies: MI300 has one of its own."""
    import torch

    if device.type == "cuda" and torch.version.hip:
        name = str(torch.cuda.get_device_properties(device).gcnArchName)
        if name.startswith("gfx94"):
            return torch.float8_e4m3fnuz
    return torch.float8_e4m3fn


def to_fp8(tensor: Any, kind: Any) -> tuple[Any, Any]:
    """Return a tensor in 8 bits with one scale: its largest magnitude becomes the format's largest."""
    largest = FP8_LARGEST[str(kind).removeprefix("torch.")]
    scale = (tensor.abs().amax() / largest).float()
    return (tensor / scale).clamp(-largest, largest).to(kind), scale


def to_numpy(value: Any) -> NDArray[Any]:
    """Return a tensor as an array on the host; 16-bit floats become float32."""
    import torch

    wide = value.float() if value.dtype in (torch.bfloat16, torch.float16) else value
    array: NDArray[Any] = wide.cpu().numpy()
    return array
