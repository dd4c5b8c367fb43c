"""A step law from the log of a real server: coefficients under which the simulation repeats it.

The log has times of requests, not of steps, so the law is fitted through the
simulator: its four parts (a step without tokens, what tokens add, attention of
decoding and of prompts) start from a first guess and are scaled until the logs of
TTFT and TPOT agree best. Requests outside the fit are a test.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from planner.simulate.instance import Engine, single
from planner.simulate.replicate import Experiment
from planner.simulate.request_log import RequestLog, request_log
from planner.simulate.run import Feed, feed
from planner.simulate.step_law import StepLaw
from tonnage.errors import FitRejected
from tonnage.evidence import Evidence
from workloads.requests import Requests
from workloads.traffic_fit import distance

Array = NDArray[np.float64]
LEAST_REQUESTS = 20
_EVALUATIONS = 500


@dataclass(frozen=True, slots=True)
class _Whole:
    requests: Requests

    def __call__(self, _seed: int) -> Feed:
        return feed(self.requests)


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """What a server did [s], shape (n,) each."""

    ttft_s: Array
    tpot_s: Array
    e2e_s: Array


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """How a simulation repeats a log: distances of distributions, and relative errors of percentiles."""

    ks: float
    mean_error: float
    p50_error: float
    p90_error: float
    p95_error: float
    p99_error: float


def replay(law: StepLaw, engine: Engine, requests: Requests) -> RequestLog:
    """Simulate logged requests on one instance."""
    return request_log(Experiment(fleet=single(law, engine), traffic=_Whole(requests), warm_up=False))


def agreement(simulated: Array, observed: Array) -> Agreement:
    """Compare two samples of one metric."""
    p50, p90, p95, p99 = (
        float(np.quantile(simulated, q) / np.quantile(observed, q) - 1) for q in (0.5, 0.9, 0.95, 0.99)
    )
    return Agreement(
        ks=distance(simulated, observed),
        mean_error=float(simulated.mean() / observed.mean() - 1),
        p50_error=p50,
        p90_error=p90,
        p95_error=p95,
        p99_error=p99,
    )


def fit_law(
    guess: StepLaw, engine: Engine, requests: Requests, observed: Observed, *, rows: NDArray[np.intp]
) -> StepLaw:
    """Scale the parts of a law until a replay repeats the requests `rows`.

    All requests are replayed, as all of them were there; only `rows` are looked at.

    Raises
    ------
    FitRejected
        Below twenty requests.
    """
    from scipy.optimize import minimize

    if len(rows) < LEAST_REQUESTS:
        raise FitRejected(f"{len(rows)} requests are too few for a step law; {LEAST_REQUESTS} are the least")

    def loss(logs: NDArray[np.floating[Any]]) -> float:
        again = replay(_scaled(guess, logs), engine, requests)
        errors = [
            np.log(simulated[rows] / real[rows])
            for simulated, real in ((again.ttft_s, observed.ttft_s), (again.tpot_s, observed.tpot_s))
        ]
        # A weak pull to the guess keeps what the log cannot tell where it was.
        return float(np.mean(np.abs(np.concatenate(errors)))) + 1e-3 * float(np.sum(logs**2))

    simplex = np.vstack([np.zeros(4), 0.3 * np.eye(4)])
    options = {"maxfev": _EVALUATIONS, "xatol": 1e-3, "fatol": 1e-5, "initial_simplex": simplex}
    found = minimize(loss, np.zeros(4), method="Nelder-Mead", options=options)  # type: ignore[call-overload]
    return _scaled(guess, found.x)


def _scaled(law: StepLaw, logs: NDArray[np.floating[Any]]) -> StepLaw:
    """Scale the step without tokens, what tokens add, decode attention and prompt attention."""
    base, per_token, decode, prompt = np.exp(logs)
    floor = law.token_s[0]
    return replace(
        law,
        token_s=floor * base + (law.token_s - floor) * per_token,
        decode_s=law.decode_s * decode,
        pairs_s=law.pairs_s * prompt,
        evidence=Evidence.FITTED,
    )
