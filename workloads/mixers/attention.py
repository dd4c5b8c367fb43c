"""Softmax attention over keys and values: multi-head, grouped-query, multi-query, windows."""

from typing import Literal

from pydantic import Field

from workloads.cache import Cache, Span
from workloads.matrix import Matrix
from workloads.mixers.kind import MixerRecord
from workloads.shard import WHOLE, Shard


class Attention(MixerRecord):
    """Attention with `kv_heads` key and value heads, each shared by `heads / kv_heads` queries.

    Attributes
    ----------
    window, chunk : int or None
        Sliding window or chunk, in tokens; None attends to everything.
    qkv_bias, out_bias, qk_norm : bool
        Small extra parameters.
    out_gate : bool
        A gate as wide as the queries is projected beside them.
    shared_key_value : bool
        One projection gives both keys and values; both are cached.
    rotary : bool
        Queries and keys are rotated by position.
    """

    kind: Literal["attention"] = "attention"
    heads: int = Field(ge=1)
    kv_heads: int = Field(ge=1)
    head_dim: int = Field(ge=1)
    window: int | None = Field(default=None, ge=1)
    chunk: int | None = Field(default=None, ge=1)
    qkv_bias: bool = False
    out_bias: bool = False
    qk_norm: bool = False
    out_gate: bool = False
    shared_key_value: bool = False
    rotary: bool = True

    def local_heads(self, shard: Shard) -> float:
        """Query heads on one device."""
        return self.heads / shard.tp

    def local_kv_heads(self, shard: Shard) -> float:
        """Key and value heads on one device; they are replicated when tp exceeds them."""
        return max(1.0, self.kv_heads / shard.tp)

    def matrices(self, hidden: int, shard: Shard = WHOLE) -> tuple[Matrix, ...]:
        """Return the fused query-key-value projection and the output projection."""
        query = self.local_heads(shard) * self.head_dim
        key = self.local_kv_heads(shard) * self.head_dim
        outputs = query * (2 if self.out_gate else 1) + key * (1 if self.shared_key_value else 2)
        return (
            Matrix(name="attention.qkv", inputs=hidden, outputs=outputs),
            Matrix(name="attention.out", inputs=query, outputs=hidden),
        )

    def vector_params(self, hidden: int, shard: Shard = WHOLE) -> float:
        """Biases and the norms of queries and keys."""
        query = self.local_heads(shard) * self.head_dim
        key = self.local_kv_heads(shard) * self.head_dim
        bias = query + 2 * key if self.qkv_bias else 0.0
        return bias + (hidden if self.out_bias else 0) + (2 * self.head_dim if self.qk_norm else 0)

    def caches(self, shard: Shard = WHOLE) -> tuple[Cache, ...]:
        """Return the key and value cache."""
        values = 2 * self.local_kv_heads(shard) * self.head_dim
        return (Cache(values=values, span=Span(window=self.window, chunk=self.chunk)),)
