"""What is measured: kernels with exact work and a reference, no backend in sight.

kernel           the interface: points, work, inputs, error
stream           copy, triad, read of memory
cache_read       the same memory again and again, by working set
node_read        memory of one NUMA node read from another
gemm             dense matmul, fp32, bf16, fp16, fp8, int8; one row is a GEMV, the widest a language head
quant_matmul     int8 and 4-bit weights
attention        prefill and decode: MHA, GQA, MQA, MLA, sliding window
selective_scan   Mamba-1 scan and state update
ssd              Mamba-2 scan and state update
causal_conv1d    the short convolution before a recurrence
moe              routing, and the grouped matmul of experts
rms_norm         with its residual
rotary           position embedding
softmax          of logits and router scores
embedding        rows of a large table
launch           a call that has nothing to do
transfer         host to device and back, device to device
collective       all-reduce, all-gather, all-to-all
ggml_matmul      GGUF weights as llama.cpp multiplies them
ggml_matvecs     the same for sequences that stand side by side
ggml_attention   over a cache of its layout
ggml_layer       what is left of a transformer layer in its graph
ggml_mamba       what is left of a Mamba layer
ggml_step        a step of a model too small to matter
"""

from profiler.kernels.attention import AttentionDecode, AttentionPrefill
from profiler.kernels.cache_read import CacheRead
from profiler.kernels.causal_conv1d import CausalConv1d
from profiler.kernels.collective import AllGather, AllReduce, AllToAll
from profiler.kernels.embedding import Embedding
from profiler.kernels.gemm import Gemm
from profiler.kernels.ggml_attention import GgmlAttention
from profiler.kernels.ggml_layer import GgmlLayer
from profiler.kernels.ggml_mamba import GgmlMamba
from profiler.kernels.ggml_matmul import GgmlMatmul
from profiler.kernels.ggml_matvecs import GgmlMatvecs
from profiler.kernels.ggml_step import GgmlStep
from profiler.kernels.kernel import Kernel
from profiler.kernels.launch import Launch
from profiler.kernels.moe import ExpertGemm, MoeRouting
from profiler.kernels.node_read import NodeRead
from profiler.kernels.quant_matmul import QuantMatmul
from profiler.kernels.rms_norm import RmsNorm
from profiler.kernels.rotary import Rotary
from profiler.kernels.selective_scan import SsmScan, SsmStateUpdate
from profiler.kernels.softmax import Softmax
from profiler.kernels.ssd import SsdScan, SsdStateUpdate
from profiler.kernels.stream import Copy, Read, Triad
from profiler.kernels.transfer import DeviceToDevice, DeviceToHost, HostToDevice
from tonnage.registry import Registry

KERNELS: Registry[Kernel] = Registry("kernel")
for _kernel in (
    Read(), Copy(), Triad(), Gemm(), QuantMatmul(), AttentionPrefill(), AttentionDecode(), SsmScan(),
    SsmStateUpdate(), SsdScan(), SsdStateUpdate(), CausalConv1d(), ExpertGemm(), MoeRouting(), RmsNorm(),
    Rotary(), Softmax(), Embedding(), Launch(), CacheRead(), NodeRead(), HostToDevice(), DeviceToHost(),
    DeviceToDevice(), AllReduce(), AllGather(), AllToAll(),
    GgmlMatmul(), GgmlMatvecs(), GgmlAttention(), GgmlLayer(), GgmlMamba(), GgmlStep(),
):  # fmt: skip
    KERNELS.add(_kernel.name, _kernel)

__all__ = ["KERNELS", "Kernel"]
