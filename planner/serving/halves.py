"""Capacity of a unit that only prefills, or only decodes, under the limits of a class.

A request of a split service waits for a prefill unit, is read there, hands its cache over and waits
for a place in the batch of a decode unit; its first token comes with that place:

    TTFT = request + prefill + wait for it (`prompts`) + cache / (0.8 link)
           + wait for a place + rest of a step + f T(n + 1)
    TPOT = T(n + 1), no prompt between two tokens: who comes at random finds n others
    rate = n / ((o + f) T(n + 1)) of a decode unit, whose n requests and those that move in share its memory

with f = 1 where the decode unit makes the first token itself, else 0 (`disaggregation`), and o further
tokens. Which two units a request meets is for the programme to choose, so each half has to hold its part
of the limit alone. A decode unit may take `PLACE_FRAC` of a limit on the time to first token for the wait,
and 1 + f steps as long as the limit on those lets them be, together `DECODE_FRAC` of it at most; everything
before that has the rest. A limit L on the whole request leaves L - (limit on its first token) for the rest
of the output. Percentiles add up as they do for whole units: as if the worst came together.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from planner.deployment import Deployment
from planner.role import Role
from planner.serving import coefficients, intervals, placement, situation, steady_state
from planner.serving.capacity import FULL_LOAD, Capacity, around, broken_alone, placed_or_why
from planner.serving.coefficients import CoefficientFile
from planner.serving.disaggregation import PoolLink, first_token_steps, transfer_s
from planner.serving.open_load import LENGTH_CV2, NORMAL, exceed, place_wait
from planner.serving.placement import Placed
from planner.serving.predict import evidence
from planner.serving.prompts import Prompts, prompts
from planner.serving.situation import ALL_QUEUED, Demand
from planner.serving.steady_state import Service
from tonnage.evidence import Z90, Quantiles
from tonnage.units import human
from workloads.scenario import TrafficClass
from workloads.traffic import Length

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
NAMES = {"mean": None, "p50": 0.50, "p90": 0.90, "p95": 0.95, "p99": 0.99}
"""Limits by name, with their probabilities; None is the mean."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HalfState:
    """A half at some load: what its own part of a request takes; arrays over cases.

    `ttft` and `tpot` are by the names of limits: mean, p50, p90, p95, p99.
    """

    requests_per_s: Array
    load_frac: Array
    ttft: dict[str, Array]
    tpot: dict[str, Array]
    running: Array


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


class Pair:
    """Both halves of some deployments for some classes; arrays over the cases."""

    def __init__(
        self, pairs: Sequence[tuple[Placed, TrafficClass]], over: PoolLink, file: CoefficientFile
    ) -> None:
        placed = [one for one, _ in pairs]
        prompt = np.array([each.prompt_tokens for _, each in pairs])
        output = np.array([each.output_tokens for _, each in pairs])
        queued = np.full(len(pairs), ALL_QUEUED)
        demand = Demand(prompt=prompt, output=output, context=np.zeros(len(pairs)), users=queued)
        where = situation.situation(placed, demand, points=_POINTS)
        self.ready: Service = steady_state.service(where, placement.values(placed, file))
        self.moved_s = np.array([transfer_s(one, each.prompt_tokens, over) for one, each in pairs])
        tail = np.array([each.prompt_tokens_p95 or each.prompt_tokens for _, each in pairs]) / prompt
        cv2 = np.array([_length_cv2(each.prompt_tokens, each.prompt_tokens_p95) for _, each in pairs])
        self.prefill: Prompts = prompts(
            self.ready, placed, demand, moved_s=self.moved_s, stretch=tail, cv2=cv2
        )
        self.first_steps = np.array([first_token_steps(one.engine.name) for one in placed])
        self.further = np.maximum(output - 1.0, 1.0)
        self.steps = np.maximum(output - 1.0 + self.first_steps, 1.0)

    def prefilling(self, rate: Array, *, units: float = 1.0) -> HalfState:
        """Return prefill units at a rate, so many of them behind one line."""
        state = self.prefill.at_rate(rate, units=units)
        ttft = {name: state.ttft_s if p is None else state.ttft_at[p] for name, p in NAMES.items()}
        nothing = {name: np.zeros_like(rate) for name in NAMES}
        return HalfState(
            requests_per_s=rate, load_frac=state.load_frac, ttft=ttft, tpot=nothing, running=rate * 0.0
        )

    def decoding(self, running: Array, *, units: float = 1.0) -> HalfState:
        """Return decode units in which so many sequences run on the mean.

        Of several units the shortest line is taken: sequences vary as their number over all does, of which
        each has an equal part.
        """
        limit = self.ready.situation.limit
        step_s = self.ready.decode_s(np.minimum(running + 1.0 / units, limit))
        rate = running / (self.steps * step_s)
        wait, load = place_wait(rate, self.moved_s + self.steps * step_s, limit)
        tpot, ttft = {}, {}
        for name, p in NAMES.items():
            score = 0.0 if p is None else NORMAL[p]
            busy = running + 1.0 / units + score * np.sqrt(np.maximum(running, 0.0) / units)
            tpot[name] = self.ready.decode_s(np.minimum(busy, limit))
            rest = 0.5 if p is None else p
            ttft[name] = wait * (1.0 if p is None else exceed(p)) + (rest + self.first_steps) * tpot[name]
        return HalfState(requests_per_s=rate, load_frac=load, ttft=ttft, tpot=tpot, running=running)

    def running_at(self, rate: Array, *, units: float = 1.0) -> Array:
        """Return the sequences that run at a rate, at most as many as there is room for."""
        low, high = np.zeros_like(rate), self.ready.situation.limit * np.ones_like(rate)
        for _ in range(_ROUNDS):
            middle = 0.5 * (low + high)
            over = self.decoding(middle, units=units).requests_per_s > rate
            low, high = np.where(over, low, middle), np.where(over, middle, high)
        return np.asarray(0.5 * (low + high))


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


def _length_cv2(mean: float, p95: float | None) -> float:
    """Return the squared coefficient of variation of lengths; assumed where their mean alone is known."""
    return LENGTH_CV2 if p95 is None else Length.from_percentile(mean, p95).cv ** 2


def limits(pairs: Sequence[tuple[Placed, TrafficClass]], field: str, *, missing: float = np.inf) -> Array:
    """Return a limit of each case [s], `missing` where its class has none."""
    values = [getattr(each.slo, field) for _, each in pairs]
    return np.array([missing if value is None else value for value in values])
