"""What fits: weights, cache or state, activations and the runtime on one device."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from planner.serving.engines import GIB, Engine
from planner.serving.placed import Placed
from planner.serving.variant import drafter
from workloads import footprint
from workloads.architecture import Architecture
from workloads.lowering.adapters import BYTES as ADAPTER_BYTES
from workloads.lowering.adapters import adapter_params
from workloads.ops import Amount
from workloads.shard import Shard
from workloads.storage import KvFormat, WeightFormat

Array = NDArray[np.float64]
UNLIMITED = 1e9
LONGEST = 1e10
"""Tokens beyond which a context is endless for all that follows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """Memory of one device, and how many sequences of the instance it holds.

    Attributes
    ----------
    fixed_bytes : ndarray
        Weights, activations of one step, runtime.
    sequence_bytes : ndarray
        Cache or state of one sequence of the instance on this device: whole
        where the engine reserves it, else at its mean length.
    usable_bytes : ndarray
        What the engine may take; infinite where the device's memory is unknown.
    of_free, share : ndarray
        Whether the engine takes its share of what the fixed part leaves, and that share.
    weights_bytes, activation_bytes, graphs_bytes, runtime_bytes : ndarray
        What the fixed part is made of, besides adapters, drafters and shared prefixes.
    chunk_bytes : ndarray
        Activations of a full chunk of a prompt, as long sequences need them.
    """

    fixed_bytes: Array
    sequence_bytes: Array
    usable_bytes: Array
    of_free: NDArray[np.bool_]
    share: Array
    weights_bytes: Array
    activation_bytes: Array
    graphs_bytes: Array
    runtime_bytes: Array
    chunk_bytes: Array

    @property
    def sequences(self) -> Array:
        """Sequences of the whole instance that fit at once; below 1 means that none does."""
        free = self.usable_bytes - self.fixed_bytes
        return np.asarray(np.minimum(free / np.maximum(self.sequence_bytes, 1.0), UNLIMITED))

    def at(self, sequences: Amount) -> Array:
        """Bytes of one device with this many sequences."""
        return np.asarray(self.fixed_bytes + sequences * self.sequence_bytes)


def room(
    architecture: Architecture,
    *,
    weights: WeightFormat,
    kv: KvFormat,
    shard: Shard,
    engines: tuple[Engine, ...],
    which: NDArray[np.intp],
    memory_bytes: Array,
    prompt: Array,
    output: Array,
) -> Room:
    """Account for the memory of one model cut one way, over cases.

    Parameters
    ----------
    engines, which
        Engines among the cases, and that of each case.
    memory_bytes : ndarray
        Of each case's device [bytes], infinite where unknown.
    prompt, output : ndarray
        Tokens in the cache before generation, and generated, per sequence.
    """
    stored = footprint.weight_bytes(architecture, weights, shard)
    chunk = np.array([engine.chunk_tokens for engine in engines], dtype=np.float64)[which]
    full = np.array([engine.reserve == "full" for engine in engines])[which]
    tokens = prompt + np.where(full, output, output / 2)
    active = footprint.activation_bytes(architecture, shard, tokens=np.minimum(chunk, prompt + output))
    runtime = np.array([engine.runtime_bytes for engine in engines])[which]
    graphs = np.array([engine.graphs_gib * GIB for engine in engines])[which]
    share = np.array([engine.memory_frac for engine in engines])[which]
    of_free = np.array([engine.of_free for engine in engines])[which]
    fixed = np.asarray(stored + active + runtime)
    usable = np.where(of_free, fixed + share * np.maximum(memory_bytes - fixed, 0.0), share * memory_bytes)
    return Room(
        fixed_bytes=fixed,
        sequence_bytes=np.asarray(
            footprint.cache_bytes(architecture, kv, shard, tokens=tokens, sequences=1.0) + 0.0 * prompt
        ),
        usable_bytes=np.asarray(np.where(np.isinf(memory_bytes), np.inf, np.minimum(usable, memory_bytes))),
        of_free=of_free,
        share=share,
        weights_bytes=np.full(fixed.shape, stored),
        activation_bytes=np.broadcast_to(active, fixed.shape),
        graphs_bytes=graphs,
        runtime_bytes=runtime - graphs,
        chunk_bytes=np.asarray(footprint.activation_bytes(architecture, shard, tokens=chunk)),
    )


def with_extras(room: Room, placed: Placed, *, tokens: Array, shared: Array) -> Room:
    """Add what adapters, a drafter and a shared prefix take.

    Parameters
    ----------
    placed : Placed
        What the cases have in common.
    tokens, shared : ndarray
        Tokens in the cache of each sequence at the middle of its life; those of them that all
        sequences share, which are stored once.
    """
    special, shard, kv = placed.cut.variant, placed.cut.shard, placed.kv
    fixed, each = room.fixed_bytes, room.sequence_bytes
    if special.lora_rank:
        one = adapter_params(placed.architecture, special.lora_rank, shard) * ADAPTER_BYTES
        fixed = fixed + special.lora_adapters * one
    if special.draft_model is not None:
        small = drafter(special, placed.cut.model)
        if small.weights is None:
            fixed = fixed + small.extra_params * placed.weights.bits_per_weight / 8 / shard.stage_devices
        else:
            cut = Shard(tp=shard.tp, attention_dp=shard.attention_dp)
            fixed = fixed + footprint.weight_bytes(small.architecture, small.weights, cut)
        cache = footprint.cache_bytes(
            small.architecture,
            kv,
            Shard(tp=shard.tp, attention_dp=shard.attention_dp),
            tokens=tokens,
            sequences=1.0,
        )
        each = each + cache
    if shared.any():
        once = footprint.cache_bytes(placed.architecture, kv, shard, tokens=shared, sequences=1.0)
        fixed, each = fixed + once * shard.attention_dp, np.maximum(each - once, 1.0)
    if fixed is room.fixed_bytes and each is room.sequence_bytes:
        return room
    grown = fixed - room.fixed_bytes
    usable = np.where(room.of_free, room.usable_bytes + grown * (1.0 - room.share), room.usable_bytes)
    return replace(
        room, fixed_bytes=np.asarray(fixed), sequence_bytes=np.asarray(each), usable_bytes=np.asarray(usable)
    )


def longest_tokens(placed: Placed, room: Room) -> Array:
    """Return the most tokens that one sequence may have beside the weights, over cases.

    The cache grows in straight lines between the lengths at which windows fill, so the answer is read
    off those lines. Infinite where only a state of fixed size is kept; 0 where not even one token fits.
    """
    architecture, kv, shard = placed.architecture, placed.kv, placed.cut.shard
    free_bytes = room.usable_bytes - room.fixed_bytes - room.chunk_bytes + room.activation_bytes
    spans = [cache.span for b in architecture.blocks for m in b.mixers for cache in m.caches(shard)]
    bends = {float(bend) for span in spans for bend in (span.window, span.chunk) if bend is not None}
    lengths = np.array(sorted({1.0, *bends, LONGEST}))
    one = footprint.cache_bytes(architecture, kv, shard, tokens=lengths, sequences=1.0) + 0.0 * lengths
    sizes = np.asarray(one) * shard.attention_dp
    found = np.where(free_bytes >= sizes[-1], np.inf, np.interp(free_bytes, sizes, lengths, left=0.0))
    return np.asarray(np.floor(found))
