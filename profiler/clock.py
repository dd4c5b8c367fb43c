"""The clock: monotonic nanoseconds, less what reading it costs."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median

Ticks = Callable[[], int]
"""Returns monotonic nanoseconds."""


def read_overhead_s(ticks: Ticks = time.perf_counter_ns, *, reads: int = 301) -> float:
    """Return the time that two reads in a row show [s]: the median of `reads`."""
    stamps = [ticks() for _ in range(reads)]
    return median(later - earlier for earlier, later in pairwise(stamps)) * 1e-9


@dataclass(frozen=True, slots=True)
class Stopwatch:
    """Times calls; a test passes its own `ticks`."""

    ticks: Ticks = time.perf_counter_ns
    overhead_s: float = field(default=0.0)

    @classmethod
    def calibrated(cls, ticks: Ticks = time.perf_counter_ns) -> "Stopwatch":
        """Return a stopwatch that subtracts the measured cost of reading `ticks`."""
        return cls(ticks, read_overhead_s(ticks))

    def now_s(self) -> float:
        """Return seconds since an arbitrary start."""
        return self.ticks() * 1e-9

    def time_s(self, run: Callable[[], object], loops: int) -> float:
        """Return the time of one call of `run`, from `loops` calls in a row [s]."""
        start = self.ticks()
        for _ in range(loops):
            run()
        elapsed_s = (self.ticks() - start) * 1e-9
        return max(elapsed_s - self.overhead_s, 1e-10) / loops
