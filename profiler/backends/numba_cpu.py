"""Our own kernels, compiled by numba: memory streams, attention decode, recurrences."""

import ctypes
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from profiler.backends.backend import Backend, Feature, Prepared, rotating
from profiler.backends.numba_memory import prepare_memory
from profiler.backends.numba_sequence import prepare_convolution, prepare_ssd
from profiler.kernels.attention import is_latent
from profiler.kernels.kernel import Arrays, Point
from profiler.kernels.stream import SCALE

Floats = NDArray[np.float32]


class NumbaBackend(Backend):
    """CPU kernels of this package."""

    name = "numba"
    modules = ("numba",)
    features = frozenset(
        {
            Feature("copy", "fp32"), Feature("triad", "fp32"), Feature("read", "fp32"),
            Feature("attention_decode", "fp32"), Feature("attention_decode", "bf16"),
            Feature("ssm_scan", "fp32"), Feature("ssm_state_update", "fp32"),
            Feature("ssd_scan", "fp32"), Feature("ssd_state_update", "fp32"),
            Feature("causal_conv1d", "fp32"), Feature("launch", "fp32"),
            Feature("cache_read", "fp32"), Feature("node_read", "fp32"),
        }
    )  # fmt: skip

    def runs(self, point: Point) -> bool:
        """Tell whether it has a kernel for this point: its cache of keys and values holds both."""
        return super().runs(point) and not is_latent(point)

    def start(self, threads: int) -> None:
        """Set the threads of parallel loops."""
        import numba

        self._threads = min(threads, numba.config.NUMBA_NUM_THREADS)
        numba.set_num_threads(self._threads)
        _forbid_nested_teams()

    def versions(self) -> Mapping[str, str]:
        """Return numba's version."""
        import numba

        return {"numba": numba.__version__}

    def prepare(self, point: Point, inputs: Arrays, copies: int) -> Prepared:
        """Lay out inputs as the compiled kernels want them."""
        if point.kernel in ("cache_read", "launch", "node_read"):
            return prepare_memory(point, inputs, threads=self._threads)
        prepare: Callable[[Point, Arrays, int], Prepared] = {
            "copy": self._stream, "triad": self._stream, "read": self._stream,
            "attention_decode": self._attention_decode,
            "ssm_scan": self._selective_scan, "ssm_state_update": self._selective_scan,
            "ssd_scan": prepare_ssd, "ssd_state_update": prepare_ssd,
            "causal_conv1d": self._convolution,
        }[point.kernel]  # fmt: skip
        return prepare(point, inputs, copies)

    def _stream(self, point: Point, inputs: Arrays, copies: int) -> Prepared:
        from profiler.backends.compiled import stream
        from profiler.backends.compiled.lanes import LANES

        parts = self._threads
        last: dict[str, NDArray[Any]] = {}

        def bind() -> Callable[[], object]:
            sources = [_aligned(array) for array in inputs.values()]
            if point.kernel == "read":
                last["sum"] = sums = np.zeros((parts, LANES), np.float32)
                return lambda: stream.read(sources[0], sums, parts)
            last["target"] = target = _aligned(np.zeros_like(sources[0]))
            if point.kernel == "copy":
                return lambda: stream.copy(target, sources[0], parts)
            return lambda: stream.triad(target, sources[0], sources[1], SCALE, parts)

        calls = [bind() for _ in range(copies)]
        return Prepared(run=rotating(calls), output=lambda: _after(calls, last))

    def _attention_decode(self, point: Point, inputs: Arrays, copies: int) -> Prepared:
        from profiler.backends.compiled import attention_decode as kernels

        s = point.shape
        groups, queries = s["batch"] * s["kv_heads"], s["heads"] // s["kv_heads"]
        scale = float(np.log2(np.e) / np.sqrt(s["head_dim"]))
        q = np.ascontiguousarray(inputs["q"]).reshape(groups, queries, s["head_dim"])
        out = np.zeros(q.shape, np.float32)
        parts = _parts(groups, self._threads, s["context"] // kernels.TOKENS)
        partial = np.zeros((groups, parts, queries, s["head_dim"] + 2), np.float32)
        laid_out = _cache_blocks(inputs["k"], inputs["v"], groups, kernels.TOKENS, point.dtype)
        q = _to_bf16(q) if point.dtype == "bf16" else q

        def bind() -> Callable[[], object]:
            cache = _aligned(laid_out)

            def call() -> None:
                kernels.attend_parts(q, cache, partial, scale)
                kernels.merge(partial, out, scale)

            return call

        calls = [bind() for _ in range(copies)]
        by_name = {"y": out.reshape(s["batch"], s["heads"], s["head_dim"])}
        return Prepared(run=rotating(calls), output=lambda: _after(calls, by_name))

    def _convolution(self, point: Point, inputs: Arrays, copies: int) -> Prepared:
        return prepare_convolution(point, inputs, copies, threads=self._threads)

    def _selective_scan(self, point: Point, inputs: Arrays, copies: int) -> Prepared:
        from profiler.backends.compiled import selective_scan as kernels

        s = point.shape
        blocks = s["d_inner"] // kernels.CHANNELS
        a = (inputs["a"] * np.float32(np.log2(np.e))).reshape(blocks, kernels.CHANNELS, s["d_state"])
        a_log2e = np.ascontiguousarray(a.transpose(0, 2, 1))
        skip = inputs["d"].reshape(blocks, kernels.CHANNELS)
        cut = inputs["state"].reshape(s["batch"], blocks, kernels.CHANNELS, s["d_state"])
        first_state = np.ascontiguousarray(cut.transpose(0, 1, 3, 2))
        last: dict[str, NDArray[Any]] = {}

        def bind() -> Callable[[], object]:
            x, delta = _aligned(inputs["x"]), _aligned(inputs["delta"])
            y, state = _aligned(np.zeros_like(inputs["x"])), _aligned(first_state)
            last.update(y=y, state=state)
            return lambda: kernels.scan(x, delta, inputs["b"], inputs["c"], a_log2e, skip, state, y)

        calls = [bind() for _ in range(copies)]

        def output() -> Arrays:
            last["state"][:] = first_state
            calls[-1]()
            state = last["state"].transpose(0, 1, 3, 2).reshape(s["batch"], s["d_inner"], s["d_state"])
            return {"y": last["y"], "state": state}

        return Prepared(run=rotating(calls), output=output)


def _forbid_nested_teams() -> None:
    """Undo what numba switches on with its threads.

    PyTorch may share the OpenMP library with numba, and its attention calls BLAS inside a
    parallel region: with nested teams allowed that starts threads over threads and takes
    twenty times as long.
    """
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            ctypes.CDLL("libgomp.so.1").omp_set_max_active_levels(1)


def _after(calls: list[Callable[[], object]], last: dict[str, NDArray[Any]]) -> Arrays:
    calls[-1]()
    return last


def _aligned(array: NDArray[Any]) -> NDArray[Any]:
    from profiler.backends.compiled.jit import aligned_copy

    return aligned_copy(array)


def _cache_blocks(k: Floats, v: Floats, groups: int, tokens: int, dtype: str) -> NDArray[Any]:
    """Lay keys and values (batch, kv_heads, context, head_dim) out as `attend_parts` reads them.

    In bfloat16 the values of two rows of a panel stand side by side, as `panel.add_product` takes them:
    of keys a row is an entry of all tokens, of values a token.
    """
    rows, kind = (2, np.uint16) if dtype == "bf16" else (1, np.float32)
    head_dim, columns = k.shape[-1], tokens
    blocks = k.shape[-2] // tokens
    out = np.empty((groups, blocks, 2, head_dim * tokens), kind)
    keys = out[:, :, 0].reshape(groups, blocks, head_dim // rows, tokens, rows)
    values = out[:, :, 1].reshape(groups, blocks, head_dim // columns, tokens // rows, columns, rows)
    for group in range(groups):
        k_of, v_of = (each.reshape(-1, *each.shape[2:])[group] for each in (k, v))
        if dtype == "bf16":
            k_of, v_of = _to_bf16(k_of), _to_bf16(v_of)
        keys[group] = k_of.reshape(blocks, tokens, head_dim // rows, rows).transpose(0, 2, 1, 3)
        cut = v_of.reshape(blocks, tokens // rows, rows, head_dim // columns, columns)
        values[group] = cut.transpose(0, 3, 1, 4, 2)
    return out


def _to_bf16(array: NDArray[np.float32]) -> NDArray[np.uint16]:
    """Round to the nearest bfloat16, ties to even, as its 16 bits."""
    bits = np.ascontiguousarray(array).view(np.uint32)
    return ((bits + np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))) >> np.uint32(16)).astype(
        np.uint16
    )


def _parts(groups: int, threads: int, blocks: int) -> int:
    """Return into how many parts to cut the context so that all threads have the same work."""
    for parts in range(1, threads + 1):
        if groups * parts % threads == 0:
            return min(parts, blocks)
    return 1
