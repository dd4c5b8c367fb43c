r"""The roofline with saturation: the time of one kernel call, and the fit of its law to samples.

.. math::

    t = t_0 + \left[\left(\frac{w_f}{P\,e_c(w_f)}\right)^q
            + \left(\frac{w_b}{B\,e_b(w_b)}\right)^q\right]^{1/q},
    \qquad e(w) = e_\infty \frac{w}{w + w_{1/2}}

with flop :math:`w_f` and bytes :math:`w_b` of the call. The hard roof is Williams, Waterman and
Patterson, "Roofline", CACM 52(4), 2009; half-performance lengths are Hockney and Jesshope's
:math:`n_{1/2}` ("Parallel Computers 2", 1988).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tonnage.errors import FitRejected
from workloads.ops import Amount

Array = NDArray[np.float64]

ROBUST_SCALE = 0.1
"""Log residual beyond which a sample counts less: 10 % is ordinary noise of a shared machine."""
_RATE_PRIOR_SIGMA = 0.7
_SMALL_PRIOR_SIGMA = 2.0
_SHARPNESS_PRIOR = (4.0, 0.5)
_SHARPNESS_BOUNDS = (1.0, 16.0)
_SMALLEST = 1e-30


@dataclass(frozen=True, slots=True, kw_only=True)
class Coefficients:
    """What the law needs besides the work: seconds, flop/s, flop, bytes/s, bytes, 1.

    A rate of infinity removes its roof. All may be scalars or arrays of one shape.
    """

    overhead_s: Amount = 0.0
    peak_flop_per_s: Amount = np.inf
    half_flop: Amount = 0.0
    bandwidth_bytes_per_s: Amount = np.inf
    half_bytes: Amount = 0.0
    sharpness: Amount = 4.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Samples:
    """Median times of calls with their work; arrays of one length.

    `noise` is the log error that a sample is trusted to: 0.1 where nothing is said.
    """

    flop: Array
    bytes: Array
    time_s: Array
    noise: Amount = ROBUST_SCALE

    def without(self, index: int) -> "Samples":
        """Return all samples but one."""
        keep = np.arange(self.time_s.size) != index
        noise = np.broadcast_to(self.noise, self.time_s.shape)[keep]
        return Samples(flop=self.flop[keep], bytes=self.bytes[keep], time_s=self.time_s[keep], noise=noise)


@dataclass(frozen=True, slots=True, kw_only=True)
class Prior:
    """Where coefficients lie before anything was measured: centres of log-normals."""

    overhead_s: float
    peak_flop_per_s: float | None
    bandwidth_bytes_per_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """A fitted law with the log residuals of each sample when left out."""

    coefficients: Coefficients
    held_out_log_error: Array


def call_time_s(coefficients: Coefficients, flop: Amount, bytes_: Amount) -> Array:
    """Time of one call.

    Parameters
    ----------
    coefficients : Coefficients
        The law.
    flop, bytes_ : array_like
        Work of the call [flop], [bytes]; they broadcast with each other.

    Returns
    -------
    ndarray
        Seconds. Grows with either work, is at least the overhead, and at least each roof.

    Examples
    --------
    >>> law = Coefficients(peak_flop_per_s=1e12, bandwidth_bytes_per_s=1e11, sharpness=16.0)
    >>> f"{float(call_time_s(law, 1e12, 1e9)):.3f}"
    '1.000'
    """
    compute_s = _ramp(flop, coefficients.half_flop, coefficients.peak_flop_per_s)
    memory_s = _ramp(bytes_, coefficients.half_bytes, coefficients.bandwidth_bytes_per_s)
    return np.asarray(coefficients.overhead_s) + soft_maximum(compute_s, memory_s, coefficients.sharpness)


def _ramp(work: Amount, half: Amount, rate: Amount) -> Array:
    """Return w / (R w / (w + h)) = (w + h) / R, and 0 where there is no work at all."""
    work = np.asarray(work, dtype=np.float64)
    return np.asarray(np.where(work > 0, (work + half) / rate, 0.0))


def soft_maximum(a: Amount, b: Amount, sharpness: Amount) -> Array:
    """(a^q + b^q)^(1/q) of two arrays that are not negative; scaled, so that it never overflows."""
    a, b = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    large = np.maximum(a, b)
    ratio = np.minimum(a, b) / np.maximum(large, _SMALLEST)
    return np.asarray(large * (1.0 + ratio**sharpness) ** (1.0 / np.asarray(sharpness)))


def fit(samples: Samples, *, prior: Prior, check: bool = True) -> Fitted:
    """Fit the law to samples by robust least squares of log time under log-normal priors.

    Parameters
    ----------
    samples : Samples
        At least one call. Few suffice: what they do not show stays at the prior.
    prior : Prior
        Centres; a rate of None removes that roof.
    check : bool
        Also refit with each sample left out.

    Raises
    ------
    FitRejected
        If there is no sample, or one with a time that is not positive and finite.

    Notes
    -----
    Loss: soft L1 of log residuals over their noise plus quadratic priors with log sigma 0.7 for rates,
    2 for overhead and half-work, 0.5 for sharpness.
    """
    _check(samples)
    best = _solve(samples, prior)
    errors = np.full(samples.time_s.size, np.nan)
    if check and samples.time_s.size > 1:
        for index in range(samples.time_s.size):
            partial = _solve(samples.without(index), prior)
            predicted = call_time_s(partial, samples.flop[index], samples.bytes[index])
            errors[index] = np.log(float(predicted) / samples.time_s[index])
    return Fitted(coefficients=best, held_out_log_error=errors)


def _check(samples: Samples) -> None:
    if samples.time_s.size == 0:
        raise FitRejected("no samples to fit a law to; bench this kernel first")
    if not (np.all(np.isfinite(samples.time_s)) and np.all(samples.time_s > 0)):
        raise FitRejected(f"sample times must be positive seconds, not {samples.time_s.min()}; bench again")


def _solve(samples: Samples, prior: Prior) -> Coefficients:
    from scipy.optimize import least_squares

    centres, sigmas = _prior_vector(samples, prior)
    log_time = np.log(samples.time_s)

    def residuals(theta: Array) -> Array:
        law = _unpack(theta, prior)
        data = np.log(call_time_s(law, samples.flop, samples.bytes)) - log_time
        robust = _soft_l1_root(data / samples.noise)
        return np.concatenate([robust, (theta - centres) / sigmas])

    low, high = centres - 12.0, centres + 12.0
    low[-1], high[-1] = np.log(_SHARPNESS_BOUNDS)
    result = least_squares(residuals, centres, bounds=(low, high), x_scale=sigmas, max_nfev=200)
    return _unpack(result.x, prior)


def _soft_l1_root(z: Array) -> Array:
    """Signed square root of the soft L1 loss, so that priors stay quadratic beside it."""
    return np.asarray(np.sign(z) * np.sqrt(2.0 * (np.sqrt(1.0 + z * z) - 1.0)))


def _prior_vector(samples: Samples, prior: Prior) -> tuple[Array, Array]:
    """Centres and sigmas of log [t0, P, h_f, B, h_b, q]; half-works start at a fifth of the median work."""
    flop = float(np.median(samples.flop[samples.flop > 0])) if np.any(samples.flop > 0) else 1.0
    size = float(np.median(samples.bytes[samples.bytes > 0])) if np.any(samples.bytes > 0) else 1.0
    centres = [
        prior.overhead_s,
        prior.peak_flop_per_s or 1.0,
        0.2 * flop,
        prior.bandwidth_bytes_per_s or 1.0,
        0.2 * size,
        _SHARPNESS_PRIOR[0],
    ]
    small, rate = _SMALL_PRIOR_SIGMA, _RATE_PRIOR_SIGMA
    return np.log(centres), np.array([small, rate, small, rate, small, _SHARPNESS_PRIOR[1]])


def _unpack(theta: Array, prior: Prior) -> Coefficients:
    overhead, peak, half_flop, bandwidth, half_bytes, sharpness = (float(v) for v in np.exp(theta))
    return Coefficients(
        overhead_s=overhead,
        peak_flop_per_s=np.inf if prior.peak_flop_per_s is None else peak,
        half_flop=0.0 if prior.peak_flop_per_s is None else half_flop,
        bandwidth_bytes_per_s=np.inf if prior.bandwidth_bytes_per_s is None else bandwidth,
        half_bytes=0.0 if prior.bandwidth_bytes_per_s is None else half_bytes,
        sharpness=sharpness,
    )
