"""Run the sweep within a budget: check, time, judge and keep each kernel on each backend."""

import math
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from hw_targets.machine import Machine
from profiler import sweep
from profiler.backends import BACKENDS, Backend
from profiler.ceilings import find_ceilings
from profiler.clock import Stopwatch
from profiler.conditions import ConditionsReader
from profiler.kernels import KERNELS
from profiler.kernels.kernel import EXHAUSTIVE, Point
from profiler.measure import Measurer, Refused
from profiler.profile import BenchConditions, Conditions, Measurement, Profile, Skipped
from profiler.progress import OnProgress, Progress, left_s
from profiler.statistics import interval_width_frac
from profiler.store import PartHeader, Store, check_same
from profiler.traps import find_traps
from tonnage.errors import BackendUnavailable, UnknownName
from tonnage.files import check_writable, positive, write_record

LEAST_SHARE_S, MOST_SHARE_S = 0.08, 1.0
"""Time share of one trial, setting up excluded."""
RESERVE_S = 0.7
"""Left of the budget for the last trial's overrun and for writing the profile."""
SCOUTS_AGAIN_FRAC = 0.2
"""Share of the budget that may go into measuring unsteady scouts again before they decide."""
UNSTEADY_AGAIN_FRAC = 0.3
"""Share of the budget that may go into measuring anything unsteady again before more shapes are."""
STAMP_EVERY_S = 30.0
"""Between stamps of the conditions while the bench runs."""


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
        self.start_s = self.stopwatch.now_s()
        self.machine, self.budget_s = machine, budget_s
        self.output, self.on_progress = output, on_progress
        self.threads = max(1, math.floor(machine.cpu.usable_cpus or os.cpu_count() or 1))
        self.conditions = ConditionsReader()
        self.before = self.conditions.stamp()
        self.store = Store(output)
        self.skipped: dict[str, Skipped] = {}
        self.total = 0
        self.measurer = Measurer(machine, self.stopwatch, self.conditions)
        self.during: list[Conditions] = []
        self._stamped_s = self.start_s

    def run(self, kernels: Sequence[str], *, device: str, resume: bool, full: bool) -> Profile:
        """Run the sweep and write the profile, however it ends."""
        backends = self._start_backends(device, kernels)
        chosen = [KERNELS.get(name) for name in kernels]
        tier = EXHAUSTIVE if full else sweep.tier_for(self.budget_s, chosen, backends)
        trials = sweep.plan_sweep(chosen, backends, tier=tier)
        if not trials:
            raise BackendUnavailable(self._nothing_runs(kernels))
        self.total = len(trials)
        self._open_store(backends, resume=resume)
        try:
            left = self._sweep(trials, scouts_of(trials))
            if not left:
                self._repeat_unstable(trials, frac=UNSTEADY_AGAIN_FRAC)
                self._go_on(trials, sweep.plan_further(chosen, backends, tier=tier))
        except KeyboardInterrupt:
            self._write(self._profile(backends, complete=False, notes=("interrupted",)))
            raise
        notes = (f"{left} of {len(trials)} trials did not fit into the budget",) if left else ()
        profile = self._profile(backends, complete=not left, notes=notes)
        self._write(profile)
        self._tell("")
        return profile

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
            self._skip("*", name, why)
        return started

    def _nothing_runs(self, kernels: Sequence[str]) -> str:
        reasons = "; ".join(f"{one.backend}: {one.why}" for one in self.skipped.values())
        return f"no backend here runs {', '.join(kernels)} ({reasons or 'none has it'})"

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
        self.header = header
        self.store.start(header)

    def _go_on(self, done: Sequence[sweep.Trial], further: Sequence[sweep.Trial]) -> None:
        """Spend what is left of the budget on points beyond the tier that it surely has room for."""
        room = max(int(self._left_s() / sweep.TRIAL_S), 0)
        if room:
            self.total += min(room, len(further))
            self._sweep(further, scouts_of([*done, *further]), at_once=room)

    def _sweep(
        self, trials: Sequence[sweep.Trial], scouts: Sequence[Point], *, at_once: int | None = None
    ) -> int:
        """Run trials until they or the budget are through; return how many are left.

        The time left is shared out among all trials, or among the `at_once` that it has room for.
        """
        scouted = at_once is not None
        for index, trial in enumerate(trials):
            if trial.key in self.store.measured:
                continue
            if not trial.point.scout and not scouted:
                scouted = True
                self._repeat_unstable([one for one in trials if one.point.scout], frac=SCOUTS_AGAIN_FRAC)
            winner = sweep.dominated_by(trial, scouts, self.store.measured)
            if winner is not None:
                self._skip(
                    trial.point.kernel, trial.backend, f"{winner} was faster at every scout", trial.point
                )
                continue
            if self._left_s() <= 0:
                return sum(1 for one in trials[index:] if one.key not in self.store.measured)
            self._tell(f"{trial.point.kernel} {trial.point.dtype} {trial.backend}")
            self._stamp()
            left = len(trials) - index if at_once is None else max(at_once - index, 1)
            measurement = self._measure(trial, trials_left=left)
            if measurement is not None:
                self.store.add(measurement)
        return 0

    def _repeat_unstable(self, trials: Sequence[sweep.Trial], *, frac: float = 1.0) -> None:
        """Measure again what was unsteady, for at most a share of the budget; keep the steadier."""
        least_left_s = max(self._left_s() - frac * self.budget_s, 0.0)
        for trial in trials:
            found = self.store.measured.get(trial.key)
            if found is None or found.stable:
                continue
            if self._left_s() - least_left_s < 1.5 * self.measurer.mean_setup_s + LEAST_SHARE_S:
                return
            self._tell(f"again: {trial.point.kernel} {trial.backend}")
            again = self._measure(trial, trials_left=len(trials))
            if again is not None and (again.stable or _doubt(again) < _doubt(found)):
                self.store.add(again)

    def _measure(self, trial: sweep.Trial, *, trials_left: int) -> Measurement | None:
        """Measure one trial; None if it was refused, which is recorded."""
        kernel, backend = KERNELS.get(trial.point.kernel), BACKENDS.get(trial.backend)
        try:
            return self.measurer.measure(trial.point, kernel, backend, share_s=self._share_s(trials_left))
        except Refused as refused:
            self._skip(kernel.name, backend.name, str(refused), trial.point)
            return None

    def _elapsed_s(self) -> float:
        return self.stopwatch.now_s() - self.start_s

    def _left_s(self) -> float:
        return self.budget_s - RESERVE_S - self._elapsed_s()

    def _share_s(self, trials_left: int) -> float:
        fair_s = self._left_s() / max(trials_left, 1) - self.measurer.mean_setup_s
        return min(max(fair_s, LEAST_SHARE_S), MOST_SHARE_S)

    def _tell(self, now: str) -> None:
        if self.on_progress is None:
            return
        elapsed_s, done = self._elapsed_s(), len(self.store.measured)
        left = left_s(done=done, total=self.total, elapsed_s=elapsed_s, budget_s=self.budget_s)
        self.on_progress(Progress(done=done, total=self.total, elapsed_s=elapsed_s, left_s=left, now=now))

    def _stamp(self) -> None:
        """Stamp the conditions now and then."""
        now_s = self.stopwatch.now_s()
        if now_s - self._stamped_s >= STAMP_EVERY_S:
            self._stamped_s = now_s
            self.during.append(self.conditions.stamp())

    def _skip(self, kernel: str, backend: str, why: str, point: Point | None = None) -> None:
        """Record why something was not measured."""
        shape = "" if point is None else " ".join(f"{name}={size}" for name, size in point.shape.items())
        text = f"{point.dtype} {point.format or ''} {shape}: {why}".replace("  ", " ") if point else why
        self.skipped[f"{kernel}:{backend}:{text}"] = Skipped(kernel=kernel, backend=backend, why=text)

    def _profile(self, backends: Iterable[Backend], *, complete: bool, notes: tuple[str, ...]) -> Profile:
        measurements = tuple(self.store.measured.values())
        conditions = self.header.conditions.model_copy(
            update={
                "after": self.conditions.stamp(),
                "during": tuple(self.during),
                "elapsed_s": round(self._elapsed_s(), 3),
                "energy_source": self.measurer.energy.source,
                "why_no_energy": self.measurer.energy.why_not,
            }
        )
        return Profile(
            machine=self.machine,
            conditions=conditions,
            measurements=measurements,
            ceilings=find_ceilings(measurements),
            skipped=tuple(self.skipped.values()),
            complete=complete,
            notes=(*notes, *find_traps(measurements)),
        )

    def _write(self, profile: Profile) -> None:
        if self.output is not None:
            write_record(self.output, profile)
            self.store.finish()


def _doubt(measurement: Measurement) -> float:
    """Return how much there is to doubt: noise, or what else ran, whichever is larger."""
    interference = (measurement.steal_frac, measurement.others_frac, measurement.waited_frac)
    return max(interval_width_frac(measurement.samples_s), *(frac or 0.0 for frac in interference))
