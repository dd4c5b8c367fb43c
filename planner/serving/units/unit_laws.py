"""What units take of a class whatever its limits are: lowered once, kept, and asked under any limits.

Lowering models and resolving coefficients is nearly all the work of a capacity; neither reads a
limit. So laws of many units lie in arrays side by side, and parts of several batches are put together
for the next question.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any, Protocol, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from planner.serving import intervals, placement, situation, steady_state
from planner.serving.coefficients import CoefficientFile
from planner.serving.open_load import length_cv2
from planner.serving.placed import Placed
from planner.serving.predict import evidence
from planner.serving.situation import ALL_QUEUED, Demand
from planner.serving.steady_state import Service
from planner.serving.step.ideal import Ideal
from tonnage.evidence import Z90
from workloads.scenario import TrafficClass

Array = NDArray[np.float64]
Index = NDArray[np.intp]

_POINTS = 5
_NO_WORK = Ideal.zeros(0)


@dataclass(frozen=True, slots=True)
class Lengths:
    """Tokens of a request: the means, and the 95th percentile of the prompt where it is known."""

    prompt: float
    output: float
    prompt_p95: float | None = None

    @staticmethod
    def of(traffic: TrafficClass) -> "Lengths":
        """Return the lengths of a class."""
        return Lengths(traffic.prompt_tokens, traffic.output_tokens, traffic.prompt_tokens_p95)


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitLaws:
    """Units that each serve requests of some lengths and nothing else; arrays over them.

    Attributes
    ----------
    ready : Service
        Time laws; what they were lowered from is not kept.
    tail_prompt : ndarray
        95th percentile of prompt tokens over the mean.
    prompt_cv2 : ndarray
        Squared coefficient of variation of prompt tokens.
    ttft_factor, tpot_factor : ndarray
        By which times may be longer or shorter in their ninetieth and tenth percentile.
    evidence : ndarray of Evidence
    device_bytes : ndarray
        Memory of one device; 0 where it is not known.
    """

    ready: Service
    tail_prompt: Array
    prompt_cv2: Array
    ttft_factor: Array
    tpot_factor: Array
    evidence: NDArray[np.object_]
    device_bytes: Array

    def __len__(self) -> int:
        return len(self.tail_prompt)

    def take(self, index: Index) -> "UnitLaws":
        """Return the laws of some units, in the order of their places."""
        found: UnitLaws = taken(self, index)
        return found


def unit_laws(pairs: Sequence[tuple[Placed, Lengths]], file: CoefficientFile) -> UnitLaws:
    """Lower units, each for the lengths beside it."""
    placed = [one for one, _ in pairs]
    prompt = np.array([each.prompt for _, each in pairs])
    demand = Demand(
        prompt=prompt,
        output=np.array([each.output for _, each in pairs]),
        context=np.zeros(len(pairs)),
        users=np.full(len(pairs), ALL_QUEUED),
        at_random=True,
    )
    where = situation.situation(placed, demand, points=_POINTS)
    ready = steady_state.service(where, placement.values(placed, file))
    bare = replace(ready.situation, decode=(), mixed=_NO_WORK, prompt_chunk=_NO_WORK)
    known = np.empty(len(pairs), dtype=object)
    known[:] = [evidence(one, file) for one in placed]
    ttft, tpot = (
        np.exp(Z90 * np.array([intervals.sigma(metric, one, file) for one in placed]))
        for metric in ("ttft", "tpot")
    )
    return UnitLaws(
        ready=replace(ready, situation=bare),
        tail_prompt=np.array([each.prompt_p95 or each.prompt for _, each in pairs]) / prompt,
        prompt_cv2=np.array([length_cv2(each.prompt, each.prompt_p95) for _, each in pairs]),
        ttft_factor=ttft,
        tpot_factor=tpot,
        evidence=known,
        device_bytes=np.array([one.target.memory_bytes or 0.0 for one in placed]),
    )


class Takeable(Protocol):
    """Laws of many units in arrays side by side."""

    def take(self, index: Index) -> Self:
        """Return the laws of some of them, in the order of their places."""


Laws = TypeVar("Laws", bound=Takeable)


def gathered(places: Sequence[tuple[Laws, int]]) -> Laws:
    """Return the laws of units, each given by its batch and its place there, in their order."""
    batches = {id(batch): batch for batch, _ in places}
    rows: dict[int, list[int]] = {key: [] for key in batches}
    for row, (batch, _) in enumerate(places):
        rows[id(batch)].append(row)
    parts = [
        batches[key].take(np.array([places[row][1] for row in own], dtype=np.intp))
        for key, own in rows.items()
    ]
    whole: Laws = parts[0] if len(parts) == 1 else _joined(parts)
    return whole.take(np.argsort(np.concatenate(list(rows.values()))))


def taken(value: Any, index: Index) -> Any:
    """Take places of the last axis of every array inside."""
    if isinstance(value, np.ndarray):
        return value[..., index]
    if isinstance(value, tuple):
        return tuple(taken(each, index) for each in value)
    if isinstance(value, Mapping):
        return {name: taken(each, index) for name, each in value.items()}
    if _is_lawful(value):
        return replace(value, **{name: taken(getattr(value, name), index) for name in _names(value)})
    return value


def _joined(values: Sequence[Any]) -> Any:
    """Put the arrays inside of values alike one behind the other along their last axis."""
    first = values[0]
    if isinstance(first, np.ndarray):
        return np.concatenate(values, axis=-1)
    if isinstance(first, tuple):
        return tuple(_joined(each) for each in zip(*values, strict=True))
    if isinstance(first, Mapping):
        return {name: _joined([value[name] for value in values]) for name in first}
    if _is_lawful(first):
        each = {name: _joined([getattr(value, name) for value in values]) for name in _names(first)}
        return replace(first, **each)
    return first


def _is_lawful(value: Any) -> bool:
    return is_dataclass(value) and not isinstance(value, Ideal)


def _names(value: Any) -> list[str]:
    return [field.name for field in fields(value) if field.init]
