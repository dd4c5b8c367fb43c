"""Multi-head latent attention (MLA): keys and values live in one low-rank latent per token.

DeepSeek-AI, "DeepSeek-V2", arXiv:2405.04434, section 2.1; the sparse indexer
is that of "DeepSeek-V3.2-Exp" (2025).
"""

from typing import Literal

from pydantic import Field

from tonnage.files import Record
from workloads.cache import Cache, Span
from workloads.matrix import Matrix, Role
from workloads.mixers.kind import MixerRecord
from workloads.shard import WHOLE, Shard

INDEX_BYTES_PER_VALUE = 132 / 128
"""The index key cache is FP8 with one FP32 scale per 128 values (DeepSeek-V3.2 reference kernels)."""


class Indexer(Record):
    """Picks the `top_k` cached tokens that attention reads.

    `own` is false where a layer reuses the choice of the layer before it.
    """

    heads: int = Field(ge=1)
    dim: int = Field(ge=1)
    top_k: int = Field(ge=1)
    own: bool = True


class LatentAttention(MixerRecord):
    """MLA with `heads` heads over a latent of `kv_lora` values and `rope_dim` rotary ones.

    `q_lora` None projects queries in one step.
    """

    kind: Literal["latent"] = "latent"
    heads: int = Field(ge=1)
    q_lora: int | None = Field(default=None, ge=1)
    kv_lora: int = Field(ge=1)
    rope_dim: int = Field(ge=1)
    nope_dim: int = Field(ge=1)
    v_dim: int = Field(ge=1)
    indexer: Indexer | None = None

    @property
    def latent_dim(self) -> int:
        """Cached values per token."""
        return self.kv_lora + self.rope_dim

    @property
    def query_dim(self) -> int:
        """Width of one query head."""
        return self.nope_dim + self.rope_dim

    def matrices(self, hidden: int, shard: Shard = WHOLE) -> tuple[Matrix, ...]:
        """Return down projections (on every device), up projections and output (split by heads)."""
        heads = self.heads / shard.tp
        query = heads * self.query_dim
        up_width = heads * (self.nope_dim + self.v_dim)
        if self.q_lora is None:
            queries = [self._projection("q", hidden, query)]
        else:
            queries = [
                self._projection("q_down", hidden, self.q_lora),
                self._projection("q_up", self.q_lora, query),
            ]
        return (
            *queries,
            self._projection("kv_down", hidden, self.latent_dim),
            self._projection("kv_up", self.kv_lora, up_width),
            self._projection("out", heads * self.v_dim, hidden, role=Role.LATENT_OUT),
            *self._index_matrices(hidden),
        )

    @staticmethod
    def _projection(name: str, inputs: float, outputs: float, *, role: Role = Role.LATENT) -> Matrix:
        return Matrix(name=f"attention.{name}", inputs=inputs, outputs=outputs, role=role)

    def _index_matrices(self, hidden: int) -> tuple[Matrix, ...]:
        index = self.indexer
        if index is None or not index.own:
            return ()
        source = self.q_lora or hidden
        return (
            Matrix(
                name="indexer.query",
                inputs=source,
                outputs=index.heads * index.dim,
                role=Role.LATENT,
            ),
            Matrix(name="indexer.key", inputs=hidden, outputs=index.dim, role=Role.LATENT),
            Matrix(name="indexer.weights", inputs=hidden, outputs=index.heads, role=Role.PLAIN),
        )

    def vector_params(self, hidden: int, shard: Shard = WHOLE) -> float:
        """Norms of the latents and of the index keys."""
        own_index = self.indexer is not None and self.indexer.own
        index_norm = 2 * self.indexer.dim if own_index and self.indexer else 0
        return (self.q_lora or 0) + self.kv_lora + index_norm

    def caches(self, shard: Shard = WHOLE) -> tuple[Cache, ...]:
        """Return the latent, whole on every device of a tensor-parallel group, and the index keys."""
        index = self.indexer
        if index is None:
            return (Cache(values=self.latent_dim),)
        latent = Cache(values=self.latent_dim, span=Span(top_k=index.top_k))
        if not index.own:
            return (latent,)
        return latent, Cache(values=index.dim, bytes_per_value=INDEX_BYTES_PER_VALUE)
