"""A model's shape: embedding, groups of equal blocks, head. Parameters follow from it."""

from typing import Self

from pydantic import Field, model_validator

from tonnage.files import Record
from workloads.feed_forward import FeedForward, MixtureOfExperts
from workloads.mixers import Mixer, SharedAttention


class Block(Record):
    """`count` equal layers: mixers side by side, then feed-forwards side by side.

    Attributes
    ----------
    mixers, feed_forwards : tuple
        Either may be empty: some hybrids alternate them as layers of their own.
    norms : int
        Norms as wide as the hidden state.
    """

    count: int = Field(ge=1)
    mixers: tuple[Mixer, ...] = ()
    feed_forwards: tuple[FeedForward, ...] = ()
    norms: int = Field(default=2, ge=0)

    @property
    def is_layer(self) -> bool:
        """Shared blocks are called between layers and are not layers."""
        return not any(isinstance(mixer, SharedAttention) for mixer in self.mixers)

    def vector_params(self, hidden: int) -> float:
        """Parameters of one layer outside its matrices and norms."""
        return sum(part.vector_params(hidden) for part in (*self.mixers, *self.feed_forwards))

    def active_vector_params(self, hidden: int) -> float:
        """Those of them that one token passes through."""
        mixers = sum(mixer.vector_params(hidden) for mixer in self.mixers)
        return mixers + sum(
            part.active_vector_params(hidden)
            if isinstance(part, MixtureOfExperts)
            else part.vector_params(hidden)
            for part in self.feed_forwards
        )


class Architecture(Record):
    """A language model as it is computed; the order of blocks is not kept.

    Attributes
    ----------
    hidden, vocab : int
        Width of the hidden state; rows of the embedding.
    tied : bool
        The head reuses the embedding.
    learned_positions : int
        Rows of a learned position table, 0 for none.
    norm_bias : bool
        Norms have a bias.
    vision_params, draft_params : float
        Stored beside the language model: encoders of images, layers that draft
        tokens. Neither is part of a step; drafters are loaded on demand only.
    uncounted_draft_params : float
        Of such layers where the published count leaves them out, so that `total_params` does too.
    published_params, published_active_params : float or None
        What the vendor states, by `params_source`. Active counts are rounded,
        and vendors differ in whether embeddings count.
    """

    id: str
    name: str
    family: str
    hidden: int = Field(ge=1)
    vocab: int = Field(ge=1)
    blocks: tuple[Block, ...] = Field(min_length=1)
    tied: bool = False
    learned_positions: int = Field(default=0, ge=0)
    head_bias: bool = False
    norm_bias: bool = False
    max_context: int | None = Field(default=None, ge=1)
    native_dtype: str | None = None
    vision_params: float = Field(default=0.0, ge=0)
    draft_params: float = Field(default=0.0, ge=0)
    uncounted_draft_params: float = Field(default=0.0, ge=0)
    published_params: float | None = Field(default=None, gt=0)
    published_active_params: float | None = Field(default=None, gt=0)
    params_source: str | None = None
    source: str | None = None
    hf_id: str | None = None
    released: str | None = None
    license: str | None = None
    notes: str | None = None

    @model_validator(mode="after")
    def _has_layers(self) -> Self:
        if not self.layers:
            raise ValueError("a model has at least one layer")
        return self

    @property
    def layers(self) -> int:
        """Number of layers; calls of shared blocks are not layers."""
        return sum(block.count for block in self.blocks if block.is_layer)

    @property
    def has_experts(self) -> bool:
        """True if some layer routes tokens to experts."""
        return any(
            isinstance(part, MixtureOfExperts) for block in self.blocks for part in block.feed_forwards
        )

    @property
    def norm_width(self) -> int:
        """Parameters of one norm."""
        return self.hidden * (2 if self.norm_bias else 1)

    def embedding_params(self) -> float:
        """Parameters of the token table alone."""
        return float(self.vocab * self.hidden)

    def head_params(self) -> float:
        """Parameters of the output projection alone, which a tied model does not store again."""
        return float(self.vocab * self.hidden)

    def _ends(self) -> float:
        """Embedding, positions, final norm and head."""
        tables = 1 if self.tied else 2
        bias = self.vocab if self.head_bias else 0
        return (
            tables * self.vocab * self.hidden + self.learned_positions * self.hidden + bias + self.norm_width
        )

    def total_params(self) -> float:
        """Return all stored parameters.

        Examples
        --------
        >>> from workloads import models
        >>> round(models.get("llama-3.1-8b").total_params() / 1e9, 6)
        8.030261
        """
        total = self._ends() + self.vision_params + self.draft_params
        for block in self.blocks:
            parts = (*block.mixers, *block.feed_forwards)
            matrices = sum(m.stored_params for part in parts for m in part.matrices(self.hidden))
            norms = block.norms * self.norm_width
            total += block.count * (matrices + block.vector_params(self.hidden) + norms)
        return total

    def active_params(self) -> float:
        """Return the parameters that one text token passes through, embedding and head included."""
        total = self._ends()
        for block in self.blocks:
            parts = (*block.mixers, *block.feed_forwards)
            matrices = sum(m.active_params for part in parts for m in part.matrices(self.hidden))
            norms = block.norms * self.norm_width
            total += block.count * (matrices + block.active_vector_params(self.hidden) + norms)
        return total
