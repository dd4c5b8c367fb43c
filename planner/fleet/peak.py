"""The largest rate of a class: its busiest period, and the peaks within it."""

from workloads.scenario import TrafficClass


def busiest(traffic: TrafficClass) -> float:
    """Return the rate of the busiest period over the mean rate."""
    return max(traffic.profile, default=1.0)


def peak_rate(traffic: TrafficClass) -> float:
    """Return what units are sized for when every class is busiest [requests/s]."""
    return traffic.requests_per_s * traffic.peak_to_mean * busiest(traffic)
