"""How the compiled Mamba-2 recurrence and causal convolution get their inputs laid out."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from profiler.backends.backend import Prepared, rotating
from profiler.kernels.kernel import Arrays, Point


def prepare_ssd(point: Point, inputs: Arrays, copies: int) -> Prepared:
    """Bind the Mamba-2 scan, or its one-token update, to `copies` of x, delta and state."""
    from profiler.backends.compiled import ssd as kernels
    from profiler.backends.compiled.jit import aligned_copy

    s = point.shape
    a_log2e = (inputs["a"] * np.float32(np.log2(np.e))).astype(np.float32)
    parts = s["head_dim"] // kernels.CHANNELS
    cut = inputs["state"].reshape(s["batch"] * s["heads"] * parts, kernels.CHANNELS, s["d_state"])
    first_state = np.ascontiguousarray(cut.transpose(0, 2, 1))
    last: dict[str, NDArray[Any]] = {}

    def bind() -> Callable[[], object]:
        x, delta = aligned_copy(inputs["x"]), aligned_copy(inputs["delta"])
        y, state = aligned_copy(np.zeros_like(inputs["x"])), aligned_copy(first_state)
        last.update(y=y, state=state)
        return lambda: kernels.scan(x, delta, inputs["b"], inputs["c"], a_log2e, inputs["d"], state, y)

    calls = [bind() for _ in range(copies)]

    def output() -> Arrays:
        last["state"][:] = first_state
        calls[-1]()
        whole = (s["batch"], s["heads"], s["head_dim"], s["d_state"])
        return {"y": last["y"], "state": last["state"].transpose(0, 2, 1).reshape(whole)}

    return Prepared(run=rotating(calls), output=output)


def prepare_convolution(point: Point, inputs: Arrays, copies: int, *, threads: int) -> Prepared:
    """Bind the causal convolution; history and prompt lie in one array, as a cache holds them."""
    from profiler.backends.compiled import causal_conv1d as kernels
    from profiler.backends.compiled.jit import aligned_copy

    whole = np.concatenate([inputs["history"], inputs["x"]], axis=1)
    weight, bias = np.ascontiguousarray(inputs["weight"]), np.ascontiguousarray(inputs["bias"])
    parts = min(threads, point.shape["batch"] * point.shape["tokens"])
    last: dict[str, NDArray[Any]] = {}

    def bind() -> Callable[[], object]:
        seen, y = aligned_copy(whole), aligned_copy(np.zeros_like(inputs["x"]))
        history = np.zeros_like(inputs["history"])
        last.update(y=y, history=history)

        def call() -> None:
            kernels.convolve(seen, weight, bias, y, parts)
            kernels.shift(seen, history)

        return call

    calls = [bind() for _ in range(copies)]

    def output() -> Arrays:
        calls[-1]()
        return last

    return Prepared(run=rotating(calls), output=output)
