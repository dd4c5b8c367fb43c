"""Decode attention at 16k tokens over the read bandwidth, call by call in turn, where other programs run too.

    .venv/bin/python benchmarks/ceilings_decode.py [seconds] [threads]

A call of all 32 heads takes milliseconds and hardly ever has the machine to itself there. So each
call takes a few heads and about a millisecond, in turn with reads of as many bytes, both cold; the
rates that only one call in fifty exceeds are compared. The goal is 0.80.
"""

import sys
import time

import numpy as np
from ceilings_bench import Bench

from profiler.backends import BACKENDS
from profiler.backends.backend import Prepared
from profiler.kernels import KERNELS
from profiler.kernels.kernel import Point

CONTEXT, HEAD_DIM = 16384, 128
COPIES = 6
CALLS = 6
RARE = 0.98
GOAL = 0.80
CASES = {"MHA bf16": (4, 4, "bf16"), "GQA bf16": (16, 4, "bf16"), "MHA fp32": (2, 2, "fp32"),
         "GQA fp32": (8, 2, "fp32")}  # fmt: skip


def prepared(point: Point) -> tuple[float, Prepared]:
    """Return the bytes of one call and the call, checked."""
    kernel = KERNELS.get(point.kernel)
    inputs = kernel.inputs(point, np.random.default_rng(0))
    ready = BACKENDS.get("numba").prepare(point, inputs, COPIES)
    error = kernel.error(point, inputs, ready.output())
    if error > kernel.tolerance(point):
        raise SystemExit(f"{point.key} is wrong: relative error {error:.2g}")
    return kernel.work(point).bytes, ready


def main(seconds: int = 20, threads: int | None = None) -> None:
    bench = Bench(share_s=0.1, threads=threads)
    bench.title(f"decode attention at {CONTEXT} tokens, calls in turn for {seconds} s")
    read = Point(kernel="read", dtype="fp32", shape={"size_bytes": 2**25})
    calls = {"read": prepared(read)}
    for name, (heads, kv_heads, dtype) in CASES.items():
        shape = {"heads": heads, "kv_heads": kv_heads, "head_dim": HEAD_DIM, "batch": 1, "context": CONTEXT}
        calls[name] = prepared(Point(kernel="attention_decode", dtype=dtype, shape=shape))
    rates: dict[str, list[float]] = {name: [] for name in calls}
    end_s = time.perf_counter() + seconds
    while time.perf_counter() < end_s:
        for name, (size, ready) in calls.items():
            for _ in range(CALLS):
                start_s = time.perf_counter()
                ready.run()
                rates[name].append(size / (time.perf_counter() - start_s))
    best = {name: float(np.quantile(values, RARE)) for name, values in rates.items()}
    for name, rate in best.items():
        ratio = rate / best["read"]
        below = "" if ratio >= GOAL else f", below {GOAL}"
        middle = np.median(rates[name]) / 1e9
        print(f"{name:9s} {rate / 1e9:6.1f} GB/s (median {middle:.1f}), {ratio:.2f} of reading{below}")


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:]))
