"""The most a unit can carry by its datasheet: what need not be predicted to be left out.

Notes
-----
A request of i input and o output tokens computes at least 2 a (i + o) flop, a the
active parameters without embeddings, and reads the cache of its prompt, k bytes, o times. Every
step reads the active weights W once and, under a limit L on the time per output
token, comes at least every L seconds. On n devices of peak P and bandwidth B

    rate <= min( n P / (2 a (i + o)),  (1 - W / (n B L)) n B / (o k) ),

and 0 where computing or reading the prompt alone, 2 a i / (n P) or W / (n B), takes longer than a
limit on the time to first token.

Predicted rates lie below, because no kernel reaches more than peak or bandwidth. A unit that only
prefills computes no output tokens and is bound by no limit on them; one that only decodes computes no
prompt.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

from planner.deployment import Deployment
from planner.role import Role
from planner.serving.step.target import target
from tonnage.errors import TonnageError
from tonnage.units import human
from workloads import formats, models
from workloads.footprint import cache_bytes
from workloads.scenario import Slo, TrafficClass


@dataclass(frozen=True, slots=True)
class Tightest:
    """The tightest limits on the time to the first and to each further token [s], infinite if none."""

    first_s: float
    step_s: float


def ceiling(
    unit: Deployment, traffic: TrafficClass, *, limits: Tightest | None = None, role: Role = Role.WHOLE
) -> float:
    """Return an upper bound on the rate of one unit for one class [requests/s].

    Infinite for profiled machines, whose laws may pass a datasheet, and for
    what the catalog does not describe.

    Parameters
    ----------
    limits : Tightest, optional
        `tightest` of the class, where it is known already.
    """
    peak_per_device, bandwidth_per_device = _roofs(unit.device, unit.weights)
    params, weight_bytes, cache = _per_token(unit.model, unit.weights, unit.kv, traffic.prompt_tokens)
    if math.isinf(peak_per_device) or params <= 0:
        return math.inf
    limits = tightest(traffic.slo) if limits is None else limits
    peak, bandwidth = unit.devices * peak_per_device, unit.devices * bandwidth_per_device
    if role is not Role.DECODE and limits.first_s < max(
        2 * params * traffic.prompt_tokens / peak, weight_bytes / bandwidth
    ):
        return 0.0
    if role is Role.PREFILL:
        return peak / (2 * params * traffic.prompt_tokens)
    prompt = traffic.prompt_tokens if role is Role.WHOLE else 0.0
    by_compute = peak / (2 * params * (prompt + traffic.output_tokens))
    left_frac = max(0.0, 1 - weight_bytes / bandwidth / limits.step_s)
    by_memory = left_frac * bandwidth / (traffic.output_tokens * cache) if cache > 0 else math.inf
    return min(by_compute, by_memory)


def why_none(unit: Deployment, traffic: TrafficClass, role: Role = Role.WHOLE) -> str:
    """Return which latency limit physics does not allow a unit, empty if there is none."""
    limits, fastest = tightest(traffic.slo), fastest_s(unit, traffic, role)
    if fastest.get("ttft", 0.0) > limits.first_s:
        return (
            f"the time to first token is {human(fastest['ttft'], 's')} at the datasheet's peak for class "
            f"'{traffic.name}', above the limit of {human(limits.first_s, 's')}"
        )
    if fastest.get("tpot", 0.0) >= limits.step_s:
        return (
            f"the time per output token is {human(fastest['tpot'], 's')} at the datasheet's bandwidth for "
            f"class '{traffic.name}', above the limit of {human(limits.step_s, 's')}"
        )
    return ""


def fastest_s(unit: Deployment, traffic: TrafficClass, role: Role = Role.WHOLE) -> dict[str, float]:
    """Return the shortest times to the first and to each further token of one unit [s].

    Empty for profiled machines and for what the catalog does not describe; half of a split service
    has its own half alone.
    """
    peak_per_device, bandwidth_per_device = _roofs(unit.device, unit.weights)
    params, weight_bytes, _ = _per_token(unit.model, unit.weights, unit.kv, traffic.prompt_tokens)
    if math.isinf(peak_per_device) or params <= 0:
        return {}
    read_s = weight_bytes / (unit.devices * bandwidth_per_device)
    compute_s = 2 * params * traffic.prompt_tokens / (unit.devices * peak_per_device)
    both = {"tpot": read_s, "ttft": max(read_s, compute_s)}
    left_out = {Role.PREFILL: "tpot", Role.DECODE: "ttft"}.get(role)
    return {metric: seconds for metric, seconds in both.items() if metric != left_out}


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


def tightest(slo: Slo) -> Tightest:
    """Return the tightest limits of a class.

    Medians are left out: of requests of many lengths, half are shorter than the mean.
    """
    told = slo.model_dump(exclude_none=True)
    first, step = (
        min((told[key] for key in _OF[metric] if key in told), default=math.inf)
        for metric in ("ttft", "tpot")
    )
    return Tightest(first, step)


_OF = {
    metric: tuple(f"{metric}_{which}_s" for which in ("mean", "p90", "p95", "p99"))
    for metric in ("ttft", "tpot")
}
