"""Times calls on the device's own clock: events around them, caches emptied between where they must be."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Any, Protocol

from profiler.clock import Stopwatch


class Events(Protocol):
    """Marks in the queue of a device."""

    def record(self) -> Any:
        """Put a mark into the queue."""

    def elapsed_s(self, start: Any, end: Any) -> float:
        """Wait for both marks; return the time between them [s]."""


class HostEvents:
    """Marks of a device that does each call before it returns: the CPU."""

    def record(self) -> int:
        """Read the clock."""
        return time.perf_counter_ns()

    def elapsed_s(self, start: int, end: int) -> float:
        """Return the difference."""
        return (end - start) * 1e-9


@dataclass(frozen=True, slots=True)
class EventStopwatch(Stopwatch):
    """Times calls by events.

    Attributes
    ----------
    events : Events
        Marks on the device.
    flush : callable or None
        Empties the device's caches. Where it is given, it runs before every run, outside of the marks: it
        also keeps the device busy while the host queues what follows, so that no gap is timed.
    """

    events: Events = HostEvents()  # noqa: RUF009 - holds no state
    flush: Callable[[], object] | None = None

    def time_s(self, run: Callable[[], object], loops: int) -> float:
        """Return the time of one run, from `loops` of them [s]."""
        if self.flush is None:
            spans = [self._span(run, loops)]
        else:
            spans = []
            for _ in range(loops):
                self.flush()
                spans.append(self._span(run, 1))
        elapsed_s = sum(self.events.elapsed_s(*span) - self.overhead_s for span in spans)
        return max(elapsed_s, 1e-10) / loops

    def _span(self, run: Callable[[], object], loops: int) -> tuple[Any, Any]:
        start = self.events.record()
        for _ in range(loops):
            run()
        return start, self.events.record()


def event_overhead_s(events: Events, *, pairs: int = 101) -> float:
    """Return the time between two marks with nothing between them [s]: the median of `pairs`."""
    spans = [(events.record(), events.record()) for _ in range(pairs)]
    return median(events.elapsed_s(start, end) for start, end in spans)
