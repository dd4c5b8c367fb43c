"""Softmax attention as ops: prefill over causal pairs, decode over the cache.

Prefill of n tokens on c cached ones scores the pairs of `reach.pairs`; its
traffic is queries, keys, values and outputs once, the reachable past read once
and the new tokens written once (a fused kernel). Decode reads what the token
attends to and writes its own entry.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from workloads import reach
from workloads.cache import Cache
from workloads.lowering.site import Site
from workloads.mixers import Attention, CompressedAttention, LatentAttention, SharedAttention
from workloads.ops import Amount, Op, OpKind

ROTARY_FLOP = 3.0
"""Per value: two products and a sum."""
READ_AND_WRITE = 2.0
KEY_NORM_FLOP = 4.0
"""Per value: square, sum, two scalings."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heads:
    """Query heads on one device, and the widths of their scores and values.

    `unfolded` heads have keys and values of their own, which the cache does not hold.
    """

    count: float
    score_dim: float
    value_dim: float
    unfolded: bool = False

    @property
    def values(self) -> float:
        """Return the values of one row of queries, or of outputs: their mean."""
        return self.count * (self.score_dim + self.value_dim) / 2

    def flop(self, pairs: Amount) -> Amount:
        """Return two matmuls: queries times keys, weights times values."""
        return 2 * self.count * (self.score_dim + self.value_dim) * pairs


def softmax_ops(mixer: Attention | SharedAttention, site: Site) -> Iterator[Op]:
    """Yield projections and attention of keys and values cached per head."""
    heads = Heads(count=mixer.heads / site.shard.tp, score_dim=mixer.head_dim, value_dim=mixer.head_dim)
    for matrix in mixer.matrices(site.hidden, site.shard):
        yield site.matmul(matrix, site.step.tokens)
    if isinstance(mixer, Attention):
        yield from _positions(mixer, heads, site)
    (cache,) = mixer.caches(site.shard)
    yield from attend(site, cache, prefill=heads, decode=heads)


def _positions(mixer: Attention, heads: Heads, site: Site) -> Iterator[Op]:
    """Rotate queries and keys, or normalise them, in one pass."""
    flop = ROTARY_FLOP * mixer.rotary + KEY_NORM_FLOP * mixer.qk_norm
    if flop:
        width = (heads.count + mixer.local_kv_heads(site.shard)) * mixer.head_dim
        values = site.step.tokens * width
        yield site.elementwise("attention.rotary", values=values, flop=flop, moves=READ_AND_WRITE)


def latent_ops(mixer: LatentAttention, site: Site) -> Iterator[Op]:
    """Yield MLA: keys and values unfolded for prefill, absorbed into the queries for decode.

    Absorbing multiplies each token by the same `kv_up` weights, so one matmul
    stands for both; prefill also unfolds the cached past. With an indexer,
    each token reads entries of its own choice, so prefill is absorbed too.
    """
    step = site.step
    past = 0.0 if mixer.indexer else step.prefill_sequences * step.prefill_context
    unfolded = step.tokens + past
    for matrix in mixer.matrices(site.hidden, site.shard):
        yield site.matmul(matrix, unfolded if matrix.name == "attention.kv_up" else step.tokens)
    count = mixer.heads / site.shard.tp
    yield site.elementwise(
        "attention.rotary",
        values=step.tokens * (count + 1) * mixer.rope_dim,
        flop=ROTARY_FLOP,
        moves=READ_AND_WRITE,
    )
    latent, *index = mixer.caches(site.shard)
    decode = Heads(count=count, score_dim=mixer.latent_dim, value_dim=mixer.kv_lora)
    own = Heads(count=count, score_dim=mixer.query_dim, value_dim=mixer.v_dim, unfolded=True)
    yield from attend(site, latent, prefill=decode if mixer.indexer else own, decode=decode)
    if mixer.indexer is not None:
        scores = Heads(count=mixer.indexer.heads, score_dim=mixer.indexer.dim, value_dim=0)
        for cache in index:
            yield from attend(site, cache, prefill=scores, decode=scores, name="indexer.scores")


def compressed_ops(mixer: CompressedAttention, site: Site) -> Iterator[Op]:
    """Yield attention to the window and to the merged entries."""
    for matrix in mixer.matrices(site.hidden, site.shard):
        yield site.matmul(matrix, site.step.tokens)
    heads = Heads(count=mixer.heads / site.shard.tp, score_dim=mixer.head_dim, value_dim=mixer.head_dim)
    window, merged = mixer.caches(site.shard)
    yield from attend(site, window, prefill=heads, decode=heads, name="attention.window")
    yield from attend(site, merged, prefill=heads, decode=heads, name="attention.merged")


def attend(
    site: Site, cache: Cache, *, prefill: Heads, decode: Heads, name: str = "attention"
) -> Iterator[Op]:
    """Yield the attention kernels of one cache, those that the step needs."""
    step = site.step
    entry_bytes = cache.values * (cache.bytes_per_value or site.kv.bytes_per_value)
    if np.any(step.prefill_sequences):
        new, past = step.prefill_tokens, step.prefill_context
        each = reach.pairs(cache.span, past + new) - reach.pairs(cache.span, past)
        moved = reach.readable(cache.span, past) + new / cache.span.compression
        rows = step.prefill_sequences * new
        yield Op(
            kind=OpKind.ATTENTION_PREFILL,
            name=name,
            calls=site.calls,
            flop=site.calls * prefill.flop(step.prefill_sequences * each),
            activation_bytes=site.activation(
                _moved_values(prefill, cache, rows, step.prefill_sequences * past)
            ),
            cache_bytes=site.calls * step.prefill_sequences * moved * entry_bytes,
            dtype=site.weights.other_dtype,
            rows=rows,
            width=prefill.values,
        )
    if np.any(step.decode_sequences):
        each = reach.attended(cache.span, step.decode_context + 1)
        yield Op(
            kind=OpKind.ATTENTION_DECODE,
            name=name,
            calls=site.calls,
            flop=site.calls * decode.flop(step.decode_sequences * each),
            activation_bytes=site.activation(_moved_values(decode, cache, step.decode_sequences, 0.0)),
            cache_bytes=site.calls * step.decode_sequences * each * entry_bytes,
            dtype=site.weights.other_dtype,
            rows=step.decode_sequences,
            width=decode.values,
        )


def _moved_values(heads: Heads, cache: Cache, new: Amount, past: Amount) -> Amount:
    """Count queries in, outputs out, and keys and values in: new ones, and the past if it is unfolded."""
    ends = heads.count * (heads.score_dim + heads.value_dim)
    if heads.unfolded:
        return new * ends + (new + past) * ends
    return new * (ends + cache.values)
