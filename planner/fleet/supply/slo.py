"""How sure a limit is: quantiles of a predicted capacity to the probability that a load fits."""

import math
from collections.abc import Iterable
from statistics import NormalDist

from tonnage.evidence import Z90, Quantiles

_NORMAL = NormalDist()


def at_confidence(capacity: Quantiles, confidence: float) -> float:
    """Return the capacity that is reached with this probability.

    Parameters
    ----------
    capacity : Quantiles
        Prediction of the largest rate under the limits. [requests/s]
    confidence : float
        At least 0.5: the median; 0.9: the p10.

    Returns
    -------
    float
        [requests/s], 0 if the lower tail reaches it.

    Notes
    -----
    The lower half of a log-normal through p10 and p50:
    c = p50 (p10 / p50)^(z / z90), z the normal quantile of the confidence.
    """
    if capacity.p50 <= 0:
        return 0.0
    z = _NORMAL.inv_cdf(confidence)
    if capacity.p10 <= 0:
        return capacity.p50 * max(0.0, 1.0 - z / Z90)
    return float(capacity.p50 * (capacity.p10 / capacity.p50) ** (z / Z90))


def probability(capacity: Quantiles, *, needed: float) -> float:
    """Return the probability that a capacity reaches what is needed; inverse of `at_confidence`."""
    if needed <= 0:
        return 1.0
    if capacity.p50 <= 0:
        return 0.0
    edge = capacity.p10 if needed < capacity.p50 else capacity.p90
    if edge == capacity.p50:
        return float(needed <= capacity.p50)
    if edge <= 0:
        return 0.5 + 0.4 * (1.0 - needed / capacity.p50)
    z = math.log(capacity.p50 / needed) / abs(math.log(capacity.p50 / edge)) * Z90
    return _NORMAL.cdf(z)


def all_hold(probabilities: Iterable[float]) -> float:
    """Return the probability that all kinds hold, as if they erred independently.

    Errors of one predictor tend to go the same way on all kinds, so this is the
    cautious side.
    """
    return math.prod(probabilities)
