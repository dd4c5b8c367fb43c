"""A profile of llama.cpp's graph nodes alone: what predicts its steps, in a minute or two."""

import math
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from hw_targets.machine import Machine
from hw_targets.probe import probe_machine
from profiler.backends import BACKENDS
from profiler.clock import Stopwatch, Ticks
from profiler.conditions import ConditionsReader
from profiler.kernels import KERNELS
from profiler.kernels.kernel import EXTRA, WANTED, Point
from profiler.measure import Measurer, Refused
from profiler.profile import BenchConditions, Measurement, Profile, Skipped
from profiler.statistics import verdict
from tonnage.errors import BackendUnavailable
from tonnage.files import read_record, write_record

BACKEND = "llama.cpp"
NODES = ("ggml_step", "ggml_matmul", "ggml_attention", "ggml_layer", "ggml_mamba")
SHARE_S = 0.3
QUICK_SHARE_S = 0.12


def clock_for(threads: int) -> Ticks:
    """Return the clock of a step on so many threads.

    One thread's own processor time is its wall time without what other programs take from it; of several
    threads only wall time tells how long a step takes.
    """
    return time.thread_time_ns if threads == 1 else time.perf_counter_ns


def usable_threads(machine: Machine) -> int:
    """Return the CPUs that this process may use."""
    return max(1, math.floor(machine.cpu.usable_cpus or os.cpu_count() or 1))


def nodes_profile(
    profile: Profile | Path | str | None,
    threads: int | None,
    *,
    quick: bool = False,
    save: Path | str | None = None,
    on_progress: Callable[[str], None] | None = None,
) -> Profile:
    """Return a profile as it is, read it, or measure and save one where none is given."""
    if profile is None:
        machine = probe_machine()
        counted = threads or usable_threads(machine)
        profile = measure_nodes(machine, threads=counted, quick=quick, on_progress=on_progress)
        if save is not None:
            write_record(save, profile)
    return profile if isinstance(profile, Profile) else read_record(profile, Profile)


def measure_nodes(
    machine: Machine, *, threads: int, quick: bool = False, on_progress: Callable[[str], None] | None = None
) -> Profile:
    """Measure every node on so many threads.

    Raises
    ------
    BackendUnavailable
        Without llama.cpp.
    """
    backend = BACKENDS.get(BACKEND)
    why = backend.why_not()
    if why is not None:
        raise BackendUnavailable(f"{BACKEND}: {why}")
    start_s = time.monotonic()
    conditions = ConditionsReader()
    before = conditions.stamp()
    backend.start(threads)
    measurer = Measurer(machine, Stopwatch.calibrated(clock_for(threads)), conditions)
    points = _points(quick=quick)
    measured: list[Measurement] = []
    skipped: list[Skipped] = []
    share_s = QUICK_SHARE_S if quick else SHARE_S
    for number, point in enumerate(points, start=1):
        if on_progress is not None:
            on_progress(f"node {number} of {len(points)}: {point.kernel} {point.format or ''}")
        try:
            kernel = KERNELS.get(point.kernel)
            found = measurer.measure(point, kernel, backend, share_s=share_s)
            measured.append(_judged(found) if threads == 1 else found)
        except Refused as refused:
            skipped.append(Skipped(kernel=point.kernel, backend=BACKEND, why=f"{point.key}: {refused}"))
    return Profile(
        machine=machine,
        conditions=BenchConditions(
            before=before, after=conditions.stamp(), threads=threads, budget_s=share_s * len(points),
            elapsed_s=round(time.monotonic() - start_s, 3), libraries=dict(backend.versions()),
        ),
        measurements=tuple(measured), skipped=tuple(skipped), complete=not skipped,
        notes=("times of one thread are its processor time",) if threads == 1 else (),
    )  # fmt: skip


def _judged(measurement: Measurement) -> Measurement:
    """Judge processor time by its samples alone: what others take of the CPU is not in it."""
    why = verdict(measurement.samples_s)
    return measurement.model_copy(update={"stable": why is None, "why_unstable": why})


def _points(*, quick: bool) -> Sequence[Point]:
    tier = WANTED if quick else EXTRA
    return [point for name in NODES for point in KERNELS.get(name).points() if point.tier <= tier]
