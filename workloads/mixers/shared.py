"""A transformer block whose weights several depths call (Zamba2).

P. Glorioso et al., "The Zamba2 Suite", arXiv:2411.15242. Its input is the
hidden state beside the original embedding; each call adds low-rank adapters
and a projection of its own.
"""

from typing import Literal

from pydantic import Field

from workloads.cache import Cache
from workloads.matrix import Matrix
from workloads.mixers.kind import MixerRecord
from workloads.shard import WHOLE, Shard


class SharedAttention(MixerRecord):
    """Attention and MLP on `2 x hidden` inputs, stored `blocks` times for `calls` calls.

    `width` is that of the gated MLP inside, `adapter_rank` that of the
    adapters of each call, `attention_adapters` says if queries, keys and
    values have them too.
    """

    kind: Literal["shared_attention"] = "shared_attention"
    heads: int = Field(ge=1)
    head_dim: int = Field(ge=1)
    width: int = Field(ge=1)
    blocks: int = Field(ge=1)
    calls: int = Field(ge=1)
    adapter_rank: int = Field(ge=1)
    attention_adapters: bool = False

    @property
    def kv_heads(self) -> int:
        """All heads have keys and values of their own."""
        return self.heads

    @property
    def stored(self) -> float:
        """Copies in memory per call."""
        return self.blocks / self.calls

    def matrices(self, hidden: int, shard: Shard = WHOLE) -> tuple[Matrix, ...]:
        """Return the shared block's matrices, then those of one call."""
        width, query = self.width / shard.tp, self.heads / shard.tp * self.head_dim
        rank, stored = self.adapter_rank, self.stored
        adapters = [
            Matrix(name="shared.adapter_down", inputs=hidden, outputs=rank),
            Matrix(name="shared.adapter_up", inputs=rank, outputs=2 * width),
        ]
        if self.attention_adapters:
            adapters += [
                Matrix(name="shared.qkv_adapter_down", inputs=2 * hidden, outputs=3 * rank),
                Matrix(name="shared.qkv_adapter_up", inputs=rank, outputs=3 * query),
            ]
        return (
            Matrix(name="shared.qkv", inputs=2 * hidden, outputs=3 * query, stored=stored),
            Matrix(name="shared.out", inputs=query, outputs=hidden, stored=stored),
            Matrix(name="shared.up", inputs=hidden, outputs=2 * width, stored=stored),
            Matrix(name="shared.down", inputs=width, outputs=hidden, stored=stored),
            *adapters,
            Matrix(name="shared.join", inputs=hidden, outputs=hidden),
        )

    def vector_params(self, hidden: int, shard: Shard = WHOLE) -> float:
        """Norms of the shared block."""
        return 3 * hidden * self.stored

    def caches(self, shard: Shard = WHOLE) -> tuple[Cache, ...]:
        """Return the key and value cache of one call."""
        return (Cache(values=2 * self.heads / shard.tp * self.head_dim),)
