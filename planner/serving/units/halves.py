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
from planner.role import HALVES, Role
from planner.serving import placement
from planner.serving.disaggregation import PoolLink
from planner.serving.units.capacity import Capacity, LawsOrWhy, around, broken_alone
from planner.serving.units.half_state import NAMES, HalfLaws, HalfState, half_laws
from planner.serving.units.largest_batch import FULL_LOAD
from planner.serving.units.unit_laws import Lengths, gathered
from tonnage.evidence import Quantiles
from tonnage.units import human
from workloads.scenario import TrafficClass

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
Halves = Mapping[Role, Capacity]
HalvesOrWhy = tuple[HalfLaws, int] | str
"""The laws of a deployment's halves, as those of a batch and its place there; else why there are none."""

PLACE_FRAC = 0.05
"""Part of a limit on the time to first token that the wait for a place in a decode batch may take."""
DECODE_FRAC = 0.3
"""Part of it that a decode unit may take in all."""
NO_FIRST_LIMIT = (
    "a limit on the whole request is split between prefill and decode by a ttft_p95 limit; give one"
)
_ROUNDS = 40
_SMALLEST = 1e-3


def half_units(
    pairs: Sequence[tuple[Deployment, Lengths]], whole: Sequence[LawsOrWhy], over: PoolLink
) -> list[HalvesOrWhy]:
    """Return the laws of both halves of deployments, or why there are none.

    Parameters
    ----------
    whole : sequence
        Laws of the same pairs serving whole requests, from which most is taken over.
    over : PoolLink
        Over which each device of a prefill unit sends its part of the cache.
    """
    able = [laws for laws in whole if not isinstance(laws, str)]
    if not able:
        return [laws for laws in whole if isinstance(laws, str)]
    here = [
        (placement.place(item), each)
        for (item, each), laws in zip(pairs, whole, strict=True)
        if not isinstance(laws, str)
    ]
    found = half_laws(gathered(able), here, over)
    places = iter(range(len(here)))
    return [laws if isinstance(laws, str) else (found, next(places)) for laws in whole]


def under_limits(rows: Sequence[tuple[HalvesOrWhy, TrafficClass]]) -> list[Halves]:
    """Return the capacity of each deployment as a prefill and as a decode unit under a class's limits."""
    able = [(found, each) for found, each in rows if not isinstance(found, str)]
    answers = iter(
        _within(gathered([found for found, _ in able]), [each for _, each in able]) if able else []
    )
    return [
        {role: Capacity(why_not=found) for role in HALVES} if isinstance(found, str) else next(answers)
        for found, _ in rows
    ]


def _within(laws: HalfLaws, classes: Sequence[TrafficClass]) -> list[Halves]:
    found = {
        Role.PREFILL: _Search(laws, classes, laws.prefilling, laws.prefill.most, Role.PREFILL).answers(),
        Role.DECODE: _Search(laws, classes, laws.decoding, laws.ready.situation.limit, Role.DECODE).answers(),
    }
    return [{role: rows[i] for role, rows in found.items()} for i in range(len(laws))]


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

    Notes
    -----
    Times are longer by the factors of the laws at the tenth percentile of the prediction. As for whole
    units, a unit passes fewer requests by the factor of its steps.
    """

    def __init__(
        self,
        both: HalfLaws,
        classes: Sequence[TrafficClass],
        at: Callable[[Array], HalfState],
        most: Array,
        role: Role,
    ) -> None:
        self.both, self.classes, self.at, self.most, self.role = both, classes, at, most, role
        self.factors = _Factors(both.units.ttft_factor, both.units.tpot_factor)
        self.ttft = {name: first_token_part(both.first_steps, classes, name, role) for name in NAMES}
        self.tpot = {name: limits(classes, f"tpot_{name}_s") for name in NAMES}
        self.rest_s = limits(classes, "e2e_p95_s") - limits(classes, "ttft_p95_s", missing=0.0)

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

    def answers(self) -> list[Capacity]:
        """Return the capacity of every case."""
        even, step = np.ones(len(self.classes)), self.factors.step
        load, possible = self.largest(_Factors(even, even))
        state = self.at(load)
        slow_load, slow_possible = self.largest(self.factors)
        slow = np.where(slow_possible, self.at(slow_load).requests_per_s / step, 0.0)
        fast_load, _ = self.largest(_Factors(1.0 / self.factors.first, 1.0 / step))
        fast = self.at(fast_load).requests_per_s * step
        rate = state.requests_per_s
        rates = np.stack([np.minimum(slow, rate), rate, np.maximum(fast, rate)])
        alone = self.at(_SMALLEST * np.minimum(self.most, 1.0))
        return [self._answer(i, state, rates[:, i], possible, alone) for i in range(len(self.classes))]

    def _answer(self, i: int, state: HalfState, rates: Array, possible: Mask, alone: HalfState) -> Capacity:
        each = self.classes[i]
        where = self.both.ready.situation
        fits = bool(where.fits[i]) if where.memory_known[i] else None
        lone = self._lone_s(alone, i)
        sequences = float(state.running[i]) if self.role is Role.DECODE else 1.0
        told = Capacity(
            fits=fits,
            evidence=self.both.units.evidence[i],
            alone_s=lone,
            memory_bytes=float(where.fixed_bytes[i] + sequences * where.sequence_bytes[i]),
        )
        if fits is False:
            need, room = human(told.memory_bytes or 0.0, "B"), human(self.both.units.device_bytes[i], "B")
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
                whole, part = limits(self.classes[i : i + 1], f"ttft_{name}_s")[0], self.ttft[name][i]
                longer = whole / part if 0.0 < part < np.inf else 1.0
                times[f"ttft_{name}_s"] = float(alone.ttft[name][i] * longer)
            else:
                times[f"tpot_{name}_s"] = float(alone.tpot[name][i])
        return times


def first_token_part(first_steps: Array, classes: Sequence[TrafficClass], name: str, role: Role) -> Array:
    """Return what a half may take of the limits of a name on the time to first token [s].

    Parameters
    ----------
    first_steps : ndarray
        Steps that the first token takes of the decode unit of each class.
    """
    whole, steps = limits(classes, f"ttft_{name}_s"), 1.0 + first_steps
    step_s = np.array([min(_step_limits(each), default=0.0) for each in classes])
    with np.errstate(invalid="ignore"):
        decode = np.minimum(PLACE_FRAC * whole + steps * step_s, DECODE_FRAC * whole)
        return decode if role is Role.DECODE else np.where(np.isinf(whole), np.inf, whole - decode)


def _step_limits(traffic: TrafficClass) -> list[float]:
    given = traffic.slo.model_dump(exclude_none=True)
    return [value for key, value in given.items() if key.startswith("tpot_")]


def limits(classes: Sequence[TrafficClass], field: str, *, missing: float = np.inf) -> Array:
    """Return a limit of each class [s], `missing` where it has none."""
    values = [getattr(each.slo, field) for each in classes]
    return np.array([missing if value is None else value for value in values])
