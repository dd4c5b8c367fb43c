"""The most a unit can carry by its datasheet: what need not be predicted to be left out.

Notes
-----
A request of i input and o output tokens computes at least 2 a (i + o) flop, a the
active parameters without embeddings, and reads the cache of its prompt, k bytes, o times. Every
step reads the active weights W once and, under a limit L on the time per output
token, comes at least every L seconds. On n devices of peak P and bandwidth B

    rate <= min( n P / (2 a (i + o)),  (1 - W / (n B L)) n B / (o k) ).

Predicted rates lie below, because no kernel reaches more than peak or bandwidth.
"""

import math
from functools import lru_cache

from planner.deployment import Deployment
from planner.serving.target import target
from tonnage.errors import TonnageError
from workloads import formats, models
from workloads.footprint import cache_bytes
from workloads.scenario import Slo, TrafficClass


def ceiling(unit: Deployment, traffic: TrafficClass, *, step_s: float | None = None) -> float:
    """Return an upper bound on the rate of one unit for one class [requests/s].

    Infinite for profiled machines, whose laws may pass a datasheet, and for
    what the catalog does not describe.

    Parameters
    ----------
    step_s : float, optional
        `step_limit_s` of the class, where it is known already.
    """
    peak_per_device, bandwidth_per_device = _roofs(unit.device, unit.weights)
    params, weight_bytes, cache = _per_token(unit.model, unit.weights, unit.kv, traffic.prompt_tokens)
    if math.isinf(peak_per_device) or params <= 0:
        return math.inf
    bandwidth = unit.devices * bandwidth_per_device
    tokens = traffic.prompt_tokens + traffic.output_tokens
    by_compute = unit.devices * peak_per_device / (2 * params * tokens)
    left_frac = max(
        0.0, 1 - weight_bytes / bandwidth / (step_limit_s(traffic.slo) if step_s is None else step_s)
    )
    by_memory = left_frac * bandwidth / (traffic.output_tokens * cache) if cache > 0 else math.inf
    return min(by_compute, by_memory)


def fastest_s(unit: Deployment, traffic: TrafficClass) -> dict[str, float]:
    """Return the shortest times to the first and to each further token of one unit [s].

    Empty for profiled machines and for what the catalog does not describe.
    """
    peak_per_device, bandwidth_per_device = _roofs(unit.device, unit.weights)
    params, weight_bytes, _ = _per_token(unit.model, unit.weights, unit.kv, traffic.prompt_tokens)
    if math.isinf(peak_per_device) or params <= 0:
        return {}
    read_s = weight_bytes / (unit.devices * bandwidth_per_device)
    compute_s = 2 * params * traffic.prompt_tokens / (unit.devices * peak_per_device)
    return {"tpot": read_s, "ttft": max(read_s, compute_s)}


@lru_cache(maxsize=4096)
def _roofs(device: str, weights: str) -> tuple[float, float]:
    """Peak [flop/s] and bandwidth [bytes/s] of one device, infinite where a datasheet is no limit."""
    try:
        where, stored = target(device), formats.get(weights)
    except TonnageError:
        return math.inf, math.inf
    if where.is_measured:
        return math.inf, math.inf
    peak = max(map(where.peak_flop_per_s, (stored.activation_dtype, stored.other_dtype)))
    return peak, where.bandwidth_bytes_per_s


@lru_cache(maxsize=16384)
def _per_token(model: str, weights: str, kv: str | None, context: float) -> tuple[float, float, float]:
    """Active parameters that every token passes, their bytes, and bytes of cache that it reads."""
    try:
        architecture, stored = models.get(model), formats.get(weights)
    except TonnageError:
        return 0.0, 0.0, 0.0
    params = architecture.active_params() - 2 * architecture.vocab * architecture.hidden
    cache = cache_bytes(architecture, formats.kv(kv), tokens=context, sequences=1.0)
    return params, params * stored.bits_per_weight / 8, float(cache)


def step_limit_s(slo: Slo) -> float:
    """Return the tightest limit on the time per output token [s], infinite if there is none."""
    given = (slo.tpot_mean_s, slo.tpot_p90_s, slo.tpot_p95_s, slo.tpot_p99_s)
    return min((limit for limit in given if limit is not None), default=math.inf)
