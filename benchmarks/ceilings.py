"""Our memory kernels against an independent STREAM in C, compiled here, in the same run.

    .venv/bin/python benchmarks/ceilings.py [MiB per array] [rounds]

Each round runs the C program, then every backend, so that both see the same weather; the
best median of all rounds counts on either side. The goal is a ratio of at least 0.97 to
the best C variant of each kind. Also prints decode attention over the read bandwidth.
"""

import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

from hw_targets.probe import probe_machine
from profiler.backends import BACKENDS
from profiler.clock import Stopwatch
from profiler.conditions import ConditionsReader
from profiler.kernels import KERNELS
from profiler.kernels.kernel import Point
from profiler.measure import Measurer

SOURCE = Path(__file__).with_name("stream.c")
KINDS = ("copy", "triad", "read")
GOAL = 0.97
SHARE_S = 0.5
RUNS = 31
LONGEST_CONTEXT = 16384

Best = dict[str, tuple[float, str]]


def build(folder: str) -> Path:
    program = Path(folder) / "stream"
    flags = ["-O3", "-march=native", "-ffast-math", "-fopenmp"]
    subprocess.run(["cc", *flags, str(SOURCE), "-o", str(program)], check=True)
    return program


def keep(best: Best, kind: str, rate: float, by: str) -> None:
    if rate > best[kind][0]:
        best[kind] = rate, by


def run_reference(program: Path, size_mib: int, best: Best) -> None:
    printed = subprocess.run(
        [str(program), str(size_mib), str(RUNS)], check=True, capture_output=True, text=True
    ).stdout
    for line in printed.splitlines():
        kind, variant, rate = line.split()
        keep(best, kind, float(rate), variant)


def run_ours(measurer: Measurer, size_mib: int, best: Best) -> None:
    for kind in KINDS:
        point = Point(kernel=kind, dtype="fp32", shape={"size_bytes": size_mib * 2**20})
        for name, backend in BACKENDS:
            if backend.why_not() is None and backend.runs(point):
                measured = measurer.measure(point, KERNELS.get(kind), backend, share_s=SHARE_S)
                keep(best, kind, measured.bytes_per_s, name)


def run_decode(measurer: Measurer, best: Best) -> None:
    kernel = KERNELS.get("attention_decode")
    for point in kernel.points():
        if point.shape["context"] != LONGEST_CONTEXT:
            continue
        heads = "MHA" if point.shape["heads"] == point.shape["kv_heads"] else "GQA"
        for name, backend in BACKENDS:
            if backend.why_not() is None and backend.runs(point):
                measured = measurer.measure(point, kernel, backend, share_s=SHARE_S)
                keep(best, f"decode {heads} {point.dtype}", measured.bytes_per_s, name)


def main(size_mib: int, rounds: int) -> None:
    machine = probe_machine(None)
    threads = int(machine.cpu.usable_cpus or 1)
    for _, backend in BACKENDS:
        if backend.why_not() is None:
            backend.start(threads)
    measurer = Measurer(machine, Stopwatch.calibrated(), ConditionsReader())
    reference: Best = defaultdict(lambda: (0.0, ""))
    ours: Best = defaultdict(lambda: (0.0, ""))
    with tempfile.TemporaryDirectory() as folder:
        program = build(folder)
        for _ in range(rounds):
            run_reference(program, size_mib, reference)
            run_ours(measurer, size_mib, ours)
            run_decode(measurer, ours)
    print(f"{machine.cpu.model}, {threads} threads, {size_mib} MiB per array, best median of {rounds} rounds")
    for kind in KINDS:
        (c_rate, variant), (rate, by) = reference[kind], ours[kind]
        verdict = "" if rate >= GOAL * c_rate else f"  below {GOAL}"
        print(
            f"{kind:6s} C {c_rate / 1e9:6.1f} GB/s ({variant})  ours {rate / 1e9:6.1f} GB/s ({by})  "
            f"ratio {rate / c_rate:.2f}{verdict}"
        )
    read = max(reference["read"][0], ours["read"][0])
    for kind, (rate, by) in sorted(ours.items()):
        if kind.startswith("decode"):
            print(f"{kind} {rate / 1e9:.1f} GB/s ({by}), {rate / read:.2f} of the read bandwidth")


if __name__ == "__main__":
    main(*(int(word) for word in (sys.argv[1:] + ["64", "3"][len(sys.argv) - 1 :])))
