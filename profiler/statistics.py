"""What samples say: median with its interval, spread, drift, and a verdict in words."""

import math
from collections.abc import Sequence

from tonnage.evidence import Quantiles

CONFIDENCE = 0.95
WIDE_FRAC = 0.05
"""A median known no better than this is called unstable. Idle sample sets on shared
machines agree within 2 to 3 %, so a tighter limit would only name the weather."""
DRIFT_FRAC = 0.10
WAITED_FRAC = 0.10
"""Passes that waited 3 to 10 % of the time came out no slower than others over eleven benches."""
STEAL_FRAC = 0.02
OTHERS_FRAC = 0.05
TICK_S = 0.01
"""The system counts CPU time in ticks: a share is only known to one or two of them."""
FEW_SAMPLES = 3
"""Below this nothing is said about spread."""
TREND_SAMPLES = 10
"""Below this a drift cannot be told from noise."""


def median(samples: Sequence[float]) -> float:
    """Return the middle of the samples, or the mean of the middle two."""
    ordered = sorted(samples)
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2


def quantile(samples: Sequence[float], fraction: float) -> float:
    """Return a quantile, linear between order statistics.

    Examples
    --------
    >>> quantile([1.0, 2.0, 3.0, 4.0], 0.5)
    2.5
    """
    ordered = sorted(samples)
    position = fraction * (len(ordered) - 1)
    below = math.floor(position)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (position - below) * (ordered[above] - ordered[below])


def quantiles(samples: Sequence[float]) -> Quantiles:
    """Return the 10, 50 and 90 % quantiles of the samples."""
    return Quantiles(
        p10=quantile(samples, 0.1), p50=median(samples), p90=max(quantile(samples, 0.9), median(samples))
    )


def median_interval(samples: Sequence[float], confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Return the interval that holds the true median, whatever the distribution.

    Parameters
    ----------
    samples : sequence of float, length n >= 1
    confidence : float
        Least coverage; below 6 samples 95 % cannot be had and all samples
        are the interval.

    Returns
    -------
    low, high : float
        In the unit of the samples.

    Notes
    -----
    The number of samples below the median is binomial (n, 1/2), so the order
    statistics k and n + 1 - k cover it with probability 1 - 2 P(B < k).

    References
    ----------
    .. [1] H. A. David and H. N. Nagaraja, "Order Statistics", 3rd ed., 2003,
       section 7.1.

    Examples
    --------
    >>> median_interval([1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    (1.0, 6.0)
    """
    ordered = sorted(samples)
    n = len(ordered)
    tail, rank, term = 0.0, 0, 0.5**n if n < 1000 else 0.0
    if n >= 1000:
        return _normal_interval(ordered, confidence)
    while rank < (n - 1) // 2 and tail + term <= (1 - confidence) / 2:
        tail += term
        term *= (n - rank) / (rank + 1)
        rank += 1
    low = max(rank - 1, 0)
    return ordered[low], ordered[n - 1 - low]


def _normal_interval(ordered: Sequence[float], confidence: float) -> tuple[float, float]:
    # 1.96 standard deviations of binomial (n, 1/2); beyond 1000 samples the two agree to a rank.
    n = len(ordered)
    z = 1.959964 if confidence == CONFIDENCE else math.sqrt(2 * math.log(2 / (1 - confidence)))
    low = max(math.floor(n / 2 - z * math.sqrt(n) / 2) - 1, 0)
    return ordered[low], ordered[n - 1 - low]


def interval_width_frac(samples: Sequence[float]) -> float:
    """Return half the width of the median's interval over the median."""
    low, high = median_interval(samples)
    return (high - low) / (2 * median(samples))


def mad(samples: Sequence[float]) -> float:
    """Return the median absolute deviation from the median."""
    middle = median(samples)
    return median([abs(sample - middle) for sample in samples])


def drift_frac(samples: Sequence[float]) -> float:
    """Return how much slower the second half is than the first, by their medians."""
    half = len(samples) // 2
    if half == 0:
        return 0.0
    return median(samples[-half:]) / median(samples[:half]) - 1


def verdict(
    samples: Sequence[float],
    *,
    steal_frac: float | None = None,
    others_frac: float | None = None,
    waited_frac: float | None = None,
    tick_frac: float = 0.0,
) -> str | None:
    """Say why these samples should not be trusted, and what would help; None if they can be.

    Parameters
    ----------
    samples : sequence of float
        Times in the order in which they were taken. [s]
    steal_frac : float, optional
        Share of CPU time that the hypervisor took meanwhile.
    others_frac : float, optional
        Share of CPU time that other programs used meanwhile.
    waited_frac : float, optional
        Time that all threads together stood ready without a CPU, over wall time: a kernel
        that waits for the same time slice at each call looks steady.
    tick_frac : float
        Share of the CPU time that one tick of its count makes: `steal_frac` is known to one of
        them and `others_frac`, a difference, to two.
    """
    if len(samples) < FEW_SAMPLES:
        return f"only {len(samples)} samples fitted into the time share; give a larger --budget"
    if steal_frac is not None and steal_frac > STEAL_FRAC + tick_frac:
        return f"the hypervisor took {steal_frac:.0%} of the CPU time; repeat when the host is calmer"
    if waited_frac is not None and waited_frac > WAITED_FRAC:
        waited = f"{waited_frac:.0%} of the time"
        return f"its threads together waited {waited} for a CPU; close other programs and repeat"
    if others_frac is not None and others_frac > OTHERS_FRAC + 2 * tick_frac:
        return f"other programs used {others_frac:.0%} of the CPU time; close them and repeat"
    drift = drift_frac(samples)
    if abs(drift) > DRIFT_FRAC and _halves_differ(samples):
        trend = "slower" if drift > 0 else "faster"
        return (
            f"the second half of the samples is {abs(drift):.0%} {trend}: clock, heat or other load changed "
            "meanwhile; repeat with a fixed governor or after a pause"
        )
    width = interval_width_frac(samples)
    if width > WIDE_FRAC:
        return (
            f"the median is only known to ±{width:.0%} (spread {mad(samples) / median(samples):.0%}); "
            "close other programs or give a larger --budget"
        )
    return None


def _halves_differ(samples: Sequence[float]) -> bool:
    """Tell whether the medians of both halves differ beyond their intervals."""
    half = len(samples) // 2
    if len(samples) < TREND_SAMPLES:
        return False
    early_low, early_high = median_interval(samples[:half])
    late_low, late_high = median_interval(samples[-half:])
    return late_low > early_high or late_high < early_low
