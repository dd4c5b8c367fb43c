"""What memory gives to plain reads, told in milliseconds: the weather of a shared host."""

import time
from collections.abc import Callable

import numpy as np

from profiler.clock import Stopwatch
from profiler.core_gauge import CALM_FRAC, best_of
from profiler.profile import MemoryReading

EVERY_S = 1.0
"""Between readings."""
_CALLS = 3
_LEAST_BYTES = 64 * 2**20
_COLD_FACTOR = 3


class MemoryGauge:
    """Reads an array past the caches now and then, and keeps what it saw.

    Parameters
    ----------
    threads : int
        That numba's backend was started with.
    cache_bytes : int
        Of the last level.
    stopwatch : Stopwatch
    """

    def __init__(self, *, threads: int, cache_bytes: int, stopwatch: Stopwatch) -> None:
        self._run, self._bytes = _reader(threads, max(_LEAST_BYTES, _COLD_FACTOR * cache_bytes))
        self._stopwatch = stopwatch
        self._next_s = 0.0
        self.just_read = False
        """Whether the last call read anew, after which its workers spin for a while."""
        self.readings: list[MemoryReading] = []

    def read(self) -> float:
        """Return the bandwidth, measured anew if the last reading is older than a second [bytes/s]."""
        self.just_read = self._stopwatch.now_s() >= self._next_s or not self.readings
        if self.just_read:
            took_s = min(self._stopwatch.time_s(self._run, 1) for _ in range(_CALLS))
            self.readings.append(MemoryReading(at_s=time.time(), read_bytes_per_s=self._bytes / took_s))
            self._next_s = self._stopwatch.now_s() + EVERY_S
        return self.readings[-1].read_bytes_per_s

    def calm(self) -> bool:
        """Tell whether memory gave near the best that was seen when it was read last, or too little was."""
        given = [one.read_bytes_per_s for one in self.readings]
        best = best_of(given)
        return best is None or given[-1] >= CALM_FRAC * best


def _reader(threads: int, size_bytes: int) -> tuple[Callable[[], object], int]:
    from profiler.backends.compiled import stream
    from profiler.backends.compiled.jit import aligned_empty
    from profiler.backends.compiled.lanes import LANES

    count = size_bytes // 4 // stream.STEP * stream.STEP
    source = aligned_empty((count,), np.float32)
    source.fill(1.0)
    sums = np.zeros((threads, LANES), np.float32)
    return lambda: stream.read(source, sums, threads), 4 * count
