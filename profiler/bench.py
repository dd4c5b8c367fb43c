"""Run the sweep within a budget: check, time, judge and keep each kernel on each backend."""

import math
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from hw_targets.machine import Machine
from profiler import sweep
from profiler.backends import BACKENDS, Backend
from profiler.ceilings import find_ceilings
from profiler.clock import Stopwatch
from profiler.conditions import ConditionsReader
from profiler.core_gauge import CoreGauge
from profiler.kernels import KERNELS
from profiler.kernels.kernel import EXHAUSTIVE, Point
from profiler.measure import Measurer
from profiler.memory_gauge import MemoryGauge
from profiler.profile import BenchConditions, Conditions, Measurement, Profile
from profiler.progress import OnProgress, Progress, left_s
from profiler.store import PartHeader, Store, check_same
from profiler.traps import find_traps
from profiler.visits import Visits
from profiler.weather import MOSTLY_CALM_FRAC, calm_frac, judged
from tonnage.errors import BackendUnavailable, UnknownName
from tonnage.files import check_writable, positive, write_record

KEPT_FRAC = 0.25
"""Of the usable memory, for points that stay laid out between passes."""
STAMP_EVERY_S = 30.0
"""Between stamps of the conditions while the bench runs."""
GAUGE_BACKEND = "numba"
"""Whose kernels tell now and then what memory and the cores give."""


def run_bench(
    machine: Machine,
    *,
    budget_s: float,
    kernels: Sequence[str] | None = None,
    device: str = "cpu",
    output: Path | None = None,
    resume: bool = False,
    full: bool = False,
    on_progress: OnProgress | None = None,
) -> Profile:
    """Measure this machine.

    Parameters
    ----------
    machine : Machine
        From a probe of this host; its CPU limits set the number of threads.
    budget_s : float
        Wall time for everything, imports and compilation included. [s]
    kernels : sequence of str, optional
        Names of `profiler.kernels.KERNELS`; all by default.
    device : str
        Only `cpu` has backends.
    output : Path, optional
        Where to write the profile. While the bench runs, each finished
        measurement is appended to `<output>.part.jsonl`.
    resume : bool
        Go on from what an earlier run left at `output`.
    full : bool
        Measure every point there is, however few the budget has room for.
    on_progress : callable, optional
        Called with a `Progress` before each trial.

    Raises
    ------
    UnknownName, InvalidInput, FileProblem
        Before anything is measured.
    BackendUnavailable
        If no installed backend runs any of the kernels.
    KeyboardInterrupt
        After what was measured has been written.
    """
    positive(budget_s, name="budget", unit="seconds")
    chosen = tuple(KERNELS.get(name) for name in (kernels if kernels is not None else KERNELS.names()))
    _check_device(device)
    if output is not None:
        check_writable(output)
    return _Bench(machine, budget_s=budget_s, output=output, on_progress=on_progress).run(
        [kernel.name for kernel in chosen], device=device, resume=resume, full=full
    )


def _check_device(device: str) -> None:
    known = sorted({backend.device for _, backend in BACKENDS})
    if device not in known:
        raise UnknownName("device to bench", device, known, hint=f"there are backends for {', '.join(known)}")


def scouts_of(trials: Iterable[sweep.Trial]) -> list[Point]:
    """Return the points on which backends compete, each once."""
    return list({trial.point.key: trial.point for trial in trials if trial.point.scout}.values())


class _Bench:
    """One run: its deadline, its backends and what it has found."""

    def __init__(
        self, machine: Machine, *, budget_s: float, output: Path | None, on_progress: OnProgress | None
    ) -> None:
        self.stopwatch = Stopwatch.calibrated()
        self.machine, self.budget_s, self.output = machine, budget_s, output
        self.on_progress = on_progress
        self.threads = max(1, math.floor(machine.cpu.usable_cpus or os.cpu_count() or 1))
        self.conditions = ConditionsReader()
        self.before = self.conditions.stamp()
        self.store = Store(output)
        kept_bytes = KEPT_FRAC * (machine.memory.usable_bytes or 0)
        self.measurer = Measurer(machine, self.stopwatch, self.conditions, keep_bytes=kept_bytes)
        self.during: list[Conditions] = []
        self._stamped_s = self.stopwatch.now_s()
        self.visits = Visits(
            self.measurer, self.store, self.stopwatch, budget_s=budget_s, start_s=self._stamped_s,
            backends=BACKENDS, before_each=self._stamp, on_progress=on_progress,
        )  # fmt: skip

    def run(self, kernels: Sequence[str], *, device: str, resume: bool, full: bool) -> Profile:
        """Run the sweep and write the profile, however it ends."""
        backends = self._start_backends(device, kernels)
        chosen = [KERNELS.get(name) for name in kernels]
        tier = EXHAUSTIVE if full else sweep.tier_for(self.budget_s, chosen, backends)
        trials = sweep.plan_sweep(chosen, backends, tier=tier)
        if not trials:
            raise BackendUnavailable(self._nothing_runs(kernels))
        self._open_store(backends, resume=resume)
        self._watch_host(backends)
        try:
            left = self.visits.first(trials, scouts_of(trials))
            if not left:
                self._go_on(trials, sweep.plan_further(chosen, backends, tier=tier))
                self.visits.again()
                self.visits.unsteady()
        except KeyboardInterrupt:
            self._write(self._profile(backends, complete=False, notes=("interrupted",)))
            raise
        finally:
            if self.measurer.cores is not None:
                self.measurer.cores.close()
        notes = (f"{left} of {len(trials)} trials did not fit into the budget",) if left else ()
        profile = self._profile(backends, complete=not left, notes=(*notes, *self._once_only()))
        self._write(profile)
        self.visits.tell_end()
        return profile

    def _once_only(self) -> Iterator[str]:
        once = sum(len(one.passes) == 1 for one in self.store.measured.values())
        if once:
            yield (
                f"{once} of {len(self.store.measured)} trials were measured in one pass only, which cannot "
                "tell slow drift; a larger --budget has room for more"
            )

    def _start_backends(self, device: str, kernels: Sequence[str]) -> list[Backend]:
        started = []
        for name, backend in BACKENDS:
            if backend.device != device or not any(feature.kernel in kernels for feature in backend.features):
                continue
            why = backend.why_not()
            if why is None:
                self._tell(f"loading {name}")
                try:
                    backend.start(self.threads)
                    started.append(backend)
                    continue
                except (ImportError, OSError, RuntimeError) as problem:
                    why = f"cannot be loaded: {problem}"
            self.visits.skip("*", name, why)
        return started

    def _tell(self, now: str) -> None:
        if self.on_progress is not None:
            elapsed_s = self.visits.elapsed_s
            left = left_s(done=0, total=0, elapsed_s=elapsed_s, budget_s=self.budget_s)
            self.on_progress(Progress(done=0, total=0, elapsed_s=elapsed_s, left_s=left, now=now))

    def _nothing_runs(self, kernels: Sequence[str]) -> str:
        reasons = "; ".join(f"{one.backend}: {one.why}" for one in self.visits.skipped.values())
        return f"no backend here runs {', '.join(kernels)} ({reasons or 'none has it'})"

    def _watch_host(self, backends: Iterable[Backend]) -> None:
        """Read memory and cores beside each visit, where our own kernels are there to do it."""
        if any(backend.name == GAUGE_BACKEND for backend in backends):
            self.measurer.gauge = MemoryGauge(
                threads=self.threads, cache_bytes=self.measurer.cache_bytes, stopwatch=self.stopwatch
            )
            self.measurer.cores = CoreGauge(self.threads)

    def _open_store(self, backends: Iterable[Backend], *, resume: bool) -> None:
        libraries = {name: version for backend in backends for name, version in backend.versions().items()}
        header = PartHeader(
            machine=self.machine,
            conditions=BenchConditions(
                before=self.before, threads=self.threads, budget_s=self.budget_s, libraries=libraries
            ),
        )
        earlier = self.store.resume() if resume else None
        if earlier is not None:
            check_same(earlier, machine=self.machine, threads=self.threads, libraries=libraries)
        self.earlier_readings = earlier.conditions.memory if earlier is not None else ()
        self.header = header
        self.store.start(header)

    def _go_on(self, done: Sequence[sweep.Trial], further: Sequence[sweep.Trial]) -> None:
        """Spend what is left of the budget on points beyond the tier that it surely has room for."""
        room = self.visits.room()
        if room:
            self.visits.first(further, scouts_of([*done, *further]), at_once=room)

    def _stamp(self) -> None:
        """Stamp the conditions now and then."""
        now_s = self.stopwatch.now_s()
        if now_s - self._stamped_s >= STAMP_EVERY_S:
            self._stamped_s = now_s
            self.during.append(self.conditions.stamp())

    def _profile(self, backends: Iterable[Backend], *, complete: bool, notes: tuple[str, ...]) -> Profile:
        gauge = self.measurer.gauge
        readings = (*self.earlier_readings, *(gauge.readings if gauge is not None else ()))
        measurements = judged(self.store.measured.values())
        conditions = self.header.conditions.model_copy(
            update={
                "after": self.conditions.stamp(),
                "during": tuple(self.during),
                "elapsed_s": round(self.visits.elapsed_s, 3),
                "energy_source": self.measurer.energy.source,
                "why_no_energy": self.measurer.energy.why_not,
                "memory": readings,
            }
        )
        return Profile(
            machine=self.machine,
            conditions=conditions,
            measurements=measurements,
            ceilings=find_ceilings(measurements),
            skipped=tuple(self.visits.skipped.values()),
            complete=complete,
            notes=(*notes, *_neighbours(measurements), *find_traps(measurements)),
        )

    def _write(self, profile: Profile) -> None:
        if self.output is not None:
            write_record(self.output, profile)
            self.store.finish()


def _neighbours(measurements: Sequence[Measurement]) -> Iterator[str]:
    """Say how often the cores gave less than their best, if that was often."""
    calm = calm_frac(measurements)
    if calm is not None and calm < MOSTLY_CALM_FRAC:
        yield (
            f"the cores gave their best around only {calm:.0%} of the passes: others share them, or the "
            "clock wandered; times are of the calmer moments, and work here will often take longer"
        )
