"""Matmuls with GGUF weights, laid out anew at load where llama.cpp does so."""

import math
from functools import partial

import numpy as np
from numpy.typing import NDArray

from profiler.backends.backend import Prepared
from profiler.backends.ggml.graph import Arena, Tensor
from profiler.backends.ggml.library import packing_buffers, supports
from profiler.backends.ggml.prepared import many_calls
from profiler.backends.shared import Shared
from profiler.kernels.kernel import Arrays, Point


def prepare(point: Point, inputs: Arrays, copies: int, threads: int) -> Prepared:
    """Bind one matmul per copy of the weights."""
    return _prepare(point, inputs, copies, threads, shape=(point.shape["m"],))


def prepare_sequences(point: Point, inputs: Arrays, copies: int, threads: int) -> Prepared:
    """Bind a row of each sequence times one matrix, per copy of the weights."""
    return _prepare(point, inputs, copies, threads, shape=(1, point.shape["batch"]))


def _prepare(point: Point, inputs: Arrays, copies: int, threads: int, *, shape: tuple[int, ...]) -> Prepared:
    n, k, rows = point.shape["n"], point.shape["k"], math.prod(shape)
    arena = Arena(threads)
    matrix = _shared.get(
        inputs["blocks"], (), lambda: _Matrix(arena, point.format or "", inputs["blocks"], n=n, k=k)
    )
    weights = matrix.copies(copies)
    context = arena.context(graphs=2 * copies)
    x = arena.tensor(context, "F32", k, *shape)
    outputs = [arena.lib.ggml_mul_mat(context, weight, x) for weight in weights]
    guess_s = max(inputs["blocks"].nbytes / 3e10, 2.0 * rows * n * k / 5e11)
    prepared = many_calls(arena, context, [[output] for output in outputs], guess_s=guess_s)
    arena.allocate(context)
    arena.write(x, inputs["x"])

    def read(_held: _Matrix = matrix) -> Arrays:  # its memory lives as long as it does
        return {"y": arena.read(outputs[-1], (rows, n))}

    return prepared(read)


class _Matrix:
    """Copies of one matrix, as many as were ever asked for; points of any number of rows use the same."""

    def __init__(self, arena: Arena, kind: str, blocks: NDArray[np.uint8], *, n: int, k: int) -> None:
        self._load = partial(load_weights, arena, kind, blocks, n=n, k=k)
        self._weights: list[Tensor] = []

    def copies(self, count: int) -> list[Tensor]:
        """Return so many of them."""
        if count > len(self._weights):
            self._weights += self._load(copies=count - len(self._weights))
        return self._weights[:count]


_shared: Shared[_Matrix] = Shared()


def load_weights(
    arena: Arena, kind: str, blocks: NDArray[np.uint8], *, n: int, k: int, copies: int
) -> list[Tensor]:
    """Load copies of a matrix into the first buffer type that multiplies it, as llama.cpp does."""
    for _, buffer_type in packing_buffers():
        context = arena.context()
        weights = [arena.tensor(context, kind, k, n) for _ in range(copies)]
        arena.allocate(context, buffer_type)
        probe = arena.tensor(arena.context(), "F32", k, 1)
        if supports(arena.lib.ggml_mul_mat(arena.context(), weights[0], probe)):
            break
    else:
        context = arena.context()
        weights = [arena.tensor(context, kind, k, n) for _ in range(copies)]
        arena.allocate(context)
    for weight in weights:
        arena.write(weight, blocks)
    return weights
