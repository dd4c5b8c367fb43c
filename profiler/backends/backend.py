"""A backend: who runs kernels. It says what it can run and whether it is here, before any work."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import cycle
from typing import ClassVar, NamedTuple

from profiler.backends.accelerator.gauges import Gauge
from profiler.clock import Stopwatch
from profiler.kernels.kernel import Arrays, Point


class Feature(NamedTuple):
    """A family of points that a backend can run."""

    kernel: str
    dtype: str
    format: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """One point, ready to be timed.

    Attributes
    ----------
    run : callable
        One call of the kernel; successive calls use successive copies of
        the rotated inputs.
    output : callable
        Runs one call on fresh inputs and returns what it wrote, for the check.
    calls : int
        Calls of the kernel that one `run` makes, for libraries that run many as one graph.
    """

    run: Callable[[], object]
    output: Callable[[], Arrays]
    calls: int = 1
    stopwatch: Stopwatch | None = None
    """Times runs on the device's own clock; None where a run is done when it returns."""


class Backend(ABC):
    """Runs kernels on one kind of device."""

    name: ClassVar[str]
    device: ClassVar[str] = "cpu"
    modules: ClassVar[tuple[str, ...]]
    """Packages it needs."""
    features: ClassVar[frozenset[Feature]]

    def why_not(self) -> str | None:
        """Return what to install, or None if everything is there; imports nothing heavy."""
        missing = [module for module in self.modules if find_spec(module) is None]
        if not missing:
            return None
        return f"{' and '.join(missing)} not installed: pip install 'tonnage[bench]'"

    def runs(self, point: Point) -> bool:
        """Tell whether it has a kernel for this point's family."""
        return Feature(*point.family) in self.features

    @abstractmethod
    def start(self, threads: int) -> None:
        """Import what is needed and set the number of threads; ImportError if it is broken."""

    @abstractmethod
    def versions(self) -> Mapping[str, str]:
        """Return version by library, once started."""

    def cache_bytes(self) -> int | None:
        """Return the size of the device's last cache; None: the host's."""
        return None

    def memory_bytes(self) -> float | None:
        """Return the memory that is free on the device; None: the host's."""
        return None

    def gauge(self) -> Gauge | None:
        """Return what the device tells of itself now; None: nothing beyond the host's conditions."""
        return None

    @abstractmethod
    def prepare(self, point: Point, inputs: Arrays, copies: int) -> Prepared:
        """Lay out the inputs, `copies` times where they are rotated, and bind one call."""


def rotating(calls: Sequence[Callable[[], object]]) -> Callable[[], object]:
    """Return a call that runs each of `calls` in turn."""
    if len(calls) == 1:
        return calls[0]
    following = cycle(calls).__next__
    return lambda: following()()
