"""Our memory kernels against an independent STREAM in C, compiled here, in the same run.

    .venv/bin/python benchmarks/ceilings.py [MiB per array] [rounds] [threads]

Each round runs the C program, then every backend, so that both see the same weather; a ratio
compares the fastest call of either side within one round, as STREAM does, and the median of the
rounds counts. The goal
is at least 0.97 of the best C variant of each kind, and for decode attention at 16k tokens at
least 0.80 of the read bandwidth of the same round. Arrays must be larger than three times the
last-level cache: below that ours are rotated to be cold, those of the C program are not.
"""

import os
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

from ceilings_bench import Bench, compile_c, fastest_s, spread

from profiler.kernels.attention import GQA, MHA
from profiler.kernels.kernel import Point

KINDS = ("copy", "triad", "read")
STREAM_GOAL, DECODE_GOAL = 0.97, 0.80
CONTEXT = 16384
RUNS = 31

Rates = dict[str, tuple[float, str]]
"""The best rate of one round by kind, and who reached it."""


def keep(best: Rates, kind: str, rate: float, by: str) -> None:
    if rate > best.get(kind, (0.0, ""))[0]:
        best[kind] = rate, by


def run_reference(program: Path, size_mib: int, threads: int) -> Rates:
    best: Rates = {}
    words = [str(program), str(size_mib), str(RUNS)]
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    done = subprocess.run(words, check=True, capture_output=True, text=True, env=environment)
    for line in done.stdout.splitlines():
        kind, variant, rate = line.split()
        keep(best, kind, float(rate), variant)
    return best


def run_ours(bench: Bench, size_mib: int) -> Rates:
    best: Rates = {}
    for kind in KINDS:
        point = Point(kernel=kind, dtype="fp32", shape={"size_bytes": size_mib * 2**20})
        for one in bench.measure(point):
            keep(best, kind, one.bytes / fastest_s(one), one.backend)
    return best


def run_decode(bench: Bench) -> Rates:
    best: Rates = {}
    for name, heads in (("GQA", GQA), ("MHA", MHA)):
        for dtype in ("bf16", "fp32"):
            shape = {"heads": heads.heads, "kv_heads": heads.kv_heads, "head_dim": heads.head_dim}
            point = Point(
                kernel="attention_decode", dtype=dtype, shape={**shape, "batch": 1, "context": CONTEXT}
            )
            for one in bench.measure(point):
                keep(best, f"decode {name} {dtype}", one.bytes / fastest_s(one), one.backend)
    return best


def main(size_mib: int = 128, rounds: int = 5, threads: int | None = None) -> None:
    bench = Bench(share_s=0.3, threads=threads)
    bench.title(f"{size_mib} MiB per array, {rounds} rounds")
    ratios: dict[str, list[float]] = defaultdict(list)
    shown: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as folder:
        program = compile_c(Path(__file__).with_name("stream.c"), folder)
        for _ in range(rounds):
            reference, ours = run_reference(program, size_mib, bench.threads), run_ours(bench, size_mib)
            for kind in KINDS:
                ratios[kind].append(ours[kind][0] / reference[kind][0])
                sides = [f"{rate / 1e9:.1f} GB/s ({by})" for rate, by in (reference[kind], ours[kind])]
                shown[kind] = f"C {sides[0]}, ours {sides[1]}"
            read = max(reference["read"][0], ours["read"][0])
            for kind, (rate, by) in run_decode(bench).items():
                ratios[kind].append(rate / read)
                shown[kind] = f"{rate / 1e9:.1f} GB/s ({by}) of {read / 1e9:.1f} read"
    for kind, values in ratios.items():
        goal = STREAM_GOAL if kind in KINDS else DECODE_GOAL
        below = "" if sorted(values)[len(values) // 2] >= goal else f", below {goal}"
        print(f"{kind:16s} ratio {spread(values)}{below}; last round {shown[kind]}")


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:]))
