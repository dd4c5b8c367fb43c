"""The largest batch of a unit within the limits of a class, for many units at once.

Every time grows with the batch, and so does every percentile, so bisection finds where the first limit
is reached.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from planner.serving import open_load
from planner.serving.open_load import OpenState
from planner.serving.steady_state import Service
from planner.serving.units.unit_laws import UnitLaws
from workloads.scenario import TrafficClass

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
Index = NDArray[np.intp]

FULL_LOAD = 0.98
"""Waits grow without bound towards a load of 1: where no limit stops earlier, this does."""
_ROUNDS = 40
SMALLEST_BATCH = 1e-3
_PERCENTILES = {"p50": 0.50, "p90": 0.90, "p95": 0.95, "p99": 0.99}
LIMITED = tuple((metric, name) for metric in ("ttft", "tpot") for name in ("mean", *_PERCENTILES))
_WHOLE = 0.95
"""Percentile of the limit on whole requests."""


@dataclass(frozen=True, slots=True)
class Search:
    """Units with the limits of their class; arrays over pairs, infinite where there is none."""

    laws: UnitLaws
    limits: dict[tuple[str, str], Array]
    whole_limit_s: Array
    """On the 95th percentile of the whole request."""

    @property
    def ready(self) -> Service:
        """Time laws of the units."""
        return self.laws.ready

    def take(self, index: Index) -> "Search":
        """Return the search among some units."""
        limits = {key: limit[index] for key, limit in self.limits.items()}
        return Search(self.laws.take(index), limits, self.whole_limit_s[index])

    def state(self, batch: Array) -> OpenState:
        """Return what all units are like with a batch each."""
        return open_load.at_running(
            self.ready, batch, tail_prompt=self.laws.tail_prompt, prompt_cv2=self.laws.prompt_cv2
        )

    def _limited(self, batch: Array) -> OpenState:
        """Return the state with the percentiles alone that some limit is on."""
        asked = {_PERCENTILES[name] for _, name in self.limits if name in _PERCENTILES} | {_WHOLE}
        return open_load.at_running(
            self.ready,
            batch,
            tail_prompt=self.laws.tail_prompt,
            prompt_cv2=self.laws.prompt_cv2,
            percentiles=sorted(asked),
        )

    def keeps(self, batch: Array, ttft: Array, tpot: Array) -> Mask:
        """Tell which pairs are within all limits at a batch when times are longer by these factors."""
        state = self._limited(batch)
        good = state.load_frac * tpot <= FULL_LOAD
        for (metric, name), limit in self.limits.items():
            factor = ttft if metric == "ttft" else tpot
            good &= value_of(state, metric, name) * factor <= limit
        steps = np.maximum(self.ready.situation.demand.output - 1.0, 0.0)
        whole = state.ttft_at[_WHOLE] * ttft + steps * state.tpot_at[_WHOLE] * tpot
        return np.asarray(good & (whole <= self.whole_limit_s))

    def largest(self, ttft: Array, tpot: Array) -> tuple[Array, Mask]:
        """Return the largest batch within the limits, and where there is one at all."""
        found, high = np.full(len(self.laws), SMALLEST_BATCH), self.ready.situation.limit
        possible, whole = self.keeps(found, ttft, tpot), self.keeps(high, ttft, tpot)
        between = np.flatnonzero(possible & ~whole)
        if len(between):
            found[between] = self.take(between)._bisected(ttft[between], tpot[between])
        return np.where(whole, high, found), possible

    def _bisected(self, ttft: Array, tpot: Array) -> Array:
        """Return the largest batch where the smallest is within the limits and the full one is not."""
        low, high = np.full(len(self.laws), SMALLEST_BATCH), self.ready.situation.limit
        for _ in range(_ROUNDS):
            middle = np.sqrt(low * high)
            good = self.keeps(middle, ttft, tpot)
            low, high = np.where(good, middle, low), np.where(good, high, middle)
        return low


def value_of(state: OpenState, metric: str, name: str) -> Array:
    """Return the mean or a percentile of a latency [s]."""
    if name == "mean":
        return state.ttft_s if metric == "ttft" else state.tpot_s
    at = state.ttft_at if metric == "ttft" else state.tpot_at
    return at[_PERCENTILES[name]]


def search_of(laws: UnitLaws, classes: Sequence[TrafficClass]) -> Search:
    """Return units with the limits of the class beside each."""
    limits = {}
    for metric, name in LIMITED:
        limit = _limit(classes, f"{metric}_{name}_s")
        if np.isfinite(limit).any():
            limits[metric, name] = limit
    return Search(laws, limits, _limit(classes, "e2e_p95_s"))


def _limit(classes: Sequence[TrafficClass], field: str) -> Array:
    values = [getattr(each.slo, field) for each in classes]
    return np.array([np.inf if value is None else value for value in values])
