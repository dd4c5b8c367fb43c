"""Bring a trace to another rate, two ways that differ in what they keep.

Compressing time keeps every request and the order of bursts, and makes them
shorter: the shape of the day and every gap shrink by the same factor. Thinning
and superposing keep the clock, so that bursts last as long as they did, and
change how many requests there are: thinning leaves requests out at random,
superposing adds copies that are shifted in time, which smooths what is
independent (fluctuations of the sum of m copies shrink like 1 / sqrt(m)).
"""

from dataclasses import replace
from typing import Protocol

import numpy as np

from tonnage.errors import InvalidInput
from tonnage.files import positive
from workloads.requests import Requests
from workloads.streams import stream


class Scaling(Protocol):
    """Bring requests to a target rate."""

    def __call__(self, requests: Requests, requests_per_s: float, *, seed: int = 0) -> Requests:
        """Return the scaled requests."""


def mean_rate(requests: Requests) -> float:
    """Return the mean arrivals per second.

    Raises
    ------
    InvalidInput
        If all requests arrive at one time.
    """
    if requests.duration_s <= 0:
        raise InvalidInput("the trace has no duration: all its requests arrive at one time")
    return (len(requests) - 1) / requests.duration_s


def compressed(requests: Requests, requests_per_s: float, *, seed: int = 0) -> Requests:
    """Return the same requests on a faster or slower clock; nothing is drawn, so `seed` changes nothing."""
    factor = mean_rate(requests) / positive(requests_per_s, name="target rate", unit="requests per second")
    return replace(requests, arrival_s=requests.arrival_s * factor)


def resampled(requests: Requests, requests_per_s: float, *, seed: int = 0) -> Requests:
    """Return another number of requests on the same clock: thinned, or superposed with shifted copies."""
    wanted = positive(requests_per_s, name="target rate", unit="requests per second") / mean_rate(requests)
    draw = stream(seed, "resample")
    copies = int(np.floor(wanted))
    span_s = requests.duration_s
    times, rows = [], []
    for number in range(copies + 1):
        keep = np.arange(len(requests))
        if number == copies:
            keep = keep[draw.random(len(requests)) < wanted - copies]
        shift_s = 0.0 if number == 0 else draw.uniform(0, span_s)
        times.append((requests.arrival_s[keep] - requests.arrival_s[0] + shift_s) % max(span_s, 1e-300))
        rows.append(keep)
    arrival_s, row = np.concatenate(times), np.concatenate(rows)
    if not len(row):
        raise InvalidInput(f"nothing is left of {len(requests)} requests at {requests_per_s:g} requests/s")
    order = np.argsort(arrival_s, kind="stable")
    return replace(requests.slice(row[order]), arrival_s=arrival_s[order])


SCALINGS: dict[str, Scaling] = {"resample": resampled, "compress": compressed}
WORDS = {
    "resample": "thinned or superposed to {rate:g} requests/s on the same clock: bursts keep their length",
    "compress": "time compressed to {rate:g} requests/s: every request is kept, bursts and gaps shrink alike",
}
"""What each way did, for notes."""
