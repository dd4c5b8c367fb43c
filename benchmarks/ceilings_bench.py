"""What the ceiling benchmarks share: started backends, one figure of a point, ratios with their spread."""

import os
import statistics
import subprocess
from collections.abc import Sequence
from pathlib import Path

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


def compile_c(source: Path, folder: str) -> Path:
    """Compile one of the C programs here for this machine."""
    program = Path(folder) / source.stem
    flags = ["-O3", "-march=native", "-ffast-math", "-fopenmp"]
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
