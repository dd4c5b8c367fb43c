"""Units that only prefill or only decode at a load: what each takes of a request.

    TTFT = request + prefill + wait for it (`prompts`) + cache / (0.8 link)
           + wait for a place + rest of a step + f T(n + 1)
    TPOT = T(n + 1), no prompt between two tokens: who comes at random finds n others
    rate = n / ((o + f) T(n + 1)) of a decode unit, whose n requests and those that move in share its memory

with f = 1 where the decode unit makes the first token itself, else 0 (`disaggregation`), and o further
tokens. How prompts wait is said in `prompts`, how requests wait for a place in `open_load`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from planner.serving.coefficients import CoefficientFile
from planner.serving.disaggregation import PoolLink, first_token_steps, transfer_s
from planner.serving.open_load import NORMAL, exceed, place_wait
from planner.serving.placed import Placed
from planner.serving.situation import ALL_QUEUED, Demand
from planner.serving.steady_state import Service
from planner.serving.units.prompts import Prompts, prompts
from planner.serving.units.unit_laws import Index, Lengths, UnitLaws, taken, unit_laws
from workloads.scenario import TrafficClass

Array = NDArray[np.float64]
NAMES = {"mean": None, "p50": 0.50, "p90": 0.90, "p95": 0.95, "p99": 0.99}
"""Limits by name, with their probabilities; None is the mean."""
_ROUNDS = 40


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


@dataclass(frozen=True, slots=True, kw_only=True)
class HalfLaws:
    """Both halves of some deployments for requests of some lengths; arrays over them.

    Attributes
    ----------
    units : UnitLaws
        The same deployments serving whole requests.
    moved_s : ndarray
        Handover of the cache. [s]
    first_steps : ndarray
        Steps that the first token takes of a decode unit.
    further, steps : ndarray
        Output tokens after the first, and steps that a decode unit takes for a request.
    """

    units: UnitLaws
    prefill: Prompts
    moved_s: Array
    first_steps: Array
    further: Array
    steps: Array

    def __len__(self) -> int:
        return len(self.moved_s)

    def take(self, index: Index) -> "HalfLaws":
        """Return the laws of some deployments, in the order of their places."""
        found: HalfLaws = taken(self, index)
        return found

    @property
    def ready(self) -> Service:
        """Time laws of a unit."""
        return self.units.ready

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


def half_laws(units: UnitLaws, pairs: Sequence[tuple[Placed, Lengths]], over: PoolLink) -> HalfLaws:
    """Return both halves of deployments, each for the lengths beside it.

    Parameters
    ----------
    units : UnitLaws
        Of the same pairs.
    over : PoolLink
        Over which each device of a prefill unit sends its part of the cache.
    """
    placed = [one for one, _ in pairs]
    prompt = np.array([each.prompt for _, each in pairs])
    output = np.array([each.output for _, each in pairs])
    moved_s = np.array([transfer_s(one, each.prompt, over) for one, each in pairs])
    demand = Demand(
        prompt=prompt,
        output=output,
        context=np.zeros(len(pairs)),
        users=np.full(len(pairs), ALL_QUEUED),
        at_random=True,
    )
    first_steps = np.array([first_token_steps(one.engine.name) for one in placed])
    return HalfLaws(
        units=units,
        prefill=prompts(
            units.ready,
            placed,
            demand,
            moved_s=moved_s,
            stretch=units.tail_prompt,
            cv2=units.prompt_cv2,
        ),
        moved_s=moved_s,
        first_steps=first_steps,
        further=np.maximum(output - 1.0, 1.0),
        steps=np.maximum(output - 1.0 + first_steps, 1.0),
    )


def laws_of(pairs: Sequence[tuple[Placed, TrafficClass]], over: PoolLink, file: CoefficientFile) -> HalfLaws:
    """Return both halves of deployments for classes, lowered for this question alone."""
    each = [(one, Lengths.of(traffic)) for one, traffic in pairs]
    return half_laws(unit_laws(each, file), each, over)
