"""What the ceiling benchmarks share: started backends, one figure of a point, ratios with their spread."""

import os
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from hw_targets.machine import Machine
from hw_targets.probe import probe_machine
from profiler.backends import BACKENDS
from profiler.backends.backend import Backend
from profiler.clock import Stopwatch
from profiler.conditions import ConditionsReader
from profiler.kernels import KERNELS
from profiler.kernels.kernel import Point
from profiler.measure import Measurer, Refused
from profiler.profile import Measurement

CALLS = 6
"""Calls of one kind in a row before the next kind has its turn."""


class Call(NamedTuple):
    """One call and the bytes that it moves."""

    size_bytes: float
    run: Callable[[], object]


def in_turn(calls: Mapping[str, Call], seconds: float) -> dict[str, list[float]]:
    """Run a few calls of each in turn until the time is over; return the rates of each call [bytes/s].

    The first call of each turn is not counted: workers of the one before may still be spinning.
    """
    rates: dict[str, list[float]] = {name: [] for name in calls}
    end_s = time.perf_counter() + seconds
    while time.perf_counter() < end_s:
        for name, call in calls.items():
            call.run()
            for _ in range(CALLS):
                start_s = time.perf_counter()
                call.run()
                rates[name].append(call.size_bytes / (time.perf_counter() - start_s))
    return rates


def compile_c(source: Path, folder: str, *, shared: bool = False) -> Path:
    """Compile one of the C programs here for this machine, or a library."""
    program = Path(folder) / (f"{source.stem}.so" if shared else source.stem)
    flags = ["-O3", "-march=native", "-ffast-math", "-fopenmp", *(("-fPIC", "-shared") if shared else ())]
    subprocess.run(["cc", *flags, str(source), "-o", str(program), "-lm"], check=True)
    return program


class Bench:
    """Measures points on every backend that runs them."""

    def __init__(self, *, share_s: float, threads: int | None = None) -> None:
        self.machine: Machine = probe_machine(None)
        self.threads = threads or int(self.machine.cpu.usable_cpus or 1)
        self.share_s = share_s
        self.backends: list[Backend] = []
        for _, backend in BACKENDS:
            if backend.device == "cpu" and backend.why_not() is None:
                backend.start(self.threads)
                self.backends.append(backend)
        self.measurer = Measurer(self.machine, Stopwatch.calibrated(), ConditionsReader())

    def measure(self, point: Point, *, only: Sequence[str] = ()) -> list[Measurement]:
        """Return one measurement per backend that runs the point and passes its check."""
        found = []
        for backend in self.backends:
            if backend.runs(point) and (not only or backend.name in only):
                try:
                    kernel = KERNELS.get(point.kernel)
                    found.append(self.measurer.measure(point, kernel, backend, share_s=self.share_s))
                except Refused as refused:
                    print(f"  {point.key} on {backend.name}: {refused}")
        return found

    def calls(self, point: Point, *, copies: int = 1, only: Sequence[str] = ()) -> Iterator[tuple[str, Call]]:
        """Yield the call of each backend that runs the point, checked, by the backend's name."""
        kernel = KERNELS.get(point.kernel)
        inputs = kernel.inputs(point, np.random.default_rng(0))
        for backend in self.backends:
            if not backend.runs(point) or (only and backend.name not in only):
                continue
            prepared = backend.prepare(point, inputs, copies)
            error = kernel.error(point, inputs, prepared.output())
            if error > kernel.tolerance(point):
                raise SystemExit(f"{point.key} on {backend.name} is wrong: relative error {error:.2g}")
            yield backend.name, Call(kernel.work(point).bytes * prepared.calls, prepared.run)

    def title(self, text: str) -> None:
        """Print what is measured, where, and under which load."""
        print(f"{text}; {self.machine.cpu.model}, {self.threads} threads, load {os.getloadavg()[0]:.1f}")


def fastest_s(measurement: Measurement) -> float:
    """Return the smallest sample: what the kernel takes where nothing else runs."""
    return min(measurement.samples_s)


def spread(values: Sequence[float], form: str = ".2f") -> str:
    """Return median [smallest, largest]."""
    low, middle, high = min(values), statistics.median(values), max(values)
    return f"{middle:{form}} [{low:{form}}, {high:{form}}]"
