"""Who runs kernels; each file is one library, imported only when it is used.

backend           the interface: features, why_not, prepare
numba_cpu         our own compiled kernels (their code is in `compiled`)
torch_cpu         PyTorch
torchao_cpu       torchao's quantized linear layers
onnxruntime_cpu   ONNX Runtime
numpy_cpu         NumPy and its BLAS
tvm_cpu           Apache TVM's compiler, with a schedule of ours
gloo              collectives among processes of this host
llama_cpp         llama.cpp's ggml (its graphs are in `ggml`)
torch_accelerator PyTorch and our own Triton kernels on CUDA, ROCm, XPU and MPS (parts in `accelerator`)
library_accelerator  flash-attn and mamba-ssm on the same devices
"""

from profiler.backends.accelerator.libraries import LIBRARIES
from profiler.backends.accelerator.platform import PLATFORMS
from profiler.backends.backend import Backend
from profiler.backends.gloo import GlooBackend
from profiler.backends.library_accelerator import LibraryAccelerator
from profiler.backends.llama_cpp import LlamaCppBackend
from profiler.backends.numba_cpu import NumbaBackend
from profiler.backends.numpy_cpu import NumpyBackend
from profiler.backends.onnxruntime_cpu import OnnxRuntimeBackend
from profiler.backends.torch_accelerator import TorchAccelerator
from profiler.backends.torch_cpu import TorchBackend
from profiler.backends.torchao_cpu import TorchAoBackend
from profiler.backends.tvm_cpu import TvmBackend
from tonnage.registry import Registry

BACKENDS: Registry[Backend] = Registry("backend", refusal=lambda backend: backend.why_not())
for _backend in (
    NumbaBackend(),
    OnnxRuntimeBackend(),
    TorchBackend(),
    TorchAoBackend(),
    NumpyBackend(),
    TvmBackend(),
    LlamaCppBackend(),
    GlooBackend(),
    *map(TorchAccelerator, PLATFORMS),
    *map(LibraryAccelerator, LIBRARIES),
):
    BACKENDS.add(_backend.name, _backend)

__all__ = ["BACKENDS", "Backend"]
