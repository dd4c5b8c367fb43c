"""Fit a description of traffic to a trace, and say how well it fits."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from tonnage.errors import InvalidInput
from tonnage.files import Record
from workloads.arrivals import HOUR_S, arrival_times
from workloads.requests import Requests
from workloads.trace_scale import mean_rate
from workloads.traffic import Arrivals, Length, Traffic

Array = NDArray[np.float64]
QUANTILES = 101
"""Lengths are kept as their percentiles."""
NO_BETTER = 0.02
"""A process with more parameters must be nearer than this to be preferred."""
WINDOW_S, MOST_WINDOWS = 60.0, 1440
"""Rates by window: their shortest length, and how many there are at most."""
DAYS_FOR_SHAPE = 1.0
"""A daily shape needs a whole day of trace."""


class Goodness(Record):
    """Distances between a trace and its description: largest gap of the distribution functions, 0 to 1."""

    gaps_ks: float
    prompt_ks: float
    output_ks: float
    gap_cv: float
    idc_60_s: float | None
    """Variance over mean of the counts per minute; 1 is Poisson. None below ten minutes."""


def fit_traffic(requests: Requests, *, name: str = "trace") -> tuple[Traffic, Goodness]:
    """Describe a trace: rate, burstiness or changing rates, lengths by percentiles, their correlation.

    Raises
    ------
    InvalidInput
        Below ten requests.
    """
    if len(requests) < 10:
        raise InvalidInput(f"{len(requests)} requests are too few to describe traffic; 10 are the least")
    gaps = np.diff(requests.arrival_s)
    gap_cv = float(np.std(gaps) / np.mean(gaps)) if np.mean(gaps) > 0 else 1.0
    prompt, output = requests.prompt_tokens.astype(float), requests.output_tokens.astype(float)
    arrivals, gaps_ks = _arrivals(requests, gap_cv)
    traffic = Traffic(
        name=name,
        arrivals=arrivals,
        prompt=_length(prompt),
        output=_length(output),
        correlation=_correlation(prompt, output),
        source=f"fitted to {len(requests)} requests",
    )
    return traffic, Goodness(
        gaps_ks=gaps_ks,
        prompt_ks=distance(prompt, traffic.prompt.tokens(_grid()).astype(float)),
        output_ks=distance(output, traffic.output.tokens(_grid()).astype(float)),
        gap_cv=gap_cv,
        idc_60_s=_idc(requests.arrival_s, 60.0),
    )


def distance(first: Array, second: Array) -> float:
    """Return the Kolmogorov-Smirnov distance of two samples."""
    first, second = np.sort(first), np.sort(second)
    at = np.concatenate([first, second])
    below_first = np.searchsorted(first, at, side="right") / len(first)
    below_second = np.searchsorted(second, at, side="right") / len(second)
    return float(np.max(np.abs(below_first - below_second)))


def _grid(size: int = 4000) -> Array:
    return np.asarray((np.arange(size) + 0.5) / size)


def _length(tokens: Array) -> Length:
    return Length(
        mean=float(tokens.mean()),
        quantiles=tuple(float(value) for value in np.quantile(tokens, np.linspace(0, 1, QUANTILES))),
    )


def _arrivals(requests: Requests, gap_cv: float) -> tuple[Arrivals, float]:
    """Return the simplest process whose gaps are about as near to the log as any, and the distance."""
    gaps = np.diff(requests.arrival_s)
    found = [(_gaps_ks(gaps, each), each) for each in _candidates(requests, gap_cv)]
    least = min(distance for distance, _ in found)
    return next((each, distance) for distance, each in found if distance <= least + NO_BETTER)


def _candidates(requests: Requests, gap_cv: float) -> Iterator[Arrivals]:
    """Yield processes, the simplest first: Poisson, gamma gaps, the hours of the day, rates by window."""
    rate, arrival_s = mean_rate(requests), requests.arrival_s - requests.arrival_s[0]
    yield Arrivals(requests_per_s=rate)
    if not 0.9 <= gap_cv <= 1.1:
        yield Arrivals(process="gamma", requests_per_s=rate, gap_cv=_cv(gap_cv))
    day_s = 24 * HOUR_S
    if requests.duration_s >= DAYS_FOR_SHAPE * day_s:
        hourly = np.bincount((arrival_s % day_s // HOUR_S).astype(int), minlength=24).astype(float)
        yield Arrivals(process="diurnal", requests_per_s=rate, hourly=tuple(hourly))
    if (_idc(arrival_s, WINDOW_S) or 0.0) > 2.0:
        window_s = max(WINDOW_S, requests.duration_s / MOST_WINDOWS)
        counts = np.bincount((arrival_s // window_s).astype(int)).astype(float)
        measure = np.concatenate([[0.0], counts.cumsum()])
        spent = np.interp(arrival_s, np.arange(len(counts) + 1) * window_s, measure)
        within = np.diff(spent)
        cv = _cv(float(np.std(within) / np.mean(within)))
        plain = {"process": "profile", "requests_per_s": rate, "rates": tuple(counts), "window_s": window_s}
        yield Arrivals.parse(plain, where="fit")
        yield Arrivals.parse({**plain, "gap_cv": cv}, where="fit")


def _cv(value: float) -> float:
    return min(max(value, 0.05), 50.0)


def _correlation(prompt: Array, output: Array) -> float:
    """Correlate the normal scores, as `arrivals.draw` uses them."""
    from scipy.special import ndtri
    from scipy.stats import rankdata

    scores = [ndtri((rankdata(column) - 0.5) / len(column)) for column in (prompt, output)]
    if any(np.std(column) == 0 for column in scores):
        return 0.0
    return float(np.clip(np.corrcoef(scores[0], scores[1])[0, 1], -1, 1))


def _gaps_ks(gaps: Array, arrivals: Arrivals) -> float:
    """Return the distance of the gaps to those of the process, over as many requests or more."""
    drawn = next(arrival_times(arrivals, 0, chunk=min(max(len(gaps), 20_000), 400_000)))
    return distance(gaps, np.diff(drawn))


def _idc(arrival_s: Array, window_s: float) -> float | None:
    windows = int((arrival_s[-1] - arrival_s[0]) // window_s)
    if windows < 10:
        return None
    counts, _ = np.histogram(arrival_s - arrival_s[0], bins=windows, range=(0, windows * window_s))
    return float(np.var(counts) / np.mean(counts))
