"""What is measured: kernels with exact work and a reference, no backend in sight.

kernel           the interface: points, work, inputs, error
stream           copy, triad, read
gemm             dense matmul, fp32, bf16, int8
quant_matmul     int8 and 4-bit weights
attention        prefill and decode
selective_scan   Mamba-1 scan and state update
ggml_matmul      GGUF weights as llama.cpp multiplies them
ggml_attention   over a cache of its layout
ggml_layer       what is left of a transformer layer in its graph
ggml_mamba       what is left of a Mamba layer
"""

from profiler.kernels.attention import AttentionDecode, AttentionPrefill
from profiler.kernels.gemm import Gemm
from profiler.kernels.ggml_attention import GgmlAttention
from profiler.kernels.ggml_layer import GgmlLayer
from profiler.kernels.ggml_mamba import GgmlMamba
from profiler.kernels.ggml_matmul import GgmlMatmul
from profiler.kernels.kernel import Kernel
from profiler.kernels.quant_matmul import QuantMatmul
from profiler.kernels.selective_scan import SsmScan, SsmStateUpdate
from profiler.kernels.stream import Copy, Read, Triad
from tonnage.registry import Registry

KERNELS: Registry[Kernel] = Registry("kernel")
for _kernel in (
    Read(), Copy(), Triad(), Gemm(), QuantMatmul(), AttentionPrefill(), AttentionDecode(), SsmScan(),
    SsmStateUpdate(),
    GgmlMatmul(), GgmlAttention(), GgmlLayer(), GgmlMamba(),
):  # fmt: skip
    KERNELS.add(_kernel.name, _kernel)

__all__ = ["KERNELS", "Kernel"]
