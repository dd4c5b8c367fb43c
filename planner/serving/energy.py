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
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hw_targets import catalog
from hw_targets.device import DeviceKind
from planner.deployment import Case
from planner.serving.intervals import Band
from planner.serving.placed import Placed
from planner.serving.steady_state import Service, State
from planner.serving.unchecked import unchecked
from tonnage.evidence import Z90, Evidence, Quantiles

Array = NDArray[np.float64]

ROWS = Path(__file__).with_name("power_rows.csv")
IDLE_FRAC = 0.072
SLOPE = 1.165
SIGMA_GPU = 0.21
"""Log error on a GPU that was left out, the worst of three."""
SIGMA_MEASURED = 0.05
"""Log error of a mean that a driver's counter gave (ASSUMED: NVIDIA states 5 % for its own)."""
SIGMA_OTHER = 0.40
"""ASSUMED for what is no GPU: nobody measured it here."""


class Draw(NamedTuple):
    """What the devices of one deployment draw [W] and spend per output token [J], or why it is unknown."""

    power: Quantiles | None
    per_token: Quantiles | None
    evidence: Evidence | None
    why_not: str | None


def share_of_tdp(used_bandwidth: Array, used_flop: Array) -> Array:
    """Return draw over TDP by the achieved shares of bandwidth and flop rate, both from 0 to 1."""
    return np.asarray(np.minimum(IDLE_FRAC + SLOPE * (used_bandwidth + used_flop), 1.0))


class _Known(NamedTuple):
    """TDP of all devices of a deployment together [W], and how well a draw follows from it."""

    tdp_w: float
    sigma: float
    evidence: Evidence | None
    why_not: str | None


def draws(
    cases: Sequence[Case], placed: Sequence[Placed], ready: Service, state: State, rate: Band
) -> list[Draw]:
    """Return what every case draws in its steady state.

    Parameters
    ----------
    rate : Band
        Output tokens per second; its uncertainty is that of energy per token too.
    """
    seen: dict[int, _Known] = {}
    known = [seen.get(id(one)) or seen.setdefault(id(one), _known(one)) for one in placed]
    tdp_w, sigma = np.array([one.tdp_w for one in known]), np.array([one.sigma for one in known])
    watts = tdp_w * share_of_tdp(*utilisation(ready, state))
    spread = np.log(rate.high / np.maximum(rate.low, 1e-300)) / (2 * Z90)
    each, wide = watts / rate.mid, np.exp(Z90 * np.hypot(sigma, spread))
    factor = np.exp(Z90 * sigma)
    high = np.maximum(np.minimum(watts * factor, tdp_w), watts)
    power = np.stack([watts / factor, watts, high], axis=1).tolist()
    token = np.stack([each / wide, each, each * wide], axis=1).tolist()
    return [
        _apart() if case.disaggregated is not None else _draw(one, *both)
        for case, one, *both in zip(cases, known, power, token, strict=True)
    ]


def _draw(known: _Known, power: list[float], token: list[float]) -> Draw:
    if known.evidence is None:
        return Draw(None, None, None, known.why_not)
    return Draw(_quantiles(power), _quantiles(token), known.evidence, None)


def measured(watts: float, rate: Quantiles | None) -> Draw:
    """Return the draw of a setting whose power somebody measured.

    Parameters
    ----------
    watts : float
        Mean of all its devices together.
    rate : Quantiles or None
        Output tokens per second, which may be anchored to the same run.
    """
    spread = np.hypot(SIGMA_MEASURED, 0.0 if rate is None else rate.sigma_log)
    token = None if rate is None else Quantiles.lognormal(watts / rate.p50, float(spread))
    return Draw(Quantiles.lognormal(watts, SIGMA_MEASURED), token, Evidence.MEASURED, None)


def _quantiles(values: list[float]) -> Quantiles:
    low, mid, high = values
    return unchecked(Quantiles, {"p10": low, "p50": mid, "p90": high})


def _apart() -> Draw:
    return Draw(None, None, None, "power unknown: what prefill devices draw while they wait is not modelled")


def _known(one: Placed) -> _Known:
    found, why_not = _tdp(one.target.id, one.target.is_measured)
    if found is None:
        return _Known(np.nan, np.nan, None, why_not)
    is_gpu = one.target.kind in (DeviceKind.GPU, DeviceKind.APU)
    return _Known(
        found * one.cut.shard.devices,
        SIGMA_GPU if is_gpu else SIGMA_OTHER,
        Evidence.TRANSFERRED if is_gpu else Evidence.ASSUMED,
        None,
    )


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
