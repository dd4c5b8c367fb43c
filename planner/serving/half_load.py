"""Halves of a split service at work: what they take of a request at a load, one class or several."""

from collections.abc import Sequence
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from planner.deployment import Deployment
from planner.role import Role
from planner.serving import coefficients, intervals, placement
from planner.serving.capacity import FULL_LOAD, around
from planner.serving.disaggregation import link
from planner.serving.halves import NAMES, PLACE_FRAC, Pair, limits
from planner.serving.prompts import shared
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
        self.both = Pair(pairs, link(network), file)
        z = NormalDist().inv_cdf(confidence)
        self.first, self.step = (
            float(np.exp(z * intervals.sigma(metric, placed, file))) for metric in ("ttft", "tpot")
        )
        self.limits = {name: (1.0 - PLACE_FRAC) * limits(pairs, f"ttft_{name}_s") for name in NAMES}

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


def at_load(
    deployment: Deployment, traffic: TrafficClass, role: Role, requests_per_s: float, network: str
) -> tuple[Quantiles, Quantiles]:
    """Return what a half takes of a request at a rate: its mean, and the 95th percentile over requests.

    Of a prefill unit it is the time until the cache is handed over [s], of a decode unit that of each
    output token [s].
    """
    file, placed = coefficients.shipped(), placement.place(deployment)
    both = Pair([(placed, traffic)], link(network), file)
    metric = "ttft" if role is Role.PREFILL else "tpot"
    factor = float(np.exp(Z90 * intervals.sigma(metric, placed, file)))
    rate = np.array([requests_per_s])
    if role is Role.PREFILL:
        felt = both.prefilling(np.minimum(rate, FULL_LOAD * both.prefill.most)).ttft
    else:
        felt = both.decoding(both.running_at(rate)).tpot
    return around(float(felt["mean"][0]), factor), around(float(felt["p95"][0]), factor)
