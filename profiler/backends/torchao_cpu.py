"""torchao on the CPU: its W8A8 tensors under PyTorch's linear, as a program without torch.compile gets them.

Its 4-bit and fp8 tensors refuse processors (0.18), whose 4-bit kernel is PyTorch's own.
"""

import logging
import warnings
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from typing import Any

import numpy as np

from profiler.backends.backend import Backend, Feature, Prepared, rotating
from profiler.kernels.kernel import Arrays, Point


class TorchAoBackend(Backend):
    """Linear layers whose weights torchao has quantized."""

    name = "torchao"
    modules = ("torch", "torchao")
    features = frozenset({Feature("quant_matmul", "int8", "INT8_W8A8")})

    def why_not(self) -> str | None:
        """Return what to install; torchao is an extra of its own."""
        if find_spec("torchao") is None:
            return "torchao not installed: pip install 'tonnage[torchao]'"
        return super().why_not()

    def start(self, threads: int) -> None:
        """Import it without its remarks on accelerators that are not here."""
        import torch

        torch.set_num_threads(threads)
        torch.set_grad_enabled(False)
        logging.disable(logging.WARNING)
        try:
            with warnings.catch_warnings(action="ignore"):
                import torchao.quantization  # noqa: F401
        finally:
            logging.disable(logging.NOTSET)

    def versions(self) -> Mapping[str, str]:
        """Return the versions of torch and torchao."""
        import torch
        import torchao

        return {"torch": torch.__version__, "torchao": torchao.__version__}

    def prepare(self, point: Point, inputs: Arrays, copies: int) -> Prepared:
        """Quantize one layer per copy."""
        bound = [_bind(inputs) for _ in range(copies)]
        return Prepared(run=rotating(bound), output=lambda: {"y": bound[-1]().numpy()})


def _bind(inputs: Arrays) -> Callable[[], Any]:
    """Return a call of one layer; its weight is given dequantized, and comes back as the same codes."""
    import torch
    from torchao.quantization import Int8DynamicActivationInt8WeightConfig, quantize_

    weight = inputs["codes"].astype(np.float32) * inputs["scales"]
    n, k = weight.shape
    layer = torch.nn.Linear(k, n, bias=False)
    layer.weight = torch.nn.Parameter(torch.from_numpy(weight), requires_grad=False)
    model = torch.nn.Sequential(layer)
    quantize_(model, Int8DynamicActivationInt8WeightConfig())
    x = torch.from_numpy(np.ascontiguousarray(inputs["x"]))
    return lambda: model(x)
