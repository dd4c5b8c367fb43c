"""An operation: exact flop and byte counts of one kind of work, no machine in sight."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from workloads.shard import Shard as Shard

Amount = float | NDArray[np.float64]
"""A count, or one count per case: every amount of an op broadcasts with the others."""


class OpKind(StrEnum):
    """Classes of work that have a law of their own."""

    MATMUL = "matmul"
    """Dense weights times activations; `weight_format` picks the law."""
    EXPERT_MATMUL = "expert_matmul"
    """Grouped matmul over the distinct experts that a batch touches."""
    ROUTING = "routing"
    ATTENTION_PREFILL = "attention_prefill"
    ATTENTION_DECODE = "attention_decode"
    SCAN = "scan"
    """Recurrence over a prompt: selective scan, SSD, linear attention."""
    STATE_UPDATE = "state_update"
    """One recurrent step per sequence."""
    CONV1D = "conv1d"
    ELEMENTWISE = "elementwise"
    """Norms, rotary, activation, residual."""
    EMBEDDING = "embedding"
    ALL_REDUCE = "all_reduce"
    ALL_TO_ALL = "all_to_all"
    SEND_RECV = "send_recv"


@dataclass(frozen=True, slots=True, kw_only=True)
class Op:
    """Work of one kind on one device within one step.

    Attributes
    ----------
    kind : OpKind
        The class of law that times it.
    name : str
        Where in the model it stands: `attention.qkv`, `mlp.down`, `lm_head`.
    calls : float
        Kernel calls per step (layers x calls per layer). Counts below are
        totals over all calls.
    flop : float or ndarray
        Multiply-adds count two.
    weight_bytes, activation_bytes, cache_bytes : float or ndarray
        Bytes of weights as stored, of activations in and out, of KV cache or
        recurrent state, read plus written once.
    message_bytes : float or ndarray
        Payload per device of a collective. Not memory traffic.
    dtype : str
        What the arithmetic runs in: fp32, tf32, fp16, bf16, fp8, int8, fp4, int4.
    weight_format : str or None
        Catalog id of the stored format, None where there are no weights.
    rows : float or ndarray
        M of a matmul: tokens in the batch.
    group : int
        Devices that take part in a collective.
    width : float
        Query values per row of attention: heads times their mean width of scores and values.
    """

    kind: OpKind
    name: str
    calls: Amount = 1.0
    flop: Amount = 0.0
    weight_bytes: Amount = 0.0
    activation_bytes: Amount = 0.0
    cache_bytes: Amount = 0.0
    message_bytes: Amount = 0.0
    dtype: str = "bf16"
    weight_format: str | None = None
    rows: Amount = 1.0
    group: int = 1
    width: float = 0.0

    @property
    def bytes(self) -> Amount:
        """Memory traffic: weights, activations and cache."""
        return self.weight_bytes + self.activation_bytes + self.cache_bytes

    @property
    def intensity(self) -> Amount:
        """Arithmetic intensity [flop/byte]."""
        return self.flop / self.bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What one engine iteration computes, as scalars or one value per case.

    Attributes
    ----------
    prefill_sequences : float or ndarray
        Sequences with prompt tokens in this step.
    prefill_tokens : float or ndarray
        New prompt tokens of each of them.
    prefill_context : float or ndarray
        Tokens of each that are already cached.
    decode_sequences : float or ndarray
        Sequences that each produce one token.
    decode_context : float or ndarray
        Mean tokens in the cache of each of them.
    """

    prefill_sequences: Amount = 0.0
    prefill_tokens: Amount = 0.0
    prefill_context: Amount = 0.0
    decode_sequences: Amount = 0.0
    decode_context: Amount = 0.0

    @property
    def tokens(self) -> Amount:
        """Tokens that pass through the matmuls."""
        return self.prefill_sequences * self.prefill_tokens + self.decode_sequences

    @property
    def sequences(self) -> Amount:
        """Sequences that need logits."""
        return self.prefill_sequences + self.decode_sequences
