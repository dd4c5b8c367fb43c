r"""Electrical power and energy: what a device draws while it serves, from how busy its roofs are.

.. math:: P = TDP\,\min(1,\; 0.072 + 1.165\,(u_{bytes} + u_{flop}))

with u the achieved share of the datasheet's memory bandwidth and of its peak flop rate, averaged over
time. A linear law of work on top of a constant draw is the energy roofline of Choi, Bedard, Fowler and
Vuduc, "A roofline model of energy", IPDPS 2013; TDP caps it.

The constant and the slope over bandwidth are least squares of 36 measured generation runs of one
sequence on A40, A100 and V100 (`power_rows.csv`: ML.ENERGY leaderboard, ml-energy/leaderboard
`data/legacy`, energy over latency; bytes are parameters x 2 x tokens/s; the V100 is taken for the SXM2
part). Residual 0.11 in the log; a GPU left out is off by 0.10 to 0.21. The slope over flop is ASSUMED
to be the same: prompt phases reach TDP at about 0.8 of the peak (Patel et al., "Characterizing power
management opportunities for LLMs in the cloud", ASPLOS 2024, report draws at TDP). Host, network and
cooling are not in it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hw_targets import catalog
from hw_targets.device import DeviceKind
from planner.deployment import Case
from planner.serving.intervals import Band
from planner.serving.placement import Placed
from planner.serving.steady_state import Service, State
from planner.serving.unchecked import unchecked
from tonnage.evidence import Z90, Evidence, Quantiles

Array = NDArray[np.float64]

ROWS = Path(__file__).with_name("power_rows.csv")
IDLE_FRAC = 0.072
SLOPE = 1.165
SIGMA_GPU = 0.21
"""Log error on a GPU that was left out, the worst of three."""
SIGMA_OTHER = 0.40
"""ASSUMED for what is no GPU: nobody measured it here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draw:
    """Power of all devices of a deployment, and why it is unknown where it is.

    Attributes
    ----------
    watts : ndarray, shape (cases,)
        Median [W]; NaN where unknown.
    sigma : ndarray, shape (cases,)
        Log standard deviation.
    tdp_w : ndarray, shape (cases,)
        Of all devices together: no draw is above it for long.
    evidence, why_not : list
        By case.
    """

    watts: Array
    sigma: Array
    tdp_w: Array
    evidence: list[Evidence | None]
    why_not: list[str | None]

    def power(self, i: int) -> Quantiles | None:
        """Draw of one case [W]."""
        if not np.isfinite(self.watts[i]):
            return None
        return _capped(float(self.watts[i]), float(self.sigma[i]), float(self.tdp_w[i]))

    def per_token(self, i: int, rate: Band) -> Quantiles | None:
        """Energy per output token of one case [J], given its output rate [tokens/s]."""
        if not np.isfinite(self.watts[i]) or rate.mid[i] <= 0:
            return None
        spread = np.log(rate.high[i] / rate.low[i]) / (2 * Z90)
        median = float(self.watts[i] / rate.mid[i])
        factor = float(np.exp(Z90 * np.hypot(self.sigma[i], spread)))
        return unchecked(Quantiles, {"p10": median / factor, "p50": median, "p90": median * factor})


def _capped(median: float, sigma: float, most: float) -> Quantiles:
    factor = float(np.exp(Z90 * sigma))
    return unchecked(
        Quantiles, {"p10": median / factor, "p50": median, "p90": max(min(median * factor, most), median)}
    )


def share_of_tdp(used_bandwidth: Array, used_flop: Array) -> Array:
    """Return draw over TDP by the achieved shares of bandwidth and flop rate, both from 0 to 1."""
    return np.asarray(np.minimum(IDLE_FRAC + SLOPE * (used_bandwidth + used_flop), 1.0))


def draw(cases: Sequence[Case], placed: Sequence[Placed], ready: Service, state: State) -> Draw:
    """Return the draw of every case in its steady state."""
    used_bandwidth, used_flop = utilisation(ready, state)
    share = share_of_tdp(used_bandwidth, used_flop)
    watts, sigma, tdp = (np.full(len(placed), np.nan) for _ in range(3))
    evidence: list[Evidence | None] = [None] * len(placed)
    why_not: list[str | None] = [None] * len(placed)
    for i, one in enumerate(placed):
        known, why_not[i] = _tdp(one.target.id, one.target.is_measured)
        if cases[i].disaggregated is not None:
            known, why_not[i] = (
                None,
                "power unknown: what prefill devices draw while they wait is not modelled",
            )
        if known is None:
            continue
        is_gpu = one.target.kind in (DeviceKind.GPU, DeviceKind.APU)
        tdp[i] = known * one.cut.shard.stage_devices * one.cut.shard.pp
        watts[i] = tdp[i] * share[i]
        sigma[i] = SIGMA_GPU if is_gpu else SIGMA_OTHER
        evidence[i] = Evidence.TRANSFERRED if is_gpu else Evidence.ASSUMED
    return Draw(watts=watts, sigma=sigma, tdp_w=tdp, evidence=evidence, why_not=why_not)


@lru_cache(maxsize=1024)
def _tdp(device: str, is_measured: bool) -> tuple[float | None, str | None]:
    if is_measured:
        return None, "power unknown: a profile holds no draw of the whole device"
    found = catalog.get(device).tdp_w
    return found, None if found else f"power unknown: no TDP is published for {device}"


def utilisation(ready: Service, state: State) -> tuple[Array, Array]:
    """Shares of peak bandwidth and of peak flop rate that a device uses on average over time.

    A round is one token of every running sequence: `stages` micro-batches on each device.
    """
    s = ready.situation
    steps = np.maximum(s.demand.output - 1.0, 0.0)
    decoding = np.clip(state.requests_per_s * steps * state.tpot_s, 1e-12, s.limit)
    rounds_per_s = state.requests_per_s * steps / np.maximum(decoding, 1.0)
    size = np.maximum(decoding, 1.0) / s.stages
    gap = s.sizes[0] - s.sizes[-1]
    place = np.where(gap > 1e-9, np.clip((size - s.sizes[-1]) / np.maximum(gap, 1e-9), 0.0, 1.0), 0.0)
    prompts_per_s = state.requests_per_s / s.replicas * s.chunks
    used = []
    for name in ("memory_s", "compute_s"):
        many, one, chunk = (
            getattr(ideal, name).sum(axis=0) for ideal in (s.decode[0], s.decode[-1], s.prompt_chunk)
        )
        busy = rounds_per_s * s.stages * (one + place * (many - one)) + prompts_per_s * chunk
        used.append(np.asarray(np.clip(busy, 0.0, 1.0)))
    return used[0], used[1]
