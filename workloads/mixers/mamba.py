"""Selective state spaces: Mamba-1 and Mamba-2.

A. Gu and T. Dao, "Mamba", arXiv:2312.00752; T. Dao and A. Gu, "Transformers
are SSMs", arXiv:2405.21060.
"""

from typing import Literal

from pydantic import Field

from workloads.matrix import Matrix
from workloads.mixers.kind import MixerRecord
from workloads.shard import WHOLE, Shard


class Mamba1(MixerRecord):
    """Selective scan: `d_inner` channels, each with a state of `d_state` values."""

    kind: Literal["mamba1"] = "mamba1"
    d_inner: int = Field(ge=1)
    d_state: int = Field(ge=1)
    d_conv: int = Field(ge=1)
    dt_rank: int = Field(ge=1)

    def matrices(self, hidden: int, shard: Shard = WHOLE) -> tuple[Matrix, ...]:
        """Return input, selection, step-size and output projections, split by channels."""
        inner = self.d_inner / shard.tp
        return (
            Matrix(name="ssm.in", inputs=hidden, outputs=2 * inner),
            Matrix(name="ssm.select", inputs=inner, outputs=self.dt_rank + 2 * self.d_state),
            Matrix(name="ssm.step", inputs=self.dt_rank, outputs=inner),
            Matrix(name="ssm.out", inputs=inner, outputs=hidden),
        )

    def vector_params(self, hidden: int, shard: Shard = WHOLE) -> float:
        """Convolution with bias, step bias, skip, and the decay A."""
        return self.d_inner / shard.tp * (self.d_conv + 3 + self.d_state)

    def state_values(self, hidden: int, shard: Shard = WHOLE) -> float:
        """Return d_inner x d_state."""
        return self.d_inner / shard.tp * self.d_state

    def conv_values(self, hidden: int, shard: Shard = WHOLE) -> float:
        """Return the last inputs of the convolution."""
        return self.d_inner / shard.tp * self.d_conv


class Mamba2(MixerRecord):
    """State-space dual: `heads` heads with scalar decay, B and C shared within `n_groups`."""

    kind: Literal["mamba2"] = "mamba2"
    d_inner: int = Field(ge=1)
    d_state: int = Field(ge=1)
    d_conv: int = Field(ge=1)
    heads: int = Field(ge=1)
    n_groups: int = Field(default=1, ge=1)

    def _group_values(self, shard: Shard) -> float:
        """B and C of one token; groups are replicated when tp exceeds them."""
        return 2 * max(1.0, self.n_groups / shard.tp) * self.d_state

    def conv_width(self, shard: Shard = WHOLE) -> float:
        """Channels of the convolution: the inputs, B and C."""
        return self.d_inner / shard.tp + self._group_values(shard)

    def matrices(self, hidden: int, shard: Shard = WHOLE) -> tuple[Matrix, ...]:
        """Return the input projection (gate, x, B, C, step) and the output projection."""
        inner = self.d_inner / shard.tp
        outputs = inner + self.conv_width(shard) + self.heads / shard.tp
        return (
            Matrix(name="ssm.in", inputs=hidden, outputs=outputs),
            Matrix(name="ssm.out", inputs=inner, outputs=hidden),
        )

    def vector_params(self, hidden: int, shard: Shard = WHOLE) -> float:
        """Convolution with bias; step bias, decay and skip per head; gated norm."""
        conv = self.conv_width(shard) * (self.d_conv + 1)
        return conv + (3 * self.heads + self.d_inner) / shard.tp

    def state_values(self, hidden: int, shard: Shard = WHOLE) -> float:
        """Return heads x head dim x d_state."""
        return self.d_inner / shard.tp * self.d_state

    def conv_values(self, hidden: int, shard: Shard = WHOLE) -> float:
        """Return the last inputs of the convolution."""
        return self.conv_width(shard) * self.d_conv
