"""The time of one engine iteration as tables that a million steps a second can be read from.

    t = f(T) + g(n, S) + h(A)

T tokens that pass the weights, n decoding sequences with S cached tokens
together, A (query, key) pairs of prompt chunks. f and h are piecewise linear, g
is linear in n between its rows and piecewise linear in S.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tonnage.errors import InvalidInput
from tonnage.evidence import Evidence

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class StepLaw:
    """Step time of one deployment.

    Attributes
    ----------
    token_knots, token_s : ndarray, shape (n_token_knots,)
        f: overhead and everything that depends on the tokens of a step. [s]
    sequence_knots : ndarray, shape (n_sequence_knots,)
    cached_knots : ndarray, shape (n_cached_knots,)
    decode_s : ndarray, shape (n_sequence_knots, n_cached_knots)
        g: attention of decoding sequences, and overhead per sequence. [s]
    pair_knots, pairs_s : ndarray, shape (n_pair_knots,)
        h: attention of prompt chunks. [s]
    draft_s : float
        One step of a draft model. [s]
    request_s : float
        Constant part of TTFT outside the engine. [s]
    wait_steps : float
        Steps that a user waits outside the engine for the first token, in times per output token.
    sigma_log : float
        Standard deviation of the log of what is true over what this law says.
    """

    token_knots: Array
    token_s: Array
    sequence_knots: Array
    cached_knots: Array
    decode_s: Array
    pair_knots: Array
    pairs_s: Array
    draft_s: float = 0.0
    request_s: float = 0.0
    wait_steps: float = 0.0
    sigma_log: float = 0.0
    evidence: Evidence = Evidence.ASSUMED

    def __post_init__(self) -> None:
        for name in ("token", "sequence", "cached", "pair"):
            knots = getattr(self, f"{name}_knots")
            if len(knots) < 2 or np.any(np.diff(knots) <= 0):
                raise InvalidInput(f"{name}_knots of a step law must grow and be two or more, not {knots}")
        tables = (self.token_s, self.decode_s, self.pairs_s)
        if not all(np.all(np.isfinite(table)) and np.all(table >= 0) for table in tables):
            raise InvalidInput("a step law holds a negative or infinite time [s]")

    def step_s(
        self,
        *,
        tokens: ArrayLike,
        sequences: ArrayLike = 0.0,
        cached: ArrayLike = 0.0,
        pairs: ArrayLike = 0.0,
    ) -> Array:
        """Evaluate the law [s]; arguments broadcast. What the kernel does, for tests and fits."""
        tokens, sequences, cached, pairs = np.broadcast_arrays(
            *(np.asarray(part, dtype=np.float64) for part in (tokens, sequences, cached, pairs))
        )
        by_cached = np.stack([line(cached, self.cached_knots, row) for row in self.decode_s])
        at = np.clip(np.searchsorted(self.sequence_knots, sequences, side="right") - 1, 0, len(by_cached) - 2)
        low, high = self.sequence_knots[at], self.sequence_knots[at + 1]
        weight = (sequences - low) / (high - low)
        lower = np.take_along_axis(by_cached, at[None], axis=0)[0]
        upper = np.take_along_axis(by_cached, at[None] + 1, axis=0)[0]
        decode = np.where(sequences > 0, (1 - weight) * lower + weight * upper, 0.0)
        prompt = np.where(pairs > 0, line(pairs, self.pair_knots, self.pairs_s), 0.0)
        return np.asarray(line(tokens, self.token_knots, self.token_s) + decode + prompt)

    def scaled(self, factor: float) -> "StepLaw":
        """Return the law with every step that many times as long."""
        return replace(
            self,
            token_s=self.token_s * factor,
            decode_s=self.decode_s * factor,
            pairs_s=self.pairs_s * factor,
            draft_s=self.draft_s * factor,
            request_s=self.request_s * factor,
        )


def line(at: Array, knots: Array, values: Array) -> Array:
    """Interpolate linearly; beyond the ends go on as the first and last pieces do."""
    piece = np.clip(np.searchsorted(knots, at, side="right") - 1, 0, len(knots) - 2)
    slope = (values[piece + 1] - values[piece]) / (knots[piece + 1] - knots[piece])
    return np.asarray(values[piece] + slope * (at - knots[piece]))


def linear_law(
    *,
    overhead_s: float = 0.0,
    weights_s: float = 0.0,
    token_s: float = 0.0,
    sequence_s: float = 0.0,
    cached_token_s: float = 0.0,
    pair_s: float = 0.0,
    request_s: float = 0.0,
    evidence: Evidence = Evidence.ASSUMED,
) -> StepLaw:
    """Return the law of six coefficients.

    Notes
    -----
    t = overhead + max(weights, token T) + sequence n + cached_token S + pair A:
    weights are read once a step, and the step is bound by that or by arithmetic.

    Examples
    --------
    >>> law = linear_law(overhead_s=1e-3, weights_s=5e-3, token_s=2e-5, cached_token_s=1e-8)
    >>> [round(float(law.step_s(tokens=t, sequences=8, cached=8000)), 6) for t in (8, 1000)]
    [0.00608, 0.02108]
    """
    ridge = weights_s / token_s if token_s > 0 and weights_s > 0 else 1.0
    knots = np.array([0.0, ridge, 2 * ridge])
    sequences, cached = np.array([0.0, 1.0]), np.array([0.0, 1.0])
    return StepLaw(
        token_knots=knots,
        token_s=overhead_s + np.maximum(weights_s, token_s * knots),
        sequence_knots=sequences,
        cached_knots=cached,
        decode_s=sequence_s * sequences[:, None] + cached_token_s * cached[None, :],
        pair_knots=np.array([0.0, 1.0]),
        pairs_s=np.array([0.0, pair_s]),
        request_s=request_s,
        evidence=evidence,
    )
