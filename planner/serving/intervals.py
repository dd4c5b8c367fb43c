"""How sure: bands around predictions from cross-validated spread, never below what physics allows."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from planner.deployment import Case, Load
from planner.serving.coefficients import CoefficientFile, Spread
from planner.serving.placed import Placed
from planner.serving.steady_state import Service, State
from planner.serving.unchecked import unchecked
from tonnage.evidence import Z90, Evidence, Quantiles

Array = NDArray[np.float64]

MEASURED_ENGINE_SIGMA = 0.15
"""Log sigma of what an engine adds to measured kernels (ASSUMED until whole-model runs are fitted)."""

ASSUMED_SIGMA = {"tpot": 0.4, "ttft": 0.6, "throughput": 0.5}
"""More log sigma where a device's own rates are assumed, as those of most processors are: errors of
llama.cpp, unfitted, on Ryzen 7840HS and 7950X, EPYC 9554 and the cores of four systems on a chip."""


@dataclass(frozen=True, slots=True)
class Band:
    """p10, p50 and p90 over cases."""

    low: Array
    mid: Array
    high: Array

    def at(self, i: int) -> Quantiles:
        """Quantiles of one case."""
        low, mid, high = float(self.low[i]), float(self.mid[i]), float(self.high[i])
        return unchecked(Quantiles, {"p10": low, "p50": mid, "p90": high})


def bands(
    cases: Sequence[Case], placed: Sequence[Placed], ready: Service, state: State, file: CoefficientFile
) -> dict[str, Band]:
    """Bands of all metrics.

    Log-normal about the prediction, with the spread of held-out errors; times are cut at the time
    that the datasheet's ceilings allow, rates at its inverse. The rate of an open load that the
    replica keeps up with is the rate that was asked for.
    """
    tpot_floor, ttft_floor = floors(ready)
    out = demand_output(ready)
    steps = np.maximum(out - 1.0, 0.0)
    fastest = state.running / np.maximum(ttft_floor + steps * tpot_floor, 1e-12)
    sigma = {name: sigmas(name, cases, placed, file) for name in ("tpot", "ttft", "throughput")}
    given = np.array([case.load is Load.OPEN for case in cases]) & (state.load_frac < 1.0)
    rate = _rates(state.requests_per_s, np.where(given, 0.0, sigma["throughput"]), fastest)
    return {
        "tpot_s": times(state.tpot_s, sigma["tpot"], tpot_floor),
        "ttft_s": times(state.ttft_s, sigma["ttft"], ttft_floor),
        "requests_per_s": rate,
        "output_tokens_per_s": Band(rate.low * out, rate.mid * out, rate.high * out),
    }


def demand_output(ready: Service) -> Array:
    """Output tokens per request."""
    return ready.situation.demand.output


def floors(ready: Service) -> tuple[Array, Array]:
    """Shortest time per output token and to the first token that any engine could reach."""
    s = ready.situation
    return s.stages * s.decode[-1].floor_s, s.chunks * s.prompt_chunk.floor_s


def times(mid: Array, sigma: Array, floor: Array) -> Band:
    """Band of a time."""
    factor = np.exp(Z90 * sigma)
    return Band(np.maximum(mid / factor, floor), np.maximum(mid, floor), np.maximum(mid * factor, floor))


def _rates(mid: Array, sigma: Array, fastest: Array) -> Band:
    factor = np.exp(Z90 * sigma)
    return Band(
        np.minimum(mid / factor, fastest), np.minimum(mid, fastest), np.minimum(mid * factor, fastest)
    )


def sigmas(metric: str, cases: Sequence[Case], placed: Sequence[Placed], file: CoefficientFile) -> Array:
    """Log standard deviation of each case's metric."""
    seen: dict[tuple[int, bool], float] = {}
    out = np.empty(len(cases))
    for i, (case, one) in enumerate(zip(cases, placed, strict=True)):
        stream = file.is_stream(case, one.groups.engine)
        key = (id(one.groups), stream)
        if key not in seen:
            seen[key] = sigma(metric, one, file, stream=stream)
        out[i] = seen[key]
    return out


def sigma(metric: str, one: Placed, file: CoefficientFile, *, stream: bool = False) -> float:
    """Log standard deviation of one metric of a deployment."""
    if one.target.is_measured:
        laws = [law.sigma_log for law in one.target.laws if law.kernel in ("gemm", "quant_matmul")]
        return float(np.hypot(np.median(laws) if laws else 0.3, MEASURED_ENGINE_SIGMA))
    spread = file.spread.get(f"{metric}_single" if stream else metric) or file.spread[metric]
    known = total(spread, unseen(one, file))
    return float(np.hypot(known, ASSUMED_SIGMA[metric])) if one.target.evidence is Evidence.ASSUMED else known


def unseen(one: Placed, file: CoefficientFile) -> frozenset[str]:
    """Return what of a deployment was not in the fit: names of fields of `Spread`."""
    groups = one.groups
    seen = {
        "new_model": one.cut.model in file.models,
        "new_device": file.has_measured(groups),
        "new_engine": groups.engine in file.engines,
        "new_run": file.has_run(groups),
        "new_source": file.has_source(groups),
        "new_platform": groups.engine not in file.engines or file.has_platform(groups),
        "new_stack": groups.engine in file.engines or groups.device in file.devices,
    }
    return frozenset(name for name, known in seen.items() if not known)


def total(spread: Spread, new: Collection[str] = ()) -> float:
    """Add the variances that apply; what is new in anything else is a new run as well."""
    return float(np.hypot(spread.known, added(spread, new)))


def added(spread: Spread, new: Collection[str]) -> float:
    """Return what is added by what was not in the fit, in quadrature."""
    return float(np.sqrt(sum(getattr(spread, name) ** 2 for name in new)))
