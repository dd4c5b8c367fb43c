"""Halves of a split service at work: what they take of a request at a load, one class or several."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from planner.deployment import Deployment
from planner.role import Role
from planner.serving import coefficients, intervals, placement
from planner.serving.disaggregation import link
from planner.serving.units.capacity import around
from planner.serving.units.half_state import NAMES, HalfState, laws_of
from planner.serving.units.halves import first_token_part
from planner.serving.units.largest_batch import FULL_LOAD
from planner.serving.units.prompts import shared
from tonnage.evidence import Z90, Quantiles
from workloads.scenario import TrafficClass

Array = NDArray[np.float64]


class SharedPrompts:
    """One deployment that prefills for several classes."""

    def __init__(
        self, deployment: Deployment, classes: Sequence[TrafficClass], network: str, *, confidence: float
    ) -> None:
        file, placed = coefficients.shipped(), placement.place(deployment)
        pairs = [(placed, each) for each in classes]
        self.both = laws_of(pairs, link(network), file)
        z = NormalDist().inv_cdf(confidence)
        self.first, self.step = (
            float(np.exp(z * intervals.sigma(metric, placed, file))) for metric in ("ttft", "tpot")
        )
        self.limits = {
            name: first_token_part(self.both.first_steps, classes, name, Role.PREFILL) for name in NAMES
        }

    def holds(self, rates: Array) -> bool:
        """Tell whether all classes keep their limits at these rates, with the confidence asked for."""
        state = shared(self.both.prefill, rates * self.step)
        if not (state.load_frac * max(self.step, 1.0) <= FULL_LOAD * (1 + 1e-6)).all():
            return False
        moved = self.both.moved_s
        return all(
            bool((((state.ttft_s if p is None else state.ttft_at[p]) - moved) * self.first + moved
                  <= self.limits[name] * (1 + 1e-6)).all())
            for name, p in NAMES.items()
        )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class HalfFelt:
    """What a half takes of a request: means, and 95th percentiles over requests.

    Attributes
    ----------
    ttft_s, ttft_p95_s : Quantiles
        Of a prefill unit the time until the cache is handed over, of a decode unit that from then to
        the first token.
    tpot_s, tpot_p95_s : Quantiles or None
        Of a decode unit.
    """

    ttft_s: Quantiles
    ttft_p95_s: Quantiles
    tpot_s: Quantiles | None = None
    tpot_p95_s: Quantiles | None = None


def at_load(
    deployment: Deployment,
    traffic: TrafficClass,
    role: Role,
    requests_per_s: float,
    network: str,
    *,
    units: int = 1,
) -> HalfFelt:
    """Return what a half takes of a request at a rate.

    Parameters
    ----------
    requests_per_s : float
        Of each unit.
    units : int
        Of the kind, among which each request goes to the one with the shortest line.
    """
    file, placed = coefficients.shipped(), placement.place(deployment)
    both = laws_of([(placed, traffic)], link(network), file)
    rate = np.array([requests_per_s])
    slow = {metric: float(np.exp(Z90 * intervals.sigma(metric, placed, file))) for metric in ("ttft", "tpot")}
    if role is Role.PREFILL:
        state = both.prefilling(np.minimum(rate, FULL_LOAD * both.prefill.most), units=units)
        mean, high = (_around(state, "ttft", name, slow["ttft"]) for name in ("mean", "p95"))
        return HalfFelt(ttft_s=mean, ttft_p95_s=high)
    state = both.decoding(both.running_at(rate, units=units), units=units)
    first, first_p95, mean, high = (
        _around(state, metric, name, slow["tpot"]) for metric in ("ttft", "tpot") for name in ("mean", "p95")
    )
    return HalfFelt(ttft_s=first, ttft_p95_s=first_p95, tpot_s=mean, tpot_p95_s=high)


def _around(state: HalfState, metric: str, name: str, slow: float) -> Quantiles:
    times = state.ttft if metric == "ttft" else state.tpot
    return around(float(times[name][0]), slow)
