"""Matmuls with GGUF weights, laid out anew at load where llama.cpp does so."""

import math

import numpy as np
from numpy.typing import NDArray

from profiler.backends.backend import Prepared
from profiler.backends.ggml.graph import Arena, Tensor
from profiler.backends.ggml.library import packing_buffers, supports
from profiler.backends.ggml.prepared import many_calls
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
    weights = load_weights(arena, point.format or "", inputs["blocks"], n=n, k=k, copies=copies)
    context = arena.context(graphs=2 * copies)
    x = arena.tensor(context, "F32", k, *shape)
    outputs = [arena.lib.ggml_mul_mat(context, weight, x) for weight in weights]
    guess_s = max(inputs["blocks"].nbytes / 3e10, 2.0 * rows * n * k / 5e11)
    prepared = many_calls(arena, context, [[output] for output in outputs], guess_s=guess_s)
    arena.allocate(context)
    arena.write(x, inputs["x"])
    return prepared(lambda: {"y": arena.read(outputs[-1], (rows, n))})


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
