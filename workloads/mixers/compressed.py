"""Compressed attention (DeepSeek-V4): one latent key-value head over merged tokens and a window.

Weights of the compressor and of the indexer are in no published figure that
this catalog has, so they are not counted.
"""

from typing import Literal

from pydantic import Field

from workloads.cache import Cache, Span
from workloads.matrix import Matrix
from workloads.mixers.kind import MixerRecord
from workloads.shard import WHOLE, Shard


class CompressedAttention(MixerRecord):
    """Attention of `heads` queries to one latent of `head_dim` values, which is key and value.

    Attributes
    ----------
    compression : int
        Tokens merged into one cache entry.
    top_k : int or None
        Entries attended to; None attends to all.
    window : int
        Last tokens that are also attended to uncompressed.
    out_groups, out_lora : int
        The output projection goes through `out_groups` low-rank ones.
    """

    kind: Literal["compressed"] = "compressed"
    heads: int = Field(ge=1)
    head_dim: int = Field(ge=1)
    q_lora: int = Field(ge=1)
    out_groups: int = Field(ge=1)
    out_lora: int = Field(ge=1)
    window: int = Field(ge=1)
    compression: int = Field(ge=1)
    top_k: int | None = Field(default=None, ge=1)

    def matrices(self, hidden: int, shard: Shard = WHOLE) -> tuple[Matrix, ...]:
        """Return query, key-value and grouped output projections."""
        query = self.heads / shard.tp * self.head_dim
        groups = self.out_groups / shard.tp
        group_width = self.heads * self.head_dim / self.out_groups
        return (
            Matrix(name="attention.q_down", inputs=hidden, outputs=self.q_lora),
            Matrix(name="attention.q_up", inputs=self.q_lora, outputs=query),
            Matrix(name="attention.kv", inputs=hidden, outputs=self.head_dim),
            Matrix(
                name="attention.out_down",
                inputs=group_width,
                outputs=self.out_lora,
                stored=groups,
                used=groups,
            ),
            Matrix(name="attention.out_up", inputs=groups * self.out_lora, outputs=hidden),
        )

    def vector_params(self, hidden: int, shard: Shard = WHOLE) -> float:
        """None that is published."""
        return 0.0

    def caches(self, shard: Shard = WHOLE) -> tuple[Cache, ...]:
        """Return the window and the merged entries, whole on every device."""
        merged = Span(compression=self.compression, top_k=self.top_k)
        return (
            Cache(values=self.head_dim, span=Span(window=self.window)),
            Cache(values=self.head_dim, span=merged),
        )
