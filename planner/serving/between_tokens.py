"""Prompts of others between the tokens of a request, where requests come at random.

Notes
-----
A step takes T and what decoding waits for of the prompts that came during the step before: with
prompts of W_i seconds at rates l_i, u = sum_i l_i W_i and m = sum_i l_i E[W_i^2],

    t_k+1 = T + sum of N_k prompts,  N_k Poisson with mean l t_k,

a branching process with immigration (C. R. Heathcote, J. R. Stat. Soc. B 27, 1965), so steps have the
mean t = T / (1 - u), the variance v = m t / (1 - u^2) and, k steps apart, the correlation u^k. The mean
of o successive steps then has the variance

    v / o [(1 + u) / (1 - u) - 2 u (1 - u^o) / (o (1 - u)^2)].

A request begins to decode after a step that was longer than most, by its own prompt W and because
it came in a long step rather than a short one, by u v / t. What came meanwhile lengthens the steps
after it, on the mean over o of them by (W + u v / t) u (1 - u^o) / ((1 - u) o).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

MOST_SKEW = 4.0
FULL = 0.999


@dataclass(frozen=True, slots=True, kw_only=True)
class BetweenTokens:
    """What prompts of others do to the time per output token of requests; arrays over classes or cases.

    Attributes
    ----------
    step_s : ndarray
        Mean step.
    more_s : ndarray
        By how much a request finds steps longer on the mean.
    variance_s2 : ndarray
        Of the time per output token over requests.
    skew : ndarray
        Of the same.
    """

    step_s: Array
    more_s: Array
    variance_s2: Array
    skew: Array

    @property
    def mean_s(self) -> Array:
        """Mean time per output token over requests."""
        return self.step_s + self.more_s

    def at(self, score: float, spread_s: Array) -> Array:
        """Return a percentile of the time per output token [s].

        Parameters
        ----------
        score : float
            Quantile of the normal distribution; 0 gives the mean.
        spread_s : ndarray
            How far steps are longer at this percentile for another reason, such as a larger batch.

        Notes
        -----
        Skewed as a gamma distribution is, to first order (E. A. Cornish, R. A. Fisher, Revue de
        l'Institut International de Statistique 5, 1938).
        """
        if score <= 0:
            return self.mean_s
        skewed = score + (score * score - 1.0) / 6.0 * self.skew
        return np.asarray(self.mean_s + np.sqrt(skewed**2 * self.variance_s2 + spread_s**2))


def between_tokens(
    *, step_s: Array, decode_s: Array, load_frac: Array, second_s: Array, own_s: Array, steps: Array
) -> BetweenTokens:
    """Return what prompts of others do to each class.

    Parameters
    ----------
    step_s : ndarray
        Mean step, prompts included.
    decode_s : ndarray
        The same without them.
    load_frac : ndarray
        u, the part of the time that goes to prompts.
    second_s : ndarray
        m, rate times the second moment of what a prompt adds, over all classes. [s]
    own_s : ndarray
        W, what a prompt of the class itself adds.
    steps : ndarray
        o, output tokens after the first.
    """
    u = np.minimum(load_frac, FULL)
    variance = second_s * step_s / (1.0 - u * u)
    fades = 1.0 - u**steps
    less = 2.0 * u * fades / (steps * (1.0 - u) ** 2)
    over_steps = variance / steps * np.maximum((1.0 + u) / (1.0 - u) - less, 0.0)
    more = (own_s + u * variance / step_s) * u * fades / ((1.0 - u) * steps)
    added = np.maximum(step_s + more - decode_s, 1e-12)
    return BetweenTokens(
        step_s=step_s,
        more_s=np.asarray(more),
        variance_s2=np.asarray(over_steps),
        skew=np.asarray(np.minimum(2.0 * np.sqrt(over_steps) / added, MOST_SKEW)),
    )
