"""What memory gave beside a measurement, and whether it limits it."""

from profiler.profile import Measurement
from profiler.statistics import median

LIMITED_FRAC = 0.5
"""What moves its bytes at more than this share of the read bandwidth is limited by memory."""


def limited_by_memory(measurement: Measurement) -> bool:
    """Tell whether a measurement moves its bytes nearly as fast as memory gave them at the time."""
    given = given_bytes_per_s(measurement)
    return given is not None and measurement.bytes_per_s > LIMITED_FRAC * given


def given_bytes_per_s(measurement: Measurement) -> float | None:
    """Return what memory gave to plain reads beside a measurement's passes, by the median of them."""
    readings = [one.read_bytes_per_s for one in measurement.passes if one.read_bytes_per_s is not None]
    return median(readings) if readings else None
