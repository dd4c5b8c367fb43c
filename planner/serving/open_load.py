"""Requests that come at random: batch size, waits and percentiles at a given rate.

Approximations, all labelled so wherever they are shown:

* batch: at rate r a request spends o steps decoding, so r = n / (o t(n)) (Little); given n the rate
  follows at once. A step takes t(n) = T(n) + s P n / o: who comes at random finds n others, not n - 1.
* wait for the running step: its rest, evenly spread, half a step on the mean (`steady_state.RESIDUAL_STEPS`).
* wait for the prefill: prompts share the replica with decode steps; one prompt at a time, Poisson
  arrivals, so the Pollaczek-Khinchine mean wait with work P and load u = r P:
  W = u P (1 + cv^2) / (2 (1 - u)); its tail is taken as exponential beyond probability u
  (Kingman's heavy-traffic limit).
* wait for a place in the batch: Sakasegawa's fit for M/G/c,
  W = S u^(sqrt(2 (c + 1)) - 1) / (c (1 - u)) (1 + cv^2) / 2 with c places and S the time inside.
* TPOT percentiles: the number of running sequences is Poisson about its mean (M/G/inf), and so are
  the prompts between tokens (`between_tokens`).

References: Kleinrock, "Queueing Systems" vol. 1, 1975; Sakasegawa, Ann. Inst. Statist. Math. 29,
67-75, 1977.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from planner.serving.between_tokens import BetweenTokens, between_tokens
from planner.serving.steady_state import Service, State, first_token_s, residual_s
from workloads.traffic import Length

Array = NDArray[np.float64]

PERCENTILES = (0.50, 0.90, 0.95, 0.99)
NORMAL = {0.50: 0.0, 0.90: 1.2816, 0.95: 1.6449, 0.99: 2.3263}
LENGTH_CV2 = 0.5
"""Squared coefficient of variation of prefill work where lengths are only known by their mean
(ASSUMED; Azure's 2023 conversation trace has 1.2, fixed lengths have 0)."""
FULL = 0.999


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenState(State):
    """A replica under Poisson arrivals; arrays over cases.

    `load_frac` is that of the prefill or of the places in the batch, whichever is fuller. `ttft_at`
    and `tpot_at` are percentiles over requests, by probability.
    """

    ttft_at: dict[float, Array]
    tpot_at: dict[float, Array]


def at_running(
    s: Service,
    running: Array,
    *,
    tail_prompt: Array | None = None,
    prompt_cv2: Array | float = LENGTH_CV2,
    percentiles: Sequence[float] = PERCENTILES,
) -> OpenState:
    """Evaluate the state in which `running` sequences decode on average.

    Parameters
    ----------
    s : Service
        The replica.
    running : ndarray
        Mean sequences decoding, of the whole instance.
    tail_prompt : ndarray, optional
        95th percentile of prompt tokens over the mean: scales the prefill in upper percentiles.
    prompt_cv2 : ndarray or float
        Squared coefficient of variation of the prompt tokens of different requests.
    percentiles : sequence of float
        Those that are asked for.
    """
    demand, limit = s.situation.demand, s.situation.limit
    steps = np.maximum(demand.output - 1.0, 1.0)
    decode = s.decode_s(running)
    step = decode + _prompts_s(s, running)
    rate = running / (steps * step)
    tokens = _tokens(s, rate, step, decode, prompt_cv2)
    tpot = tokens.mean_s
    bare, rest = first_token_s(s, np.ones_like(running), tpot), residual_s(s, tpot)
    wait, tail = _prefill_wait(s, rate, prompt_cv2)
    inside = bare + wait + steps * tpot
    place = place_wait(rate, inside, limit)[0]
    stretch = np.ones_like(running) if tail_prompt is None else np.maximum(tail_prompt, 1.0)
    ttft_at = {
        p: bare
        + (2.0 * p - 1.0) * rest
        + (stretch - 1.0 if p >= 0.9 else 0.0) * s.prefill_s
        + tail(p)
        + place * exceed(p)
        for p in percentiles
    }
    tpot_at = {}
    for p in percentiles:
        busy = running + NORMAL[p] * np.sqrt(np.maximum(running, 0.0))
        tpot_at[p] = tokens.at(NORMAL[p], s.decode_s(busy) - decode)
    return OpenState(
        requests_per_s=rate,
        running=running,
        ttft_s=bare + wait + place,
        tpot_s=tpot,
        queue_s=wait + place,
        load_frac=np.maximum(rate * s.prompt_s / s.situation.replicas, rate * inside / limit),
        ttft_at=ttft_at,
        tpot_at=tpot_at,
    )


def _prompts_s(s: Service, running: Array) -> Array:
    """Return what prompts of others add to a step on the mean [s]."""
    steps = np.maximum(s.situation.demand.output - 1.0, 1.0)
    return np.asarray(s.prompt_share * s.prompt_s * running / (s.situation.replicas * steps))


def _tokens(s: Service, rate: Array, step: Array, decode: Array, prompt_cv2: Array | float) -> BetweenTokens:
    each, own = rate / s.situation.replicas, s.prompt_share * s.prompt_s
    return between_tokens(
        step_s=step,
        decode_s=decode,
        load_frac=each * own,
        second_s=each * own**2 * (1.0 + prompt_cv2),
        own_s=own,
        steps=np.maximum(s.situation.demand.output - 1.0, 1.0),
    )


def length_cv2(mean: float, p95: float | None) -> float:
    """Return the squared coefficient of variation of lengths; assumed where their mean alone is known."""
    return LENGTH_CV2 if p95 is None else Length.from_percentile(mean, p95).cv ** 2


def exceed(p: float) -> float:
    """Quantile of a unit-mean exponential."""
    return float(-np.log(1.0 - p))


class Tail:
    """Quantiles of a wait that is zero with probability 1 - u and else exponential."""

    def __init__(self, load: Array, mean: Array) -> None:
        self.load, self.mean = load, mean

    def __call__(self, p: float) -> Array:
        """Return the quantile `p` [s]."""
        conditional = self.mean / np.maximum(self.load, 1e-12)
        return np.asarray(np.maximum(conditional * np.log(np.maximum(self.load, 1e-12) / (1.0 - p)), 0.0))


def _prefill_wait(s: Service, rate: Array, prompt_cv2: Array | float) -> tuple[Array, Tail]:
    """Mean wait for other prompts, and its tail."""
    each = s.prompt_s / s.situation.replicas
    load = np.minimum(rate * each, FULL)
    mean = load * each * (1.0 + prompt_cv2) / (2.0 * (1.0 - load))
    return np.asarray(mean), Tail(load, np.asarray(mean))


def place_wait(
    rate: Array, inside: Array, places: Array, *, cv2: Array | float = LENGTH_CV2
) -> tuple[Array, Array]:
    """Return the mean wait for one of `places` that each take `inside` (Sakasegawa), and their load."""
    load = np.minimum(rate * inside / places, FULL)
    power = np.sqrt(2.0 * (places + 1.0)) - 1.0
    mean = inside * load**power / (places * (1.0 - load)) * (1.0 + cv2) / 2.0
    return np.asarray(mean), np.asarray(load)


def at_rate(
    s: Service,
    rate: Array,
    *,
    tail_prompt: Array | None = None,
    prompt_cv2: Array | float = LENGTH_CV2,
) -> OpenState:
    """Solve for the batch at an arrival rate by bisection; the rate grows with the batch.

    Where the rate is beyond what the replica can do, the state is that of the full batch: its
    `requests_per_s` is then below the rate asked for.
    """
    low = np.zeros_like(rate)
    high = s.situation.limit.copy()
    for _ in range(50):
        middle = 0.5 * (low + high)
        over = _rate(s, middle) > rate
        high = np.where(over, middle, high)
        low = np.where(over, low, middle)
    return at_running(s, 0.5 * (low + high), tail_prompt=tail_prompt, prompt_cv2=prompt_cv2)


def _rate(s: Service, running: Array) -> Array:
    steps = np.maximum(s.situation.demand.output - 1.0, 1.0)
    return np.asarray(running / (steps * (s.decode_s(running) + _prompts_s(s, running))))
