"""Capacity of one unit: the largest request rate at which a traffic class keeps its limits.

The state of a replica under Poisson arrivals is known in closed form for any batch (`open_load`),
and every percentile grows with the batch; so the largest batch within all limits is found by
bisection, for all deployments and classes at once. Percentiles are queueing approximations.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from planner.deployment import Deployment
from planner.prediction import Bound
from planner.serving import coefficients, placement
from planner.serving.coefficients import CoefficientFile
from planner.serving.open_load import OpenState
from planner.serving.placed import Placed
from planner.serving.predict import bounds
from planner.serving.unchecked import unchecked
from planner.serving.units.largest_batch import LIMITED, SMALLEST_BATCH, Search, search_of, value_of
from planner.serving.units.unit_laws import Lengths, UnitLaws, gathered, unit_laws
from tonnage.errors import TonnageError
from tonnage.evidence import Evidence, Quantiles
from tonnage.units import human
from workloads.scenario import TrafficClass

Array = NDArray[np.float64]
LawsOrWhy = tuple[UnitLaws, int] | str
"""The laws of a unit, as those of a batch and its place there; else why there are none."""


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
    pairs = list(dict.fromkeys((item, Lengths.of(each)) for item in deployments for each in classes))
    laws = dict(zip(pairs, units(pairs, using), strict=True))
    found = iter(
        under_limits([(laws[item, Lengths.of(each)], each) for item in deployments for each in classes])
    )
    return [[next(found) for _ in classes] for _ in deployments]


def units(
    pairs: Sequence[tuple[Deployment, Lengths]], using: CoefficientFile | None = None
) -> list[LawsOrWhy]:
    """Return the laws of units, or why there are none; all that are new are lowered together."""
    placed = [(placed_or_why(item), each) for item, each in pairs]
    here = [(one, each) for one, each in placed if isinstance(one, Placed)]
    laws = unit_laws(here, using or coefficients.shipped()) if here else None
    places = iter(range(len(here)))
    return [
        (laws, next(places)) if laws is not None and isinstance(one, Placed) else str(one)
        for one, _ in placed
    ]


def under_limits(rows: Sequence[tuple[LawsOrWhy, TrafficClass]]) -> list[Capacity]:
    """Return the capacity of each unit under the limits of the class beside it."""
    able = [(found, each) for found, each in rows if not isinstance(found, str)]
    answers = iter(within(gathered([found for found, _ in able]), [each for _, each in able]) if able else ())
    return [Capacity(why_not=found) if isinstance(found, str) else next(answers) for found, _ in rows]


def placed_or_why(deployment: Deployment) -> Placed | str:
    """Return a deployment with its names resolved, or why they cannot be."""
    try:
        return placement.place(deployment)
    except TonnageError as problem:
        return str(problem)


def within(laws: UnitLaws, classes: Sequence[TrafficClass]) -> list[Capacity]:
    """Return the capacities of units under the limits of the class beside each.

    Parameters
    ----------
    laws : UnitLaws
        Of the lengths of these classes.
    """
    search = search_of(laws, classes)
    ttft, tpot = laws.ttft_factor, laws.tpot_factor
    even = np.ones(len(laws))
    batch, possible = search.largest(even, even)
    state = search.state(batch)
    slow_batch, slow_possible = search.largest(ttft, tpot)
    slow = np.where(slow_possible, search.state(slow_batch).requests_per_s / tpot, 0.0)
    fast_batch, _ = search.largest(1.0 / ttft, 1.0 / tpot)
    fast = search.state(fast_batch).requests_per_s * tpot
    rates = np.stack(
        [np.minimum(slow, state.requests_per_s), state.requests_per_s, np.maximum(fast, state.requests_per_s)]
    )
    seen = _Found(
        search=search,
        state=state,
        rates=rates,
        bound=bounds(search.ready, state.queue_s, state.ttft_s),
        alone=search.state(np.full(len(laws), SMALLEST_BATCH)),
    )
    return [
        seen.answer(i) if possible[i] and seen.fits(i) is not False else seen.refusal(i, each)
        for i, each in enumerate(classes)
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """What came out of a search; arrays over pairs."""

    search: Search
    state: OpenState
    rates: Array
    bound: list[Bound]
    alone: OpenState

    def fits(self, i: int) -> bool | None:
        where = self.search.ready.situation
        return bool(where.fits[i]) if where.memory_known[i] else None

    def _memory(self, i: int, sequences: float) -> float:
        where = self.search.ready.situation
        return float(where.fixed_bytes[i] + sequences * where.sequence_bytes[i])

    def _alone_s(self, i: int) -> dict[str, float]:
        return {
            f"{metric}_{name}_s": float(value_of(self.alone, metric, name)[i]) for metric, name in LIMITED
        }

    def answer(self, i: int) -> Capacity:
        """Return what a unit carries."""
        state, laws = self.state, self.search.laws
        ttft, tpot = float(laws.ttft_factor[i]), float(laws.tpot_factor[i])
        low, mid, high = map(float, self.rates[:, i])
        batch = float(state.running[i])
        return Capacity(
            fits=self.fits(i),
            evidence=laws.evidence[i],
            bound=self.bound[i],
            alone_s=self._alone_s(i),
            requests_per_s=unchecked(Quantiles, {"p10": low, "p50": mid, "p90": high}),
            concurrency=batch,
            ttft_s=around(state.ttft_s[i], ttft),
            tpot_s=around(state.tpot_s[i], tpot),
            ttft_p95_s=around(state.ttft_at[0.95][i], ttft),
            tpot_p95_s=around(state.tpot_at[0.95][i], tpot),
            memory_bytes=self._memory(i, batch),
        )

    def refusal(self, i: int, each: TrafficClass) -> Capacity:
        """Return why a unit carries nothing: the first limit that even a lone request breaks."""
        alone_s, memory = self._alone_s(i), self._memory(i, 1.0)
        if self.fits(i) is False:
            room = human(self.search.laws.device_bytes[i], "B")
            why = f"does not fit: {human(memory, 'B')} per device for one sequence, {room} there"
        else:
            too_long = f"the whole request of class '{each.name}' takes longer than its limit even alone"
            why = broken_alone(alone_s, each) or too_long
        return Capacity(
            fits=self.fits(i),
            evidence=self.search.laws.evidence[i],
            bound=self.bound[i],
            alone_s=alone_s,
            why_not=why,
            memory_bytes=memory,
        )


def around(value: float, factor: float) -> Quantiles:
    """Return a value that may be off by a factor in its tenth and ninetieth percentile."""
    middle = float(value)
    return unchecked(Quantiles, {"p10": middle / factor, "p50": middle, "p90": middle * factor})


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
