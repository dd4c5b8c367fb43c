"""What the cores give to a fixed loop, told in a millisecond: neighbours on the same core, heat, clock."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from profiler.statistics import quantile

BURSTS = 4
BURST_TURNS = 60_000
"""About a quarter of a millisecond each."""
CALM_FRAC = 0.85
"""Of their best: below this the cores were shared with something."""
BEST_QUANTILE = 0.9
FEWEST_READINGS = 5
"""Before this many nothing is said about the best."""
PAUSE_S = 0.005
"""Between two looks while waiting for calm."""

Loop = Callable[[int], None]


class CoreGauge:
    """Lets every thread turn a fixed loop for a millisecond, all at once.

    A guest's virtual CPUs are hardware threads that others may share: a neighbour on the same core takes up
    to half of it, comes and goes in tenths of seconds, and no counter of the guest tells.

    Parameters
    ----------
    threads : int
        As many as the kernels use.
    loop : callable, optional
        Turns so often on the calling thread, without holding the interpreter; the compiled one by default.
    clock_s : callable, optional
        Monotonic. [s]
    """

    def __init__(
        self, threads: int, loop: Loop | None = None, clock_s: Callable[[], float] = time.perf_counter
    ) -> None:
        self._loop, self._clock_s = loop or compiled_loop(), clock_s
        self._threads = threads
        # Plain threads sleep between readings; those of a library would spin into the next kernel.
        self._pool = ThreadPoolExecutor(max_workers=threads, thread_name_prefix="core-gauge")
        self.firsts: list[float] = []
        """First readings of each wait, which know nothing of calm. [turns/s]"""

    def read(self) -> float:
        """Return the turns of all threads together [turns/s]."""
        start = threading.Barrier(self._threads)
        return sum(self._pool.map(lambda _: self._turn(start), range(self._threads)))

    def _turn(self, start: threading.Barrier) -> float:
        start.wait()
        began_s = self._clock_s()
        for _ in range(BURSTS):
            self._loop(BURST_TURNS)
        return BURSTS * BURST_TURNS / (self._clock_s() - began_s)

    def best(self) -> float | None:
        """Return what the cores give when nobody shares them, as far as was seen; None if too little was."""
        return best_of(self.firsts)

    def await_calm(self, patience_s: float) -> float:
        """Return a reading: the first calm one, or the last one when patience is out [turns/s]."""
        deadline_s = self._clock_s() + patience_s
        found = self.read()
        self.firsts.append(found)
        best = self.best()
        while best is not None and found < CALM_FRAC * best and self._clock_s() < deadline_s:
            time.sleep(PAUSE_S)
            found = self.read()
        return found

    def close(self) -> None:
        """Let the threads go."""
        self._pool.shutdown()


def best_of(readings: list[float]) -> float | None:
    """Return the 90 % quantile of readings, None of few."""
    return quantile(readings, BEST_QUANTILE) if len(readings) >= FEWEST_READINGS else None


def compiled_loop() -> Loop:
    """Return the loop on integers in registers, as numba compiles it."""
    from profiler.backends.compiled import busy

    busy.turn(np.arange(6), 1)
    return lambda turns: busy.turn(np.arange(6), turns)
