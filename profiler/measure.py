"""Check and time one kernel on one backend."""

import math
import time
from collections.abc import Sequence

import numpy as np

from hw_targets.machine import Machine
from profiler.backends import Backend
from profiler.backends.accelerator.gauges import slowed, used_between_j
from profiler.backends.backend import Prepared
from profiler.clock import Stopwatch
from profiler.conditions import ConditionsReader
from profiler.core_gauge import CoreGauge
from profiler.energy import EnergyMeter
from profiler.kept import Kept, Ready
from profiler.kernels import Kernel
from profiler.kernels.kernel import Arrays, Point
from profiler.memory_gauge import MemoryGauge
from profiler.profile import Measurement, Pass
from profiler.resting import settle
from profiler.sampler import Limits, sample
from profiler.statistics import median, quantiles, verdict

DEFAULT_LAST_CACHE_BYTES = 64 * 2**20
"""ASSUMED where the probe cannot tell: larger than most last-level caches per socket."""
COLD_FACTOR = 3
"""Rotated copies fill the last-level cache this many times over."""
OUTLIER_FACTOR = 20
"""Of the median time to lay out: what takes longer met a compiler or a host that was slow to give pages, and
says little of the trials to come; one of 11 s among many of 0.1 would take the time for samples from them."""
MEMORY_FACTOR = 6
"""A trial holds its operands about this often: as drawn, as laid out, rotated, as checked."""


class Refused(Exception):
    """A kernel that is wrong, fails or does not fit: a finding, not an error of the bench."""


class Measurer:
    """Measures points on one machine; keeps the inputs of the last one for the next backend.

    Parameters
    ----------
    machine : Machine
    stopwatch : Stopwatch
    conditions : ConditionsReader
    keep_bytes : float
        Memory for points that stay laid out until they are measured again.

    Attributes
    ----------
    setup_s : list of float
        What drawing, laying out and checking took, per trial. [s]
    gauge : MemoryGauge or None
        Tells what memory gave before each pass.
    cores : CoreGauge or None
        Tells what the cores gave before and after each pass, and when they are calm.
    """

    def __init__(
        self,
        machine: Machine,
        stopwatch: Stopwatch,
        conditions: ConditionsReader,
        *,
        keep_bytes: float = 0.0,
    ) -> None:
        self.stopwatch, self.conditions = stopwatch, conditions
        self.cache_bytes = machine.cpu.l3_bytes or DEFAULT_LAST_CACHE_BYTES
        self.usable_bytes = machine.memory.usable_bytes or math.inf
        self.energy = EnergyMeter()
        self.setup_s: list[float] = []
        self.gauge: MemoryGauge | None = None
        self.cores: CoreGauge | None = None
        self.kept = Kept(keep_bytes)
        self._drawn: tuple[str, Arrays] | None = None
        self._rested = False

    @property
    def mean_setup_s(self) -> float:
        """Return the mean of `setup_s`, 0 before the first trial; outliers count with their limit."""
        if not self.setup_s:
            return 0.0
        limit_s = OUTLIER_FACTOR * median(self.setup_s)
        return sum(min(one_s, limit_s) for one_s in self.setup_s) / len(self.setup_s)

    def measure(
        self, point: Point, kernel: Kernel, backend: Backend, *, share_s: float, patience_s: float = 0.0
    ) -> Measurement:
        """Check one point against float64, then time it in one pass.

        A point that was checked before is only timed.

        Parameters
        ----------
        point : Point
        kernel : Kernel
        backend : Backend
        share_s : float
            Time for samples. [s]
        patience_s : float
            How long to wait until the cores are calm. [s]

        Raises
        ------
        Refused
            With the reason in words.
        """
        try:
            prepared, ready = self._ready(point, kernel, backend)
            return self._timed(
                point, kernel, backend, prepared=prepared, ready=ready, share_s=share_s, patience_s=patience_s
            )
        except Refused:
            raise
        except Exception as problem:
            raise Refused(f"{type(problem).__name__}: {problem}"[:300]) from problem

    def _ready(self, point: Point, kernel: Kernel, backend: Backend) -> tuple[Prepared, Ready]:
        """Lay a point out and check it, or find it so."""
        key = f"{backend.name}:{point.key}"
        known = self.kept.get(key)
        if known is not None and known.prepared is not None:
            return known.prepared, known
        start_s = self.stopwatch.now_s()
        self._rested = False
        copies = self._copies_that_fit(point, kernel, backend)
        inputs = self._inputs(point, kernel)
        prepared = backend.prepare(point, inputs, copies)
        error = kernel.error(point, inputs, prepared.output()) if known is None else known.error
        took_s = self.stopwatch.now_s() - start_s
        if error > kernel.tolerance(point):
            raise Refused(f"wrong: relative error {error:.2g}")
        if known is None:
            self.setup_s.append(took_s)
        size_bytes = (copies + 1) * max(kernel.footprint_bytes(point), kernel.work(point).bytes)
        ready = Ready(prepared=prepared, error=error, copies=copies, size_bytes=size_bytes, setup_s=took_s)
        self.kept.put(key, ready)
        return prepared, ready

    def _timed(
        self,
        point: Point,
        kernel: Kernel,
        backend: Backend,
        *,
        prepared: Prepared,
        ready: Ready,
        share_s: float,
        patience_s: float,
    ) -> Measurement:
        """Time one pass."""
        memory = self.gauge.read() if self.gauge is not None else None
        if not self._rested or (self.gauge is not None and self.gauge.just_read):
            settle()
        cores = self.cores.await_calm(patience_s) if self.cores is not None else None
        self.conditions.interference()
        self.energy.used_j()
        timed_by, before = prepared.stopwatch or self.stopwatch, backend.gauge()
        at_s, began_s = time.time(), self.stopwatch.now_s()
        taken = sample(prepared.run, Limits(share_s=share_s), stopwatch=timed_by)
        after, took_s = backend.gauge(), self.stopwatch.now_s() - began_s
        used_j = self.energy.used_j() if backend.device == "cpu" else used_between_j(before, after)
        seen = self.conditions.interference()
        samples_s = tuple(sample_s / prepared.calls for sample_s in taken.samples_s)
        shares = {
            "steal_frac": seen.steal_frac, "others_frac": seen.others_frac, "waited_frac": seen.waited_frac
        }  # fmt: skip
        why = verdict(samples_s, **shares, tick_frac=seen.tick_frac) or slowed(after)
        work = kernel.work(point)
        taken_at = Pass(
            at_s=at_s, samples=len(samples_s), read_bytes_per_s=memory,
            core_turns_per_s=self._between(cores), why_unsteady=why, **shares,
        )  # fmt: skip
        return Measurement(
            kernel=kernel.name, backend=backend.name, device=backend.device, dtype=point.dtype,
            format=point.format, shape=dict(point.shape), flop=work.flop, bytes=work.bytes,
            samples_s=samples_s, loops=taken.loops * prepared.calls, copies=ready.copies, error=ready.error,
            energy_j=_call_energy_j(used_j, took_s, samples_s), **shares,
            time_s=quantiles(samples_s), stable=why is None, why_unstable=why,
            passes=(taken_at,),
        )  # fmt: skip

    def _between(self, before: float | None) -> float | None:
        """Return the mean of what the cores gave before and give now, once the kernel's workers rest."""
        self._rested = self.cores is not None
        if self.cores is None or before is None:
            return None
        settle()
        return (before + self.cores.read()) / 2

    def _copies_that_fit(self, point: Point, kernel: Kernel, backend: Backend) -> int:
        """Return over how many copies to rotate.

        Raises
        ------
        Refused
            If there is no memory for one.
        """
        whole = max(kernel.footprint_bytes(point), kernel.work(point).bytes)
        usable_bytes = backend.memory_bytes() or self.usable_bytes
        if MEMORY_FACTOR * whole > usable_bytes:
            raise Refused(f"needs about {MEMORY_FACTOR * whole:.3g} bytes of memory")
        room = usable_bytes / (MEMORY_FACTOR * whole)
        wanted = self._copies(kernel.roamed_bytes(point), backend.cache_bytes() or self.cache_bytes)
        return max(min(wanted, math.floor(min(room, kernel.most_copies))), 1)

    def _copies(self, roamed_bytes: float, cache_bytes: int) -> int:
        return max(math.ceil(COLD_FACTOR * cache_bytes / max(roamed_bytes, 1.0)), 1)

    def _inputs(self, point: Point, kernel: Kernel) -> Arrays:
        if self._drawn is None or self._drawn[0] != point.key:
            self._drawn = None  # freed before the next is drawn
            self._drawn = point.key, kernel.inputs(point, np.random.default_rng(0))
        return self._drawn[1]


def _call_energy_j(used_j: float | None, took_s: float, samples_s: Sequence[float]) -> float | None:
    """Return mean power over all that was run times the median time of one call [J]."""
    return None if used_j is None or took_s <= 0 else used_j / took_s * median(samples_s)
