"""One timed kernel of another tool as a measurement: the same flop and bytes that our own bench counts."""

from dataclasses import dataclass

from profiler.profile import Measurement
from tonnage.evidence import Quantiles

BYTES = {"fp32": 4.0, "bf16": 2.0, "fp16": 2.0, "fp8": 1.0, "int8": 1.0, "fp4": 0.5, "int4": 0.5}


@dataclass(frozen=True, slots=True, kw_only=True)
class Timed:
    """What ran a kernel, and how long one call took [s]."""

    backend: str
    device: str
    dtype: str
    time_s: float


def matmul(
    timed: Timed,
    m: int,
    n: int,
    k: int,
    *,
    weight_format: str | None = None,
    weight_bits: float = 16.0,
    activation_bits: float = 16.0,
) -> Measurement:
    """2 m n k flop; weights as stored, inputs as computed on, 16-bit outputs, once each."""
    size = n * k * weight_bits / 8 + m * k * activation_bits / 8 + 2.0 * m * n
    kernel = "gemm" if weight_format is None else "quant_matmul"
    return _made(timed, kernel, {"m": m, "n": n, "k": k}, flop=2.0 * m * n * k, size=size, form=weight_format)


@dataclass(frozen=True, slots=True, kw_only=True)
class Heads:
    """Attention heads on one device."""

    heads: int
    kv_heads: int
    head_dim: int
    cache_bytes: float = 2.0
    """Of one cached value."""


def prefill(timed: Timed, heads: Heads, *, batch: int, tokens: int, cached: int) -> Measurement:
    """Causal attention of `tokens` new behind `cached` old ones in each of `batch` sequences.

    4 head_dim flop per head and pair; queries in, keys and values read, outputs written, once each.
    """
    pairs = tokens * cached + tokens * (tokens + 1) / 2
    flop = 4.0 * batch * heads.heads * heads.head_dim * pairs
    keys = 2.0 * (tokens + cached) * heads.kv_heads * heads.head_dim * heads.cache_bytes
    size = batch * (keys + 4.0 * tokens * heads.heads * heads.head_dim)
    shape = {"batch": batch, "tokens": tokens, "context": cached, **_shape(heads)}
    return _made(timed, "attention_prefill", shape, flop=flop, size=size)


def decode(timed: Timed, heads: Heads, *, batch: int, cached: int) -> Measurement:
    """One token in each of `batch` sequences of `cached` tokens; the whole cache is read."""
    flop = 4.0 * batch * heads.heads * heads.head_dim * cached
    keys = 2.0 * cached * heads.kv_heads * heads.head_dim * heads.cache_bytes
    size = batch * (keys + 4.0 * heads.heads * heads.head_dim)
    shape = {"batch": batch, "context": cached, **_shape(heads)}
    return _made(timed, "attention_decode", shape, flop=flop, size=size)


def move(timed: Timed, *, values: int, moves: float) -> Measurement:
    """Elementwise work: `values` 16-bit values read or written `moves` times."""
    size = 2.0 * values * moves
    return _made(timed, "copy", {"size_bytes": int(size)}, flop=0.0, size=size)


def _shape(heads: Heads) -> dict[str, int]:
    return {"heads": heads.heads, "kv_heads": heads.kv_heads, "head_dim": heads.head_dim}


def _made(
    timed: Timed, kernel: str, shape: dict[str, int], *, flop: float, size: float, form: str | None = None
) -> Measurement:
    return Measurement(
        kernel=kernel,
        backend=timed.backend,
        device=timed.device,
        dtype=timed.dtype,
        format=form,
        shape=shape,
        flop=flop,
        bytes=size,
        samples_s=(timed.time_s,),
        time_s=Quantiles.exactly(timed.time_s),
        stable=True,
    )
