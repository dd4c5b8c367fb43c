"""Ideal seconds of a step: its work at the full ceilings of the target, before any engine.

What an engine makes of them is `step_time`; so coefficients can be fitted, or swapped, without
lowering a model again. On a profiled machine the fitted laws take the place of the ceilings.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from planner.laws import roofline
from planner.laws.cost_model import Law
from planner.serving.step.graph_time import put_graphs
from planner.serving.step.target import Target, half_peak
from planner.serving.step.work import MIXERS, StepWork, Term, Work
from workloads import formats
from workloads.ops import OpKind

Array = NDArray[np.float64]
Index = NDArray[np.intp]

SLOTS = ("dense", "expert", "attention", "cache", "move")
"""Classes of work that engines use differently well."""
SLOT_OF = {
    OpKind.MATMUL: 0,
    OpKind.EXPERT_MATMUL: 1,
    OpKind.ATTENTION_PREFILL: 2,
    OpKind.SCAN: 2,
    OpKind.ATTENTION_DECODE: 3,
    OpKind.STATE_UPDATE: 3,
}
MOVE = 4
KERNELS = {
    OpKind.ATTENTION_PREFILL: ("attention_prefill",),
    OpKind.ATTENTION_DECODE: ("attention_decode",),
    OpKind.SCAN: ("ssm_scan",),
    OpKind.STATE_UPDATE: ("ssm_state_update",),
    OpKind.ROUTING: ("moe_routing",),
    OpKind.CONV1D: ("causal_conv1d",),
    OpKind.ELEMENTWISE: ("rms_norm",),
    OpKind.EMBEDDING: ("embedding",),
}
"""Measured kernels that stand for a kind of work; what is missing here, or was not measured, moves data."""
_MATMULS = (OpKind.MATMUL, OpKind.EXPERT_MATMUL)

_MOVES = ("triad", "copy", "read")
DTYPE_BITS = {"fp32": 32, "tf32": 32, "fp16": 16, "bf16": 16, "fp8": 8, "int8": 8, "fp4": 4, "int4": 4}
_FULL_BITS = 15.9
_STRETCH = 4.0
"""A law may be stretched to calls this many times larger than its largest sample."""
_EIGHT = np.log2(8.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ideal:
    """Ideal seconds by slot and case, with the counts that overheads go by.

    Attributes
    ----------
    memory_s, compute_s : ndarray, shape (5, cases)
        Bytes over bandwidth, flop over the peak of their dtype.
    unpack_s : ndarray, shape (5, cases)
        Stored weights over the vector rate [s per flop per weight]: only formats narrower than
        the arithmetic have any.
    layers, moe_layers, sequences : ndarray, shape (cases,)
        Mixer layers and layers with routed experts on one device; sequences that are sampled.
    hops : ndarray, shape (cases,)
        Collectives, each weighted log2(group) / 3: one among eight devices counts 1.
    link_s : ndarray, shape (cases,)
        Collective payload, with the ring's 2 (g - 1) / g, over the link bandwidth.
    floor_s : ndarray, shape (cases,)
        Weights and cache at full bandwidth, or all flop at the fastest dtype's peak, whichever is
        longer: no engine can beat it.
    measured : ndarray of bool, shape (cases,)
        The seconds are measured laws': engines add nothing per kernel.
    outside : ndarray of bool, shape (cases,)
        Some call is far larger than any that its law was fitted to.
    """

    memory_s: Array
    compute_s: Array
    unpack_s: Array
    layers: Array
    moe_layers: Array
    sequences: Array
    hops: Array
    link_s: Array
    floor_s: Array
    measured: NDArray[np.bool_]
    outside: NDArray[np.bool_]

    @classmethod
    def zeros(cls, cases: int) -> "Ideal":
        """No work at all."""
        wide, flat = (len(SLOTS), cases), (cases,)
        return cls(
            memory_s=np.zeros(wide),
            compute_s=np.zeros(wide),
            unpack_s=np.zeros(wide),
            layers=np.zeros(flat),
            moe_layers=np.zeros(flat),
            sequences=np.zeros(flat),
            hops=np.zeros(flat),
            link_s=np.zeros(flat),
            floor_s=np.zeros(flat),
            measured=np.zeros(flat, dtype=np.bool_),
            outside=np.zeros(flat, dtype=np.bool_),
        )

    def put(self, index: Index, part: "Ideal") -> None:
        """Write the cases of `part` at the places `index`."""
        for field in fields(self):
            getattr(self, field.name)[..., index] = getattr(part, field.name)


def ideal(
    work: StepWork, targets: Sequence[Target], which: Index, *, half_sums: NDArray[np.bool_] | None = None
) -> Ideal:
    """Cost the work of one step per case.

    Parameters
    ----------
    work : StepWork
        Amounts are scalars or one per case.
    targets : sequence of Target
        The targets among the cases.
    which : ndarray of int, shape (cases,)
        Target of each case.
    half_sums : ndarray of bool, optional
        Engines that sum 16-bit products in 16 bits, which consumer cards do at twice the rate.
    """
    out = Ideal.zeros(which.size)
    out.measured[:] = np.array([t.is_measured for t in targets])[which]
    for term, amount in work.terms.items():
        _add_term(out, term, amount, targets, which, half_sums)
    put_graphs(out.memory_s, out.outside, work.ops, [t.graph for t in targets], which)
    out.floor_s[:] = _floor_s(work, targets, which)
    out.layers[:] = work.calls(MIXERS)
    out.moe_layers[:] = work.calls(frozenset({OpKind.ROUTING}))
    links = np.array([t.link_bytes_per_s for t in targets])[which]
    for route, traffic in work.routes.items():
        group = max(route.group, 2)
        ring = (2.0 if route.kind is OpKind.ALL_REDUCE else 1.0) * (group - 1) / group
        share = 1.0 if route.kind is OpKind.SEND_RECV else ring
        out.hops[:] += traffic.calls * np.log2(group) / _EIGHT
        out.link_s[:] += traffic.message_bytes * share / links
    return out


def _add_term(
    out: Ideal,
    term: Term,
    amount: Work,
    targets: Sequence[Target],
    which: Index,
    half_sums: NDArray[np.bool_] | None = None,
) -> None:
    slot = SLOT_OF.get(term.kind, MOVE)
    if out.measured.any():
        seconds, outside = _law_seconds(term, amount, targets, which)
        out.memory_s[slot] += np.where(out.measured, seconds, 0.0)
        out.outside[:] |= outside
    ceilings = ~out.measured
    bandwidth = np.array([t.bandwidth_bytes_per_s for t in targets])[which]
    out.memory_s[slot] += np.where(ceilings, amount.bytes / bandwidth, 0.0)
    if slot != MOVE:
        peak = np.array([_peak(t, term) for t in targets])[which]
        if half_sums is not None and term.dtype == "fp16":
            full = np.array([half_peak(t.peak) for t in targets])[which]
            peak = np.where(half_sums, np.maximum(peak, full), peak)
        out.compute_s[slot] += np.where(ceilings, amount.flop / peak, 0.0)
    per_byte = np.array([_unpack_s_per_byte(t, term) for t in targets])[which]
    out.unpack_s[slot] += np.where(ceilings, amount.weight_bytes * per_byte, 0.0)


def _floor_s(work: StepWork, targets: Sequence[Target], which: Index) -> Array:
    bandwidth = np.array([t.bandwidth_bytes_per_s for t in targets])[which]
    peak = np.array([max(t.peak.values()) for t in targets])[which]
    size, flop = np.zeros(which.size), np.zeros(which.size)
    for term, amount in work.terms.items():
        flop += amount.flop
        size += amount.weight_bytes if term.kind in _MATMULS else amount.cache_bytes
    return np.asarray(np.maximum(size / bandwidth, flop / peak))


def _peak(target: Target, term: Term) -> float:
    """Peak of the term's dtype.

    Blocks of 8-bit integers (GGUF) are rescaled one by one: they count
    against the 16-bit rate, which has half as many multipliers to fill.
    """
    if term.weight_format is not None and _stored(term.weight_format)[1] == "gguf":
        return half_peak(target.peak) or target.peak_flop_per_s("fp16")
    return target.peak_flop_per_s(term.dtype)


def _unpack_s_per_byte(target: Target, term: Term) -> float:
    """Return stored weights per byte over the vector rate, where arithmetic is wider than storage."""
    if term.kind not in _MATMULS or term.weight_format is None:
        return 0.0
    bits, family = _stored(term.weight_format)
    native = term.dtype in target.peak or family == "gguf"
    if bits >= min(DTYPE_BITS[term.dtype] if native else 16, _FULL_BITS):
        return 0.0
    return 8.0 / bits / target.vector_flop_per_s


@lru_cache(maxsize=1024)
def _stored(weight_format: str | None) -> tuple[float, str]:
    """Bits per weight and family of a stored format; what has no weights counts as 16 bits."""
    if weight_format is None:
        return 16.0, ""
    form = formats.get(weight_format)
    return form.bits_per_weight, form.family


def _law_seconds(
    term: Term, amount: Work, targets: Sequence[Target], which: Index
) -> tuple[Array, NDArray[np.bool_]]:
    """Seconds by the fastest fitting law of each profiled target, and where it is stretched."""
    calls = np.maximum(np.broadcast_to(np.asarray(amount.calls, dtype=np.float64), which.shape), 1e-9)
    flop = np.broadcast_to(np.asarray(amount.flop, dtype=np.float64), which.shape) / calls
    size = np.broadcast_to(np.asarray(amount.bytes, dtype=np.float64), which.shape) / calls
    out, outside = np.zeros(which.shape), np.zeros(which.shape, dtype=np.bool_)
    for number, target in enumerate(targets):
        mine = which == number
        laws = fitting_laws(term, target.laws)
        if laws and mine.any():
            times = [roofline.call_time_s(coefficients(law), flop[mine], size[mine]) for law in laws]
            out[mine] = calls[mine] * np.minimum.reduce(times)
            outside[mine] = size[mine] > _STRETCH * max(_largest(law) for law in laws)
        elif target.is_measured:
            out[mine] = calls[mine] * size[mine] / target.bandwidth_bytes_per_s
    return out, outside


def _largest(law: Law) -> float:
    """Most bytes among the samples of a law; without a record anything goes."""
    return law.bytes_range.p90 if law.bytes_range is not None else np.inf


def fitting_laws(term: Term, laws: Sequence[Law]) -> list[Law]:
    """Laws of the kernel that does this work, of its dtype and the nearest format if there are any."""
    found = [law for law in laws if law.kernel in _kernels(term)]
    if not found:
        instead = ("gemm",) if term.kind in _MATMULS else () if term.kind in MIXERS else _MOVES
        found = [law for law in laws if law.kernel in instead]
    found = _of_dtype(found, term.dtype)
    if found and found[0].kernel == "quant_matmul":
        wanted, _ = _stored(term.weight_format)
        distance = [abs(_nominal_bits(law.format) - wanted) for law in found]
        found = [law for law, d in zip(found, distance, strict=True) if d == min(distance)]
    return found


def _of_dtype(laws: list[Law], dtype: str) -> list[Law]:
    """Return the laws of a dtype, and all if there are none.

    A narrow dtype that computes more slowly than float32 is emulated: an
    engine widens its operands instead, so the laws of float32 stand beside.
    """
    same = [law for law in laws if law.dtype == dtype]
    wide = [law for law in laws if law.dtype == "fp32" and law.dtype != dtype]
    reached, beside = (
        max((law.peak_flop_per_s or 0.0 for law in group), default=0.0) for group in (same, wide)
    )
    if same and 0.0 < reached < beside:
        return same + wide
    return same or laws


def _kernels(term: Term) -> tuple[str, ...]:
    if term.kind not in _MATMULS:
        return KERNELS.get(term.kind, _MOVES)
    if term.kind is OpKind.EXPERT_MATMUL and _stored(term.weight_format)[0] >= _FULL_BITS:
        return ("expert_gemm",)
    return ("gemm",) if _stored(term.weight_format)[0] >= _FULL_BITS else ("quant_matmul",)


def _nominal_bits(name: str | None) -> float:
    """Read the bits out of a kernel's format name such as INT4_G32."""
    digits = "".join(ch if ch.isdigit() else " " for ch in name or "16").split()
    return float(digits[0]) if digits else 16.0


def coefficients(law: Law) -> roofline.Coefficients:
    """Coefficients of a law for evaluation; a missing rate is no roof."""
    return roofline.Coefficients(
        overhead_s=law.overhead_s,
        peak_flop_per_s=law.peak_flop_per_s or np.inf,
        half_flop=law.half_flop,
        bandwidth_bytes_per_s=law.bandwidth_bytes_per_s or np.inf,
        half_bytes=law.half_bytes,
        sharpness=law.sharpness,
    )
