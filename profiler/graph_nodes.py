"""A profile of llama.cpp's graph nodes alone: what predicts its steps, in a minute or two."""

import math
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from hw_targets.machine import Machine
from hw_targets.probe import probe_machine
from profiler.backends import BACKENDS, Backend
from profiler.clock import Stopwatch, Ticks
from profiler.conditions import ConditionsReader
from profiler.kernels import KERNELS
from profiler.kernels.kernel import EXTRA, WANTED, Point
from profiler.measure import DEFAULT_LAST_CACHE_BYTES, Measurer, Refused
from profiler.memory_gauge import MemoryGauge
from profiler.passes import joined, judged_anew
from profiler.profile import BenchConditions, Measurement, Profile, Skipped
from profiler.statistics import verdict
from tonnage.errors import BackendUnavailable
from tonnage.files import read_record, write_record

BACKEND = "llama.cpp"
NODES = ("ggml_step", "ggml_matmul", "ggml_matvecs", "ggml_attention", "ggml_layer", "ggml_mamba")
SHARE_S, QUICK_SHARE_S = 0.12, 0.08
"""Time share of one pass of one node."""
PASSES = 3
GAUGE_BACKEND = "numba"


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
    measurer.gauge = memory_gauge(machine, threads)
    measured, skipped = _passes(measurer, backend, _points(quick=quick), quick=quick, on_progress=on_progress)
    if threads == 1:
        measured = tuple(_judged(one) for one in measured)
    readings = tuple(measurer.gauge.readings) if measurer.gauge is not None else ()
    share_s = QUICK_SHARE_S if quick else SHARE_S
    return Profile(
        machine=machine,
        conditions=BenchConditions(
            before=before, after=conditions.stamp(), threads=threads, memory=readings,
            budget_s=share_s * PASSES * len(measured), elapsed_s=round(time.monotonic() - start_s, 3),
            libraries=dict(backend.versions()),
        ),
        measurements=measured, skipped=skipped, complete=not skipped,
        notes=("times of one thread are its processor time",) if threads == 1 else (),
    )  # fmt: skip


def memory_gauge(machine: Machine, threads: int) -> MemoryGauge | None:
    """Return a gauge of the read bandwidth, or None without numba."""
    reader = BACKENDS.get(GAUGE_BACKEND)
    if reader.why_not() is not None:
        return None
    reader.start(threads)
    cache_bytes = machine.cpu.l3_bytes or DEFAULT_LAST_CACHE_BYTES
    return MemoryGauge(threads=threads, cache_bytes=cache_bytes, stopwatch=Stopwatch.calibrated())


def _passes(
    measurer: Measurer,
    backend: Backend,
    points: Sequence[Point],
    *,
    quick: bool,
    on_progress: Callable[[str], None] | None,
) -> tuple[tuple[Measurement, ...], tuple[Skipped, ...]]:
    """Measure all points in several passes, each in an order of its own."""
    measured: dict[str, Measurement] = {}
    skipped: dict[str, Skipped] = {}
    share_s = QUICK_SHARE_S if quick else SHARE_S
    for number in range(PASSES):
        for done, index in enumerate(np.random.default_rng(number).permutation(len(points)), start=1):
            point = points[index]
            if point.key in skipped:
                continue
            if on_progress is not None:
                on_progress(f"pass {number + 1} of {PASSES}, node {done} of {len(points)}: {point.kernel}")
            try:
                found = measurer.measure(point, KERNELS.get(point.kernel), backend, share_s=share_s)
            except Refused as refused:
                why = f"{point.key}: {refused}"
                skipped[point.key] = Skipped(kernel=point.kernel, backend=BACKEND, why=why)
                continue
            earlier = measured.get(point.key)
            measured[point.key] = found if earlier is None else joined(earlier, found)
    return tuple(measured.values()), tuple(skipped.values())


def _judged(measurement: Measurement) -> Measurement:
    """Judge processor time by its samples alone: what others take of the CPU is not in it."""
    passes = tuple(
        one.model_copy(update={"why_unsteady": verdict(samples)})
        for one, samples in zip(measurement.passes, measurement.samples_by_pass, strict=True)
    )
    return judged_anew(measurement.model_copy(update={"passes": passes}))


def _points(*, quick: bool) -> Sequence[Point]:
    tier = WANTED if quick else EXTRA
    return [point for name in NODES for point in KERNELS.get(name).points() if point.tier <= tier]
