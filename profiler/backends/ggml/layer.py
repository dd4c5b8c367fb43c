"""What is left of a layer beside matmuls and attention: the same nodes, in llama.cpp's order."""

from collections.abc import Mapping

import numpy as np

from profiler.backends.backend import Prepared
from profiler.backends.ggml.graph import Arena, Tensor
from profiler.backends.ggml.prepared import many_calls
from profiler.kernels.ggml_layer import EPSILON, ROTARY_BASE
from profiler.kernels.ggml_mamba import CONV
from profiler.kernels.kernel import Arrays, Point

_TOKENS_KEPT = 512


def prepare_transformer(point: Point, inputs: Arrays, copies: int, threads: int) -> Prepared:
    """Bind norms, rotary, cache writes, gate and residuals, once per copy."""
    s = point.shape
    tokens = s["tokens"]
    arena = Arena(threads)
    context = arena.context(graphs=copies)
    position = arena.tensor(context, "I32", tokens)
    slots = arena.tensor(context, "I64", tokens)
    layers = []
    written = []
    for _ in range(copies):
        tensors = {name: arena.tensor(context, "F32", *array.shape[::-1]) for name, array in inputs.items()}
        caches = [arena.tensor(context, "F16", s["kv"], _TOKENS_KEPT) for _ in "kv"]
        layers.append(_transformer(arena, context, tensors, caches, position=position, slots=slots, s=s))
        written.append(tensors)
    prepared = many_calls(arena, context, [list(layer.values()) for layer in layers], guess_s=6e-6 * tokens)
    arena.allocate(context)
    arena.write(position, np.arange(tokens, dtype=np.int32))
    arena.write(slots, np.arange(tokens, dtype=np.int64))
    _fill(arena, written, inputs)

    def read() -> Arrays:
        shapes = {
            "normed": "h", "rotated": "q", "normed2": "h", "gated": "gate", "out": "h",
        }  # fmt: skip
        found = {name: arena.read(layers[-1][name], inputs[like].shape) for name, like in shapes.items()}
        for name in ("keys", "values"):
            found[name] = arena.read(layers[-1][name], (_TOKENS_KEPT, s["kv"]), "F16")[:tokens]
        return found

    return prepared(read)


def _transformer(
    arena: Arena,
    context: int,
    x: Mapping[str, Tensor],
    caches: list[Tensor],
    *,
    position: Tensor,
    slots: Tensor,
    s: Mapping[str, int],
) -> dict[str, Tensor]:
    lib = arena.lib

    def rotate(name: str, width: int) -> Tensor:
        heads = lib.ggml_reshape_4d(context, x[name], s["head_dim"], width // s["head_dim"], s["tokens"], 1)
        ends = (ROTARY_BASE, 1.0, 0.0, 1.0, 32.0, 1.0)
        return int(lib.ggml_rope_ext(context, heads, position, None, s["head_dim"], 0, 0, *ends))

    def norm(of: Tensor, weight: Tensor) -> Tensor:
        return int(lib.ggml_mul(context, lib.ggml_rms_norm(context, of, EPSILON), weight))

    normed = norm(x["h"], x["norm"])
    rotated = rotate("q", s["hidden"])
    flat = lib.ggml_reshape_4d(context, rotate("k", s["kv"]), s["kv"], s["tokens"], 1, 1)
    keys = lib.ggml_set_rows(context, caches[0], flat, slots)
    values = lib.ggml_set_rows(context, caches[1], x["v"], slots)
    residual = lib.ggml_add(context, x["mixed"], x["h"])
    normed2 = norm(residual, x["norm2"])
    gated = lib.ggml_swiglu_split(context, x["gate"], x["up"])
    out = lib.ggml_add(context, x["down"], residual)
    return {
        "normed": normed, "rotated": rotated, "keys": keys, "values": values, "normed2": normed2,
        "gated": gated, "out": out,
    }  # fmt: skip


def prepare_mamba(point: Point, inputs: Arrays, copies: int, threads: int) -> Prepared:
    """Bind norm, convolution, scan, gate and the writing of states, once per copy."""
    s = point.shape
    batch, tokens, width, states = s["batch"], s["tokens"], s["d_inner"], s["d_state"]
    arena = Arena(threads)
    context = arena.context(graphs=copies)
    ids = arena.tensor(context, "I32", batch)
    # One matmul makes both, so that their rows lie twice as far apart.
    both = np.concatenate([inputs["x"], inputs["z"]], axis=-1)
    stored = {"xz": both} | {name: array for name, array in inputs.items() if name not in ("x", "z")}
    layers = []
    written = []
    guess_s = 3e-8 * batch * tokens * width
    for _ in range(copies):
        tensors = {name: arena.tensor(context, "F32", *array.shape[::-1]) for name, array in stored.items()}
        layers.append(_mamba(arena, context, tensors, ids, s))
        written.append(tensors)
    prepared = many_calls(arena, context, [list(layer.values()) for layer in layers], guess_s=guess_s)
    arena.allocate(context)
    arena.write(ids, np.arange(batch, dtype=np.int32))
    _fill(arena, written, stored)

    def output() -> Arrays:
        last = layers[-1]
        return {
            "normed": arena.read(last["normed"], inputs["h"].shape),
            "y": arena.read(last["y"], (batch, tokens, width)),
            "state": arena.read(last["state"], (batch, width, states)),
        }

    def fresh() -> None:
        _fill(arena, written, stored)

    ready = prepared(output)

    def checked() -> Arrays:
        fresh()
        return ready.output()

    return Prepared(run=ready.run, output=checked, calls=ready.calls)


def _fill(arena: Arena, layers: list[dict[str, Tensor]], inputs: Arrays) -> None:
    for tensors in layers:
        for name, array in inputs.items():
            arena.write(tensors[name], array)


def _mamba(
    arena: Arena, context: int, x: Mapping[str, Tensor], ids: Tensor, s: Mapping[str, int]
) -> dict[str, Tensor]:
    lib = arena.lib
    batch, tokens, width, states = s["batch"], s["tokens"], s["d_inner"], s["d_state"]
    pair = 8 * width
    halves = [
        lib.ggml_view_4d(
            context, x["xz"], width, tokens, batch, 1, pair, pair * tokens, pair * tokens * batch, place
        )
        for place in (0, 4 * width)
    ]
    norm = lib.ggml_mul(context, lib.ggml_rms_norm(context, x["h"], EPSILON), x["norm"])
    flat = lib.ggml_reshape_4d(context, x["conv_state"], (CONV - 1) * width, batch, 1, 1)
    kept = lib.ggml_reshape_4d(context, lib.ggml_get_rows(context, flat, ids), CONV - 1, width, batch, 1)
    seen = lib.ggml_concat(context, kept, lib.ggml_transpose(context, halves[0]), 0)
    row = 4 * (CONV - 1 + tokens)
    last = lib.ggml_view_4d(
        context, seen, CONV - 1, width, batch, 1, row, row * width, row * width * batch, 4 * tokens
    )
    conv_state = lib.ggml_cpy(context, last, x["conv_state"])
    u = lib.ggml_silu(context, lib.ggml_add(context, lib.ggml_ssm_conv(context, seen, x["conv"]), x["bias"]))
    step = lib.ggml_add(context, lib.ggml_cont(context, x["delta"]), x["bias"])
    channels = lib.ggml_reshape_4d(context, u, 1, width, tokens, batch)
    b, c = (lib.ggml_reshape_4d(context, x[name], states, 1, tokens, batch) for name in "bc")
    state = lib.ggml_reshape_4d(context, x["state"], states, 1, width, batch)
    scanned = lib.ggml_ssm_scan(context, state, channels, step, x["a"], b, c, ids, 1)
    line = 4 * width
    y = lib.ggml_view_4d(
        context, scanned, width, tokens, batch, 1, line, line * tokens, line * tokens * batch, 0
    )
    after = 4 * width * tokens * batch
    size = 4 * states * width * batch
    new = lib.ggml_view_4d(context, scanned, states * width * batch, 1, 1, 1, size, size, size, after)
    whole = lib.ggml_reshape_4d(context, x["state"], states * width * batch, 1, 1, 1)
    new_state = lib.ggml_cpy(context, new, whole)
    skipped = lib.ggml_add(context, y, lib.ggml_mul(context, u, x["d"]))
    gated = lib.ggml_swiglu_split(context, lib.ggml_cont(context, halves[1]), skipped)
    return {
        "conv_state": conv_state, "state": new_state, "y": gated,
        "normed": lib.ggml_add(context, norm, x["h"]),
    }  # fmt: skip
