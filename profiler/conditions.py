"""The state of the host while it is measured: load, clock, heat, stolen time, free memory."""

import os
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psutil

from profiler.energy import EnergyMeter
from profiler.profile import Conditions
from profiler.statistics import TICK_S

_TASKS = Path("/proc/self/task")
_GOVERNOR = Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")


@dataclass(frozen=True, slots=True, kw_only=True)
class Interference:
    """What else ran meanwhile, as shares of the CPU time that there was; None is not told here."""

    steal_frac: float | None = None
    """Taken by the hypervisor for other guests."""
    others_frac: float | None = None
    """Used by other programs on this host; told in ticks, so blind over short times."""
    waited_frac: float | None = None
    """Time that threads of this process stood ready without a CPU, over wall time. Exact; Linux only."""
    tick_frac: float = 0.0
    """Share of the CPU time that one tick of its count makes: the others are known no better."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _CpuTimes:
    """Seconds since some start, over all CPUs."""

    whole: float
    idle: float
    stolen: float | None
    own: float
    waited: float | None
    wall: float


class ConditionsReader:
    """Stamps conditions; keeps the CPU times of the last reading to tell what happened since."""

    def __init__(self) -> None:
        self._last = _cpu_times()
        self._energy, self._stamped_s = EnergyMeter(), time.perf_counter()

    def interference(self) -> Interference:
        """Return what else ran since the last reading."""
        earlier, now = self._last, _cpu_times()
        self._last = now
        whole = now.whole - earlier.whole
        if whole <= 0:
            return Interference(waited_frac=_waited_frac(earlier, now))
        stolen = 0.0 if now.stolen is None or earlier.stolen is None else now.stolen - earlier.stolen
        busy = whole - (now.idle - earlier.idle) - stolen
        return Interference(
            steal_frac=None if now.stolen is None else min(max(stolen / whole, 0.0), 1.0),
            others_frac=min(max((busy - (now.own - earlier.own)) / whole, 0.0), 1.0),
            waited_frac=_waited_frac(earlier, now),
            tick_frac=TICK_S / whole,
        )

    def stamp(self) -> Conditions:
        """Read everything that can be read here."""
        return Conditions(
            taken_at=datetime.now(UTC).isoformat(timespec="seconds"),
            load_1min=_load(),
            cpu_frequency_hz=_frequency_hz(),
            governor=_governor(),
            temperature_c=_temperature_c(),
            steal_frac=self.interference().steal_frac,
            memory_available_bytes=int(psutil.virtual_memory().available),
            power_w=self._power_w(),
        )

    def _power_w(self) -> float | None:
        """Return the mean power of the CPU packages since the last stamp."""
        used_j, now_s = self._energy.used_j(), time.perf_counter()
        elapsed_s, self._stamped_s = now_s - self._stamped_s, now_s
        return None if used_j is None or elapsed_s <= 0 else used_j / elapsed_s


def _cpu_times() -> _CpuTimes:
    times = psutil.cpu_times()
    # Guest time is counted in user time already.
    whole = sum(times) - getattr(times, "guest", 0.0) - getattr(times, "guest_nice", 0.0)
    return _CpuTimes(
        whole=whole,
        idle=times.idle + getattr(times, "iowait", 0.0),
        stolen=getattr(times, "steal", None),
        own=time.process_time(),
        waited=_waited_s(),
        wall=time.perf_counter(),
    )


def _waited_s() -> float | None:
    """Return how long threads of this process have stood in run queues, ready but not running [s]."""
    waited_ns = 0
    try:
        for thread in _TASKS.iterdir():
            with suppress(FileNotFoundError, ProcessLookupError):  # it has ended meanwhile
                waited_ns += int((thread / "schedstat").read_text(encoding="ascii").split()[1])
    except (OSError, ValueError, IndexError):
        return None
    return waited_ns * 1e-9


def _waited_frac(earlier: _CpuTimes, now: _CpuTimes) -> float | None:
    if earlier.waited is None or now.waited is None or now.wall <= earlier.wall:
        return None
    return max(now.waited - earlier.waited, 0.0) / (now.wall - earlier.wall)


def _load() -> float | None:
    with suppress(OSError, AttributeError):
        return round(os.getloadavg()[0], 2)
    return None


def _frequency_hz() -> float | None:
    with suppress(OSError, AttributeError, RuntimeError, NotImplementedError):
        frequency = psutil.cpu_freq()
        if frequency is not None and frequency.current > 0:
            return float(frequency.current) * 1e6
    return None


def _governor() -> str | None:
    with suppress(OSError):
        return _GOVERNOR.read_text(encoding="ascii").strip() or None
    return None


def _temperature_c() -> float | None:
    with suppress(OSError, AttributeError, RuntimeError):
        readings = [reading.current for group in psutil.sensors_temperatures().values() for reading in group]
        return max(readings, default=None)
    return None
