"""Attention over a cache laid out as llama.cpp's: all key heads of a token together."""

import numpy as np
from numpy.typing import NDArray

from profiler.backends.backend import Prepared
from profiler.backends.ggml.graph import Arena, Tensor
from profiler.backends.ggml.prepared import many_calls
from profiler.kernels.ggml_attention import past_of
from profiler.kernels.kernel import Arrays, Point


def prepare(point: Point, inputs: Arrays, copies: int, threads: int) -> Prepared:
    """Bind one FLASH_ATTN_EXT per copy of the cache."""
    s = point.shape
    arena = Arena(threads)
    held = arena.context()
    caches = [
        tuple(arena.tensor(held, "F16", s["head_dim"], s["kv_heads"], s["context"], s["batch"]) for _ in "kv")
        for _ in range(copies)
    ]
    arena.allocate(held)
    context = arena.context(graphs=copies)
    q = arena.tensor(context, "F32", s["head_dim"], s["heads"], s["tokens"], s["batch"])
    mask = arena.tensor(context, "F16", s["context"], s["tokens"], 1, s["batch"])
    outputs = [_attend(arena, context, q, k, v, mask, s["head_dim"]) for k, v in caches]
    flop = 4.0 * s["batch"] * s["tokens"] * s["context"] * s["heads"] * s["head_dim"]
    prepared = many_calls(arena, context, [[output] for output in outputs], guess_s=flop / 5e10)
    arena.allocate(context)
    arena.write(q, inputs["q"])
    arena.write(mask, _causal(s["batch"], s["tokens"], s["context"], past=past_of(point)))
    keys, values = (np.ascontiguousarray(inputs[name]) for name in ("k", "v"))
    for k, v in caches:
        arena.write(k, keys)
        arena.write(v, values)
    return prepared(
        lambda: {"y": arena.read(outputs[-1], (s["batch"], s["tokens"], s["heads"], s["head_dim"]))}
    )


def _attend(
    arena: Arena, context: int, q: Tensor, k: Tensor, v: Tensor, mask: Tensor, head_dim: int
) -> Tensor:
    lib = arena.lib
    q, k, v = (lib.ggml_permute(context, one, 0, 2, 1, 3) for one in (q, k, v))
    return int(lib.ggml_flash_attn_ext(context, q, k, v, mask, head_dim**-0.5, 0.0, 0.0))


def _causal(batch: int, tokens: int, context: int, *, past: int) -> NDArray[np.float16]:
    """Return 0 where query i sees key j, minus infinity where it does not."""
    seen = np.arange(context)[None, :] <= past + np.arange(tokens)[:, None]
    mask = np.where(seen, np.float16(0), np.float16(-np.inf))
    return np.broadcast_to(mask, (batch, 1, tokens, context)).astype(np.float16)
