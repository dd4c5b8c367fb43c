"""Capacity of one unit: the largest request rate at which a traffic class keeps its limits.

The state of a replica under Poisson arrivals is known in closed form for any batch (`open_load`),
and every percentile grows with the batch; so the largest batch within all limits is found by
bisection, for all deployments and classes at once. Percentiles are queueing approximations.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from planner.deployment import Deployment
from planner.prediction import Bound
from planner.serving import coefficients, intervals, open_load, placement, situation, steady_state
from planner.serving.coefficients import CoefficientFile
from planner.serving.open_load import OpenState
from planner.serving.placement import Placed
from planner.serving.predict import bounds, evidence
from planner.serving.situation import ALL_QUEUED, Demand
from planner.serving.steady_state import Service
from tonnage.errors import TonnageError
from tonnage.evidence import Z90, Evidence, Quantiles
from tonnage.units import human
from workloads.scenario import TrafficClass

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

FULL_LOAD = 0.98
"""Waits grow without bound towards a load of 1: where no limit stops earlier, this does."""
_POINTS = 5
_ROUNDS = 40
_SMALLEST_BATCH = 1e-3
_PERCENTILES = {"p50": 0.50, "p90": 0.90, "p95": 0.95, "p99": 0.99}
_LIMITED = tuple((metric, name) for metric in ("ttft", "tpot") for name in ("mean", *_PERCENTILES))
_WHOLE = 0.95
"""Percentile of the limit on whole requests."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Capacity:
    """What one unit carries of one traffic class.

    Attributes
    ----------
    requests_per_s : Quantiles or None
        Largest rate within the limits; None when there is none.
    why_not : str or None
        What stands in the way.
    concurrency : float or None
        Requests that decode at once at the median rate.
    ttft_s, tpot_s, ttft_p95_s, tpot_p95_s : Quantiles or None
        Means and 95th percentiles over requests at the median rate, with the
        uncertainty of each.
    memory_bytes : float or None
        Per device at that rate.
    alone_s : mapping of str to float
        What a lone request takes, by the name of the limit on it: no load makes it less. [s]
    """

    requests_per_s: Quantiles | None = None
    why_not: str | None = None
    concurrency: float | None = None
    ttft_s: Quantiles | None = None
    tpot_s: Quantiles | None = None
    ttft_p95_s: Quantiles | None = None
    tpot_p95_s: Quantiles | None = None
    memory_bytes: float | None = None
    fits: bool | None = None
    evidence: Evidence = Evidence.ASSUMED
    bound: Bound | None = None
    alone_s: Mapping[str, float] = field(default_factory=dict)


def capacities(
    deployments: Sequence[Deployment],
    classes: Sequence[TrafficClass],
    *,
    using: CoefficientFile | None = None,
) -> list[list[Capacity]]:
    """Capacity of every deployment for every class.

    Parameters
    ----------
    deployments : sequence of Deployment
        Candidate units; one whose names cannot be resolved gets the reason as `why_not`.
    classes : sequence of TrafficClass
        Lengths and limits; their rates are not looked at.
    using : CoefficientFile, optional
        Coefficients other than those that come with Tonnage.

    Returns
    -------
    list of list of Capacity
        One row per deployment, one entry per class.
    """
    placed = [placed_or_why(deployment) for deployment in deployments]
    pairs = [(one, each) for one in placed if isinstance(one, Placed) for each in classes]
    found = iter(_solve(pairs, using or coefficients.shipped()) if pairs else [])
    return [
        [next(found) if isinstance(one, Placed) else Capacity(why_not=one) for _ in classes] for one in placed
    ]


def placed_or_why(deployment: Deployment) -> Placed | str:
    """Return a deployment with its names resolved, or why they cannot be."""
    try:
        return placement.place(deployment)
    except TonnageError as problem:
        return str(problem)


@dataclass(frozen=True, slots=True)
class _Search:
    """Replicas with the limits of their class; arrays over pairs, infinite where there is none."""

    ready: Service
    tail_prompt: Array
    limits: dict[tuple[str, str], Array]
    whole_limit_s: Array
    """On the 95th percentile of the whole request."""

    def state(self, batch: Array) -> OpenState:
        return open_load.at_running(self.ready, batch, tail_prompt=self.tail_prompt)

    def _limited(self, batch: Array) -> OpenState:
        """Return the state with the percentiles alone that some limit is on."""
        asked = {_PERCENTILES[name] for _, name in self.limits if name in _PERCENTILES} | {_WHOLE}
        return open_load.at_running(
            self.ready, batch, tail_prompt=self.tail_prompt, percentiles=sorted(asked)
        )

    def keeps(self, state: OpenState, ttft: Array, tpot: Array) -> Mask:
        """Tell which pairs are within all limits when times are longer by these factors."""
        good = state.load_frac * tpot <= FULL_LOAD
        for (metric, name), limit in self.limits.items():
            factor = ttft if metric == "ttft" else tpot
            good &= _value(state, metric, name) * factor <= limit
        steps = np.maximum(self.ready.situation.demand.output - 1.0, 0.0)
        whole = state.ttft_at[_WHOLE] * ttft + steps * state.tpot_at[_WHOLE] * tpot
        return np.asarray(good & (whole <= self.whole_limit_s))

    def largest(self, ttft: Array, tpot: Array) -> tuple[Array, Mask]:
        """Return the largest batch within the limits, and where there is one at all."""
        low = np.full(self.tail_prompt.shape, _SMALLEST_BATCH)
        possible = self.keeps(self._limited(low), ttft, tpot)
        high = self.ready.situation.limit.copy()
        whole = self.keeps(self._limited(high), ttft, tpot)
        for _ in range(_ROUNDS):
            middle = np.sqrt(low * high)
            good = self.keeps(self._limited(middle), ttft, tpot)
            low, high = np.where(good, middle, low), np.where(good, high, middle)
        return np.where(whole, self.ready.situation.limit, low), possible


def _value(state: OpenState, metric: str, name: str) -> Array:
    if name == "mean":
        return state.ttft_s if metric == "ttft" else state.tpot_s
    at = state.ttft_at if metric == "ttft" else state.tpot_at
    return at[_PERCENTILES[name]]


def _search(pairs: Sequence[tuple[Placed, TrafficClass]], file: CoefficientFile) -> _Search:
    placed = [one for one, _ in pairs]
    prompt = np.array([each.prompt_tokens for _, each in pairs])
    demand = Demand(
        prompt=prompt,
        output=np.array([each.output_tokens for _, each in pairs]),
        context=np.zeros(len(pairs)),
        users=np.full(len(pairs), ALL_QUEUED),
    )
    where = situation.situation(placed, demand, points=_POINTS)
    ready = steady_state.service(where, placement.values(placed, file))
    tail = np.array([each.prompt_tokens_p95 or each.prompt_tokens for _, each in pairs]) / prompt
    limits = {}
    for metric, name in _LIMITED:
        limit = _limit(pairs, f"{metric}_{name}_s")
        if np.isfinite(limit).any():
            limits[metric, name] = limit
    return _Search(ready, tail, limits, _limit(pairs, "e2e_p95_s"))


def _limit(pairs: Sequence[tuple[Placed, TrafficClass]], field: str) -> Array:
    values = [getattr(each.slo, field) for _, each in pairs]
    return np.array([np.inf if value is None else value for value in values])


def _solve(pairs: Sequence[tuple[Placed, TrafficClass]], file: CoefficientFile) -> list[Capacity]:
    search = _search(pairs, file)
    ttft = np.exp(Z90 * np.array([intervals.sigma("ttft", one, file) for one, _ in pairs]))
    tpot = np.exp(Z90 * np.array([intervals.sigma("tpot", one, file) for one, _ in pairs]))
    even = np.ones(len(pairs))
    batch, possible = search.largest(even, even)
    state = search.state(batch)
    slow_batch, slow_possible = search.largest(ttft, tpot)
    slow = np.where(slow_possible, search.state(slow_batch).requests_per_s / tpot, 0.0)
    fast_batch, _ = search.largest(1.0 / ttft, 1.0 / tpot)
    fast = search.state(fast_batch).requests_per_s * tpot
    rates = np.stack(
        [np.minimum(slow, state.requests_per_s), state.requests_per_s, np.maximum(fast, state.requests_per_s)]
    )
    limited = bounds(search.ready, state.queue_s, state.ttft_s)
    alone = search.state(np.full(len(pairs), _SMALLEST_BATCH))
    answers = []
    for i, (one, each) in enumerate(pairs):
        fits = _fits(search, i)
        told = Capacity(
            fits=fits, evidence=evidence(one, file), bound=limited[i], alone_s=_alone_s(search, alone, i)
        )
        if fits is False or not possible[i]:
            why = _why_not(search, alone, i, one, each)
            answers.append(replace(told, why_not=why, memory_bytes=_memory(search, i, 1.0)))
        else:
            factors = float(ttft[i]), float(tpot[i])
            answers.append(_filled(told, i, search, state, rates=rates, factors=factors))
    return answers


def _fits(search: _Search, i: int) -> bool | None:
    where = search.ready.situation
    return bool(where.fits[i]) if where.memory_known[i] else None


def _memory(search: _Search, i: int, sequences: float) -> float:
    where = search.ready.situation
    return float(where.fixed_bytes[i] + sequences * where.sequence_bytes[i])


def _filled(
    told: Capacity, i: int, search: _Search, state: OpenState, *, rates: Array, factors: tuple[float, float]
) -> Capacity:
    ttft, tpot = factors
    batch = float(state.running[i])
    return replace(
        told,
        requests_per_s=Quantiles(p10=float(rates[0, i]), p50=float(rates[1, i]), p90=float(rates[2, i])),
        concurrency=batch,
        ttft_s=around(state.ttft_s[i], ttft),
        tpot_s=around(state.tpot_s[i], tpot),
        ttft_p95_s=around(state.ttft_at[0.95][i], ttft),
        tpot_p95_s=around(state.tpot_at[0.95][i], tpot),
        memory_bytes=_memory(search, i, batch),
    )


def around(value: float, factor: float) -> Quantiles:
    """Return a value that may be off by a factor in its tenth and ninetieth percentile."""
    return Quantiles(p10=float(value) / factor, p50=float(value), p90=float(value) * factor)


def _why_not(search: _Search, alone: OpenState, i: int, one: Placed, each: TrafficClass) -> str:
    """Name the first limit that even a lone request breaks."""
    if _fits(search, i) is False:
        need, room = _memory(search, i, 1.0), one.target.memory_bytes or 0.0
        return f"does not fit: {human(need, 'B')} per device for one sequence, {human(room, 'B')} there"
    return (
        broken_alone(_alone_s(search, alone, i), each)
        or f"the whole request of class '{each.name}' takes longer than its limit even alone"
    )


def _alone_s(search: _Search, alone: OpenState, i: int) -> dict[str, float]:
    return {f"{metric}_{name}_s": float(_value(alone, metric, name)[i]) for metric, name in _LIMITED}


def broken_alone(alone_s: Mapping[str, float], traffic: TrafficClass) -> str:
    """Name the first limit of a class that a lone request breaks, empty if there is none.

    Parameters
    ----------
    alone_s : mapping of str to float
        From `Capacity.alone_s`, of a class of the same lengths, whatever its limits were.
    """
    for name, value in alone_s.items():
        limit = getattr(traffic.slo, name)
        if limit is not None and value > limit:
            return (
                f"{name.removesuffix('_s')} is {human(value, 's')} for a lone request of class "
                f"'{traffic.name}', above the limit of {human(limit, 's')}"
            )
    return ""
