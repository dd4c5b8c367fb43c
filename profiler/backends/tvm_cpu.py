"""Apache TVM on the CPU: its compiler, given one schedule by hand; weights in blocks of columns.

TVM brings no kernels: what a program gets depends on the schedule, which its tuner searches for minutes per
shape. This one is the outer product of a few rows and four registers of columns, compiled in a tenth of a
second per shape, without tuning.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from profiler.backends.backend import Backend, Feature, Prepared, rotating
from profiler.backends.shared import Shared
from profiler.kernels.kernel import Arrays, Point

LANES = 16
"""float32 that one instruction multiplies, on what is wide; narrower machines take several."""
COLUMNS = (64, 32, 16)
"""Of a block of weights, the widest that divides the output."""
ROWS = 4
"""Of x at once, at most: with 64 columns their sums take sixteen registers."""


class TvmBackend(Backend):
    """What TVM's LLVM back end makes of one schedule on this CPU."""

    name = "tvm"
    modules = ("tvm",)
    features = frozenset({Feature("gemm", "fp32")})

    def why_not(self) -> str | None:
        """Return what to install."""
        return "tvm not installed: pip install 'apache-tvm>=0.27'" if super().why_not() else None

    def runs(self, point: Point) -> bool:
        """Tell whether the output divides into blocks of columns."""
        return super().runs(point) and _columns(point.shape["n"]) is not None

    def start(self, threads: int) -> None:
        """Set the threads of its pool, which it reads once."""
        os.environ.setdefault("TVM_NUM_THREADS", str(threads))
        import tvm

        if not hasattr(tvm, "s_tir"):
            raise ImportError(f"tvm {tvm.__version__} is older than 0.27, which this schedule is written for")

    def versions(self) -> Mapping[str, str]:
        """Return tvm's version; there is no tuning to name beside it."""
        import tvm

        return {"tvm": str(tvm.__version__)}

    def prepare(self, point: Point, inputs: Arrays, copies: int) -> Prepared:
        """Compile the shape, and lay each copy of the weights out in blocks."""
        import tvm

        m, n, k = (point.shape[name] for name in "mnk")
        multiply = _compiled(m, n, k)
        x, y = (tvm.runtime.tensor(array) for array in (_dense(inputs["x"]), np.zeros((m, n), np.float32)))
        weights = [
            _shared.get(inputs["weight"], (copy,), lambda: _blocks(inputs["weight"]))
            for copy in range(copies)
        ]

        def call(weight: _Laid) -> Any:
            return lambda: multiply(x, weight.tensor, y)

        calls = [call(weight) for weight in weights]

        def output() -> Arrays:
            calls[-1]()
            return {"y": y.numpy()}

        return Prepared(run=rotating(calls), output=output)


@dataclass(frozen=True, slots=True, weakref_slot=True)
class _Laid:
    tensor: Any


_shared: Shared[_Laid] = Shared()


def _columns(n: int) -> int | None:
    return next((width for width in COLUMNS if n % width == 0), None)


def _dense(array: Any) -> Any:
    return np.ascontiguousarray(array, np.float32)


def _blocks(weight: Any) -> _Laid:
    """Return weights (n, k) as (blocks, k, columns of a block)."""
    import tvm

    n, k = weight.shape
    cut = weight.reshape(n // (_columns(n) or 1), -1, k).transpose(0, 2, 1)
    return _Laid(tvm.runtime.tensor(_dense(cut)))


@cache
def _compiled(m: int, n: int, k: int) -> Any:
    """Return the compiled function of x, weights in blocks, and y."""
    import tvm
    from tvm import te

    width = _columns(n) or 1
    x, weight = te.placeholder((m, k), name="x"), te.placeholder((n // width, k, width), name="weight")
    inner = te.reduce_axis((0, k), name="r")
    y = te.compute(
        (m, n),
        lambda i, j: te.sum(x[i, inner] * weight[j // width, inner, j % width], axis=inner),
        name="y",
    )
    schedule = tvm.s_tir.Schedule(te.create_prim_func([x, weight, y]))
    _schedule(schedule, m, width)
    processor = tvm.target.codegen.llvm_get_system_cpu()
    target = tvm.target.Target({"kind": "llvm", "mcpu": str(processor)})
    return tvm.compile(schedule.mod, target=target)["main"]


def _schedule(schedule: Any, m: int, width: int) -> None:
    """Give blocks of columns to threads; keep the sums of some rows in registers over all of k."""
    rows = max(count for count in range(1, ROWS + 1) if m % count == 0)
    block = schedule.get_sblock("y")
    stored = schedule.cache_write(block, 0, "local")
    i, j, inner = schedule.get_loops(block)
    i, row = schedule.split(i, [None, rows])
    j, register, lane = schedule.split(j, [None, width // LANES, LANES])
    schedule.reorder(j, i, inner, row, register, lane)
    schedule.parallel(j)
    schedule.reverse_compute_at(stored, i)
    schedule.vectorize(lane)
    schedule.unroll(row)
    schedule.unroll(register)
    schedule.decompose_reduction(block, inner)
    *_, row, register, lane = schedule.get_loops(schedule.get_sblock("y_init"))
    schedule.vectorize(lane)
    schedule.unroll(register)
    schedule.unroll(row)
    _, lane = schedule.split(schedule.get_loops(stored)[-1], [None, LANES])
    schedule.vectorize(lane)
