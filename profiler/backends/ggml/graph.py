"""Tensors in buffers of their own, and a graph that computes them, freed together."""

import ctypes
import weakref
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from profiler.backends.ggml.library import TYPES, InitParams, library

Tensor = int
"""A `struct ggml_tensor *`."""
_MOST_TENSORS = 4096
_NUMPY = {"F32": np.float32, "F16": np.float16, "I32": np.int32, "I64": np.int64}


class Arena:
    """Owns contexts and buffers; everything made in it lives until it is collected.

    Parameters
    ----------
    threads : int
        Threads that a graph is computed with.
    """

    def __init__(self, threads: int) -> None:
        self.lib = library()
        self._contexts: list[int] = []
        self._buffers: list[int] = []
        self.backend = cpu_backend()
        self.lib.ggml_backend_cpu_set_n_threads(self.backend, threads)
        self._finalizer = weakref.finalize(self, _free, self._contexts, self._buffers)

    def context(self, *, graphs: int = 0) -> int:
        """Return a context for tensors that are allocated later, with room for so many graphs."""
        size = _MOST_TENSORS * self.lib.ggml_tensor_overhead()
        size += graphs * self.lib.ggml_graph_overhead_custom(_MOST_TENSORS, False)
        made = self.lib.ggml_init(InitParams(mem_size=size, mem_buffer=None, no_alloc=True))
        self._contexts.append(made)
        return int(made)

    def allocate(self, context: int, buffer_type: int | None = None) -> None:
        """Give all tensors of a context memory of one kind, plain by default.

        Raises
        ------
        MemoryError
            If there is not so much.
        """
        kind = buffer_type or self.lib.ggml_backend_cpu_buffer_type()
        buffer = self.lib.ggml_backend_alloc_ctx_tensors_from_buft(context, kind)
        if not buffer:
            raise MemoryError("ggml could not allocate its tensors")
        self._buffers.append(buffer)

    def tensor(self, context: int, kind: str, *sizes: int) -> Tensor:
        """Return a tensor; the first size is the one that lies together in memory."""
        ne = (*sizes, 1, 1, 1)[:4]
        return int(self.lib.ggml_new_tensor_4d(context, TYPES[kind], *ne))

    def graph(self, context: int, outputs: Sequence[Tensor]) -> int:
        """Return the graph that computes `outputs` in this order."""
        made = self.lib.ggml_new_graph_custom(context, _MOST_TENSORS, False)
        for output in outputs:
            self.lib.ggml_build_forward_expand(made, output)
        return int(made)

    def compute(self, graph: int) -> None:
        """Compute a graph.

        Raises
        ------
        RuntimeError
            With ggml's status.
        """
        status = self.lib.ggml_backend_graph_compute(self.backend, graph)
        if status != 0:
            raise RuntimeError(f"ggml could not compute the graph: status {status}")

    def write(self, tensor: Tensor, array: NDArray[Any]) -> None:
        """Fill a tensor with an array of the same bytes.

        Raises
        ------
        ValueError
            If the sizes differ.
        """
        whole = np.ascontiguousarray(array)
        if whole.nbytes != self.lib.ggml_nbytes(tensor):
            raise ValueError(f"{whole.nbytes} bytes for a tensor of {self.lib.ggml_nbytes(tensor)}")
        self.lib.ggml_backend_tensor_set(tensor, whole.ctypes.data_as(ctypes.c_void_p), 0, whole.nbytes)

    def read(self, tensor: Tensor, shape: tuple[int, ...], kind: str = "F32") -> NDArray[Any]:
        """Return a copy of what a tensor holds; the last axis lies together in memory."""
        out = np.empty(shape, _NUMPY[kind])
        self.lib.ggml_backend_tensor_get(tensor, out.ctypes.data_as(ctypes.c_void_p), 0, out.nbytes)
        return out


_BACKEND: list[int] = []


def cpu_backend() -> int:
    """Return the one CPU backend of this process; its workers are those of OpenMP."""
    if not _BACKEND:
        _BACKEND.append(library().ggml_backend_cpu_init())
    return _BACKEND[0]


def _free(contexts: list[int], buffers: list[int]) -> None:
    lib = library()
    for buffer in buffers:
        lib.ggml_backend_buffer_free(buffer)
    for context in contexts:
        lib.ggml_free(context)
