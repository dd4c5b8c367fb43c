"""Linear attention: a matrix of key x value per head instead of a growing cache.

Gated delta net: Yang et al., arXiv:2412.06464. KDA: Kimi Team, "Kimi Linear",
arXiv:2510.26692. Lightning attention: MiniMax-01, arXiv:2501.08313.
"""

from typing import Literal

from pydantic import Field

from workloads.matrix import Matrix
from workloads.mixers.kind import MixerRecord
from workloads.shard import WHOLE, Shard


class GatedDeltaNet(MixerRecord):
    """Delta rule with one decay per head; `value_heads` share `key_heads`."""

    kind: Literal["gated_delta_net"] = "gated_delta_net"
    key_heads: int = Field(ge=1)
    value_heads: int = Field(ge=1)
    head_dim: int = Field(ge=1)
    d_conv: int = Field(ge=1)

    def _widths(self, shard: Shard) -> tuple[float, float]:
        return self.key_heads / shard.tp * self.head_dim, self.value_heads / shard.tp * self.head_dim

    def conv_width(self, shard: Shard = WHOLE) -> float:
        """Channels of the convolution: queries, keys and values."""
        key, value = self._widths(shard)
        return 2 * key + value

    def matrices(self, hidden: int, shard: Shard = WHOLE) -> tuple[Matrix, ...]:
        """Return the projection to query, key, value, gate, decay and step, and the output."""
        key, value = self._widths(shard)
        scalars = 2 * self.value_heads / shard.tp
        return (
            Matrix(name="linear.in", inputs=hidden, outputs=2 * key + 2 * value + scalars),
            Matrix(name="linear.out", inputs=value, outputs=hidden),
        )

    def vector_params(self, hidden: int, shard: Shard = WHOLE) -> float:
        """Convolution, decay and step bias per head, norm of the heads."""
        scalars = 2 * self.value_heads / shard.tp
        return self.conv_width(shard) * self.d_conv + scalars + self.head_dim

    def state_values(self, hidden: int, shard: Shard = WHOLE) -> float:
        """Return value heads x key dim x value dim."""
        return self.value_heads / shard.tp * self.head_dim**2

    def conv_values(self, hidden: int, shard: Shard = WHOLE) -> float:
        """Return the last inputs of the convolution."""
        return self.conv_width(shard) * self.d_conv


class KimiDeltaAttention(MixerRecord):
    """Delta rule with one decay per channel, from a low-rank projection."""

    kind: Literal["kimi_delta"] = "kimi_delta"
    heads: int = Field(ge=1)
    head_dim: int = Field(ge=1)
    d_conv: int = Field(ge=1)

    def matrices(self, hidden: int, shard: Shard = WHOLE) -> tuple[Matrix, ...]:
        """Return query, key and value, the low-rank decay and gate, the step, and the output."""
        width = self.heads / shard.tp * self.head_dim
        return (
            Matrix(name="linear.in", inputs=hidden, outputs=3 * width + self.heads / shard.tp),
            Matrix(name="linear.gates_down", inputs=hidden, outputs=2 * self.head_dim),
            Matrix(name="linear.gates_up", inputs=self.head_dim, outputs=2 * width),
            Matrix(name="linear.out", inputs=width, outputs=hidden),
        )

    def vector_params(self, hidden: int, shard: Shard = WHOLE) -> float:
        """Three convolutions, step bias per channel, decay per head."""
        width = self.heads / shard.tp * self.head_dim
        return 3 * width * self.d_conv + width + self.heads / shard.tp

    def conv_width(self, shard: Shard = WHOLE) -> float:
        """Channels of the convolutions: queries, keys and values."""
        return 3 * self.heads / shard.tp * self.head_dim

    def state_values(self, hidden: int, shard: Shard = WHOLE) -> float:
        """Return heads x key dim x value dim."""
        return self.heads / shard.tp * self.head_dim**2

    def conv_values(self, hidden: int, shard: Shard = WHOLE) -> float:
        """Return the last inputs of the convolutions."""
        return self.conv_width(shard) * self.d_conv


class Lightning(MixerRecord):
    """Linear attention with a fixed decay per head and a gated output."""

    kind: Literal["lightning"] = "lightning"
    heads: int = Field(ge=1)
    head_dim: int = Field(ge=1)

    def matrices(self, hidden: int, shard: Shard = WHOLE) -> tuple[Matrix, ...]:
        """Return query, key, value and gate projections, and the output."""
        width = self.heads / shard.tp * self.head_dim
        return (
            Matrix(name="linear.in", inputs=hidden, outputs=4 * width),
            Matrix(name="linear.out", inputs=width, outputs=hidden),
        )

    def vector_params(self, hidden: int, shard: Shard = WHOLE) -> float:
        """Norm of the heads' outputs."""
        return self.heads / shard.tp * self.head_dim

    def state_values(self, hidden: int, shard: Shard = WHOLE) -> float:
        """Return heads x key dim x value dim."""
        return self.heads / shard.tp * self.head_dim**2
