"""The best library per number format and rows, and how near it is to the arithmetic peak.

    .venv/bin/python benchmarks/ceilings_matmul.py [rounds] [threads]

4096 x 4096 weights, cold. Every backend that is installed runs every point; the fastest of all
rounds counts. Checks that the profile's ceilings name the same winner. `peak.c` is a loop on
registers alone: a ceiling only where it beats every library. NumPy's BLAS keeps the threads that it
was started with: set OPENBLAS_NUM_THREADS beside a number of threads.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from ceilings_bench import Bench, compile_c, fastest_s

from profiler.ceilings import find_ceilings
from profiler.kernels.kernel import Point
from profiler.profile import Measurement

ROWS = (1, 4, 16, 64, 512, 2048)
WIDTH = 4096
FORMATS: tuple[tuple[str, str, str | None], ...] = (
    ("gemm", "fp32", None), ("gemm", "bf16", None), ("gemm", "int8", None),
    ("quant_matmul", "int8", "INT8_W8A8"), ("quant_matmul", "int8", "INT4_G128"),
    ("quant_matmul", "int8", "INT4_G32"), ("ggml_matmul", "int8", "Q8_0"), ("ggml_matmul", "int8", "Q4_0"),
    ("ggml_matmul", "int8", "Q4_K"),
)  # fmt: skip


def peaks(threads: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        program = compile_c(Path(__file__).with_name("peak.c"), folder)
        environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
        done = subprocess.run([str(program)], check=True, capture_output=True, text=True, env=environment)
    return {name: float(rate) for name, rate in (line.split() for line in done.stdout.splitlines())}


def show(point: Point, found: list[Measurement], peak: float | None) -> str:
    """Print one line per point; return the fastest backend."""
    ranked = sorted(found, key=fastest_s)
    rates = ", ".join(f"{one.backend} {one.flop / fastest_s(one) / 1e9:.0f}" for one in ranked)
    best = ranked[0]
    share = f"{best.flop / fastest_s(best) / peak:.2f} of the peak loop, " if peak else ""
    name = f"{point.format or point.dtype} m={point.shape['m']}"
    print(f"{name:16s} {rates} GFLOP/s; {share}{best.bytes / fastest_s(best) / 1e9:.1f} GB/s")
    return best.backend


def main(rounds: int = 2, threads: int | None = None) -> None:
    bench = Bench(share_s=0.3, threads=threads)
    bench.title(f"matmul of {WIDTH} x {WIDTH} weights, {rounds} rounds")
    peak = peaks(bench.threads)
    print("peak loop: " + ", ".join(f"{name} {rate / 1e9:.0f} GFLOP/s" for name, rate in peak.items()))
    everything: list[Measurement] = []
    winners: dict[tuple[str, str | None, int], str] = {}
    for kernel, dtype, stored in FORMATS:
        for rows in ROWS:
            shape = {"m": rows, "n": WIDTH, "k": WIDTH}
            point = Point(kernel=kernel, dtype=dtype, format=stored, shape=shape)
            best: dict[str, Measurement] = {}
            for one in (one for _ in range(rounds) for one in bench.measure(point)):
                best[one.backend] = min(best.get(one.backend, one), one, key=lambda m: m.time_s.p50)
            if best:
                found = list(best.values())
                winners[dtype, stored, rows] = show(point, found, peak.get(dtype))
                everything += found
    named = {(one.dtype, one.format, one.rows): one.reached_by for one in find_ceilings(everything).matmuls}
    same = sum(named[key].split()[0] == winner for key, winner in winners.items())
    print(f"the profile's ceilings name the fastest backend at {same} of {len(winners)} points "
          "(steady figures count before unsteady ones there)")  # fmt: skip


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:]))
