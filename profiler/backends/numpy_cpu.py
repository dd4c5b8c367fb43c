"""NumPy and the BLAS inside it: always installed, and fast where OpenBLAS is."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from profiler.backends.backend import Backend, Feature, Prepared, rotating
from profiler.backends.shared import Shared
from profiler.kernels.kernel import Arrays, Point
from profiler.kernels.stream import SCALE


class NumpyBackend(Backend):
    """Plain array operations; BLAS threads are those of its own default."""

    name = "numpy"
    modules = ("numpy",)
    features = frozenset(
        {
            Feature("gemm", "fp32"), Feature("copy", "fp32"), Feature("triad", "fp32"),
            Feature("read", "fp32"), Feature("launch", "fp32"),
        }
    )  # fmt: skip

    def start(self, threads: int) -> None:
        """Do nothing: BLAS was given its threads when numpy was imported."""

    def versions(self) -> Mapping[str, str]:
        """Return numpy's version."""
        return {"numpy": np.__version__}

    def prepare(self, point: Point, inputs: Arrays, copies: int) -> Prepared:
        """Bind each copy to preallocated outputs."""
        bound = [
            _bind(point, {name: _copied(array, copy) for name, array in inputs.items()})
            for copy in range(copies)
        ]

        def output() -> Arrays:
            call, name, result = bound[-1]
            call()
            return {name: result}

        return Prepared(run=rotating([call for call, _, _ in bound]), output=output)


_shared: Shared[NDArray[Any]] = Shared()


def _copied(array: NDArray[Any], copy: int) -> NDArray[Any]:
    return _shared.get(array, (copy,), array.copy)


def _bind(point: Point, arrays: Arrays) -> tuple[Callable[[], object], str, Any]:
    if point.kernel == "gemm":
        x, weight = arrays["x"], arrays["weight"]
        y = np.zeros((len(x), len(weight)), np.float32)
        return lambda: np.matmul(x, weight.T, out=y), "y", y
    if point.kernel == "launch":
        x, y = arrays["x"], np.zeros_like(arrays["x"])
        return lambda: np.add(x, np.float32(1), out=y), "y", y
    if point.kernel == "read":
        source, total = arrays["source"], np.zeros((), np.float32)
        return lambda: np.sum(source, out=total), "sum", total
    if point.kernel == "copy":
        source, target = arrays["source"], np.zeros_like(arrays["source"])
        return lambda: np.copyto(target, source), "target", target
    left, right, target = arrays["left"], arrays["right"], np.zeros_like(arrays["left"])

    def triad() -> None:
        np.multiply(right, np.float32(SCALE), out=target)
        np.add(left, target, out=target)

    return triad, "target", target
