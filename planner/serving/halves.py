"""Capacity of a unit that only prefills, or only decodes, under the limits of a class.

A request of a split service waits for a prefill unit, is read there, hands its cache over and waits
for a place in the batch of a decode unit, where its first token comes from (`half_state`). Which two units
it meets is for the programme to choose, so each half has to hold its part of the limit alone. A decode
unit may take `PLACE_FRAC` of a limit on the time to first token for the wait, and 1 + f steps as long as
the limit on those lets them be, together `DECODE_FRAC` of it at most; what comes before has the rest. A
limit L on the whole request leaves L - (limit on its first token) for the rest of the output. Percentiles
add up as they do for whole units: as if the worst came together.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from planner.deployment import Deployment
from planner.role import Role
from planner.serving import coefficients, intervals
from planner.serving.capacity import Capacity, around, broken_alone, placed_or_why
from planner.serving.coefficients import CoefficientFile
from planner.serving.disaggregation import PoolLink, first_token_steps
from planner.serving.half_state import NAMES, HalfState, Pair
from planner.serving.largest_batch import FULL_LOAD
from planner.serving.placed import Placed
from planner.serving.predict import evidence
from tonnage.evidence import Z90, Quantiles
from tonnage.units import human
from workloads.scenario import TrafficClass

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
Halves = Mapping[Role, Capacity]

PLACE_FRAC = 0.05
"""Part of a limit on the time to first token that the wait for a place in a decode batch may take."""
DECODE_FRAC = 0.3
"""Part of it that a decode unit may take in all."""
NO_FIRST_LIMIT = (
    "a limit on the whole request is split between prefill and decode by a ttft_p95 limit; give one"
)
_POINTS, _ROUNDS = 5, 40
_SMALLEST = 1e-3


def halves(
    deployments: Sequence[Deployment],
    classes: Sequence[TrafficClass],
    over: PoolLink,
    *,
    using: CoefficientFile | None = None,
) -> list[list[Halves]]:
    """Return the capacity of every deployment as a prefill and as a decode unit, for every class.

    Parameters
    ----------
    over : PoolLink
        Over which each device of a prefill unit sends its part of the cache.
    """
    found_places = [placed_or_why(deployment) for deployment in deployments]
    pairs = [(one, each) for one in found_places if isinstance(one, Placed) for each in classes]
    found = iter(_solve(pairs, over, using or coefficients.shipped()) if pairs else [])
    return [
        [
            next(found)
            if isinstance(one, Placed)
            else {role: Capacity(why_not=one) for role in (Role.PREFILL, Role.DECODE)}
            for _ in classes
        ]
        for one in found_places
    ]


def _solve(
    pairs: Sequence[tuple[Placed, TrafficClass]], over: PoolLink, file: CoefficientFile
) -> list[Halves]:
    both = Pair(pairs, over, file)
    factors = {
        metric: np.exp(Z90 * np.array([intervals.sigma(metric, one, file) for one, _ in pairs]))
        for metric in ("ttft", "tpot")
    }
    found = {
        Role.PREFILL: _Search(pairs, both, both.prefilling, both.prefill.most, factors, Role.PREFILL).answers(
            file
        ),
        Role.DECODE: _Search(
            pairs, both, both.decoding, both.ready.situation.limit, factors, Role.DECODE
        ).answers(file),
    }
    return [{role: rows[i] for role, rows in found.items()} for i in range(len(pairs))]


class _Factors(NamedTuple):
    """By which times to the first token, and steps, are longer."""

    first: Array
    step: Array


class _Search:
    """The largest load of one half within its part of the limits.

    Parameters
    ----------
    at : callable
        State at a load: a rate of prompts, or sequences that run.
    most : ndarray
        Largest load there is.
    factors : mapping of str to ndarray
        By which the two times are longer at the tenth percentile of the prediction. As for whole units,
        a unit passes fewer requests by the factor of its steps.
    """

    def __init__(
        self,
        pairs: Sequence[tuple[Placed, TrafficClass]],
        both: Pair,
        at: Callable[[Array], HalfState],
        most: Array,
        factors: Mapping[str, Array],
        role: Role,
    ) -> None:
        self.pairs, self.both, self.at, self.most, self.role = pairs, both, at, most, role
        self.factors = _Factors(factors["ttft"], factors["tpot"])
        self.ttft = {name: first_token_part(pairs, name, role) for name in NAMES}
        self.tpot = {name: limits(pairs, f"tpot_{name}_s") for name in NAMES}
        self.rest_s = limits(pairs, "e2e_p95_s") - limits(pairs, "ttft_p95_s", missing=0.0)

    def keeps(self, state: HalfState, slower: _Factors) -> Mask:
        """Tell which cases are within all limits when times are longer by these factors."""
        good = state.load_frac * np.maximum(slower.step, 1.0) <= FULL_LOAD
        for name, limit in self.ttft.items():
            good &= self._first_s(state, name, slower.first) <= limit
        for name, limit in self.tpot.items():
            good &= state.tpot[name] * slower.step <= limit
        if self.role is Role.DECODE:
            good &= self.both.further * state.tpot["p95"] * slower.step <= self.rest_s
        return np.asarray(good)

    def _first_s(self, state: HalfState, name: str, slower: Array) -> Array:
        """Take the handover for no prediction of the engine: it is not stretched."""
        moved = self.both.moved_s if self.role is Role.PREFILL else 0.0
        return np.asarray((state.ttft[name] - moved) * slower + moved)

    def largest(self, slower: _Factors) -> tuple[Array, Mask]:
        """Return the largest load within the limits, and where there is one at all."""
        low, high = _SMALLEST * np.minimum(self.most, 1.0), self.most * np.ones_like(self.most)
        possible = self.keeps(self.at(low), slower)
        for _ in range(_ROUNDS):
            middle = np.sqrt(low * high)
            good = self.keeps(self.at(middle), slower)
            low, high = np.where(good, middle, low), np.where(good, high, middle)
        return low, possible

    def answers(self, file: CoefficientFile) -> list[Capacity]:
        """Return the capacity of every case."""
        even, step = np.ones(len(self.pairs)), self.factors.step
        load, possible = self.largest(_Factors(even, even))
        state = self.at(load)
        slow_load, slow_possible = self.largest(self.factors)
        slow = np.where(slow_possible, self.at(slow_load).requests_per_s / step, 0.0)
        fast_load, _ = self.largest(_Factors(1.0 / self.factors.first, 1.0 / step))
        fast = self.at(fast_load).requests_per_s * step
        rate = state.requests_per_s
        rates = np.stack([np.minimum(slow, rate), rate, np.maximum(fast, rate)])
        alone = self.at(_SMALLEST * np.minimum(self.most, 1.0))
        return [self._answer(i, file, state, rates[:, i], possible, alone) for i in range(len(self.pairs))]

    def _answer(
        self, i: int, file: CoefficientFile, state: HalfState, rates: Array, possible: Mask, alone: HalfState
    ) -> Capacity:
        one, each = self.pairs[i]
        where = self.both.ready.situation
        fits = bool(where.fits[i]) if where.memory_known[i] else None
        lone = self._lone_s(alone, i)
        sequences = float(state.running[i]) if self.role is Role.DECODE else 1.0
        told = Capacity(
            fits=fits,
            evidence=evidence(one, file),
            alone_s=lone,
            memory_bytes=float(where.fixed_bytes[i] + sequences * where.sequence_bytes[i]),
        )
        if fits is False:
            need, room = human(told.memory_bytes or 0.0, "B"), human(one.target.memory_bytes or 0.0, "B")
            return replace(told, why_not=f"does not fit: {need} per device for one sequence, {room} there")
        if each.slo.e2e_p95_s is not None and each.slo.ttft_p95_s is None:
            return replace(told, why_not=NO_FIRST_LIMIT)
        if not possible[i]:
            why = broken_alone(lone, each)
            return replace(told, why_not=why or f"its part of class '{each.name}' takes too long even alone")
        prefills = self.role is Role.PREFILL
        factor = float((self.factors.first if prefills else self.factors.step)[i])
        felt = state.ttft if prefills else state.tpot
        mean, high = (around(float(felt[name][i]), factor) for name in ("mean", "p95"))
        told = replace(
            told, requests_per_s=Quantiles(p10=float(rates[0]), p50=float(rates[1]), p90=float(rates[2]))
        )
        if prefills:
            return replace(told, ttft_s=mean, ttft_p95_s=high)
        return replace(told, tpot_s=mean, tpot_p95_s=high, concurrency=sequences)

    def _lone_s(self, alone: HalfState, i: int) -> dict[str, float]:
        """Return what a lone request takes, as it compares with the whole of each limit."""
        times = {}
        for name in NAMES:
            if self.role is Role.PREFILL:
                whole, part = limits(self.pairs[i : i + 1], f"ttft_{name}_s")[0], self.ttft[name][i]
                longer = whole / part if 0.0 < part < np.inf else 1.0
                times[f"ttft_{name}_s"] = float(alone.ttft[name][i] * longer)
            else:
                times[f"tpot_{name}_s"] = float(alone.tpot[name][i])
        return times


def first_token_part(pairs: Sequence[tuple[Placed, TrafficClass]], name: str, role: Role) -> Array:
    """Return what a half may take of the limits of a name on the time to first token [s]."""
    whole = limits(pairs, f"ttft_{name}_s")
    steps = np.array([1.0 + first_token_steps(one.engine.name) for one, _ in pairs])
    step_s = np.array([min(_step_limits(each), default=0.0) for _, each in pairs])
    with np.errstate(invalid="ignore"):
        decode = np.minimum(PLACE_FRAC * whole + steps * step_s, DECODE_FRAC * whole)
        return decode if role is Role.DECODE else np.where(np.isinf(whole), np.inf, whole - decode)


def _step_limits(traffic: TrafficClass) -> list[float]:
    given = traffic.slo.model_dump(exclude_none=True)
    return [value for key, value in given.items() if key.startswith("tpot_")]


def limits(pairs: Sequence[tuple[Placed, TrafficClass]], field: str, *, missing: float = np.inf) -> Array:
    """Return a limit of each case [s], `missing` where its class has none."""
    values = [getattr(each.slo, field) for _, each in pairs]
    return np.array([missing if value is None else value for value in values])
