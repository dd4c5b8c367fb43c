"""Memory bandwidth that wandered during a bench, and the measurements that wandered with it."""

from collections.abc import Iterable, Sequence

from profiler.profile import Measurement, MemoryReading
from profiler.statistics import median, quantile

LIMITED_FRAC = 0.5
"""What moves its bytes at more than this share of the read bandwidth is limited by memory."""
WANDERED_FRAC = 0.12
"""Between the 10 and 90 % quantiles of the readings."""
FEWEST_READINGS = 5


def limited_by_memory(measurement: Measurement) -> bool:
    """Tell whether a measurement moves its bytes nearly as fast as memory gave them at the time."""
    given = given_bytes_per_s(measurement)
    return given is not None and measurement.bytes_per_s > LIMITED_FRAC * given


def given_bytes_per_s(measurement: Measurement) -> float | None:
    """Return what memory gave to plain reads beside a measurement's passes, by the median of them."""
    readings = [one.read_bytes_per_s for one in measurement.passes if one.read_bytes_per_s is not None]
    return median(readings) if readings else None


def wandered(readings: Sequence[MemoryReading]) -> tuple[float, float] | None:
    """Return between which bandwidths memory wandered, or None where it kept still [bytes/s]."""
    if len(readings) < FEWEST_READINGS:
        return None
    rates = [one.read_bytes_per_s for one in readings]
    low, high = quantile(rates, 0.1), quantile(rates, 0.9)
    return (low, high) if high / low - 1 > WANDERED_FRAC else None


def judged(measurements: Iterable[Measurement], readings: Sequence[MemoryReading]) -> tuple[Measurement, ...]:
    """Call unsteady what memory limits, where memory wandered: its passes saw only some of that.

    Parameters
    ----------
    measurements : iterable of Measurement
    readings : sequence of MemoryReading
        Of the whole bench.
    """
    bounds = wandered(readings)
    if bounds is None:
        return tuple(measurements)
    low, high = bounds
    why = (
        f"memory gave between {low / 1e9:.0f} and {high / 1e9:.0f} GB/s while the bench ran, and this is "
        "limited by it; repeat when the host is calmer"
    )
    return tuple(
        one.model_copy(update={"stable": False, "why_unstable": why})
        if one.stable and limited_by_memory(one)
        else one
        for one in measurements
    )
