"""RWKV time mixing: linear attention with a learned decay per channel.

B. Peng et al., "Eagle and Finch", arXiv:2404.05892 (RWKV-5 and RWKV-6).
"""

from typing import Literal

from pydantic import Field

from workloads.matrix import Matrix
from workloads.mixers.kind import MixerRecord
from workloads.shard import WHOLE, Shard


class Rwkv(MixerRecord):
    """Five square projections (receptance, key, value, gate, output) around a matrix state.

    `shift_lora` and `decay_lora` are the ranks of the data-dependent token
    shift and decay of RWKV-6; None in RWKV-5.
    """

    kind: Literal["rwkv"] = "rwkv"
    head_dim: int = Field(ge=1)
    shift_lora: int | None = Field(default=None, ge=1)
    decay_lora: int | None = Field(default=None, ge=1)

    def matrices(self, hidden: int, shard: Shard = WHOLE) -> tuple[Matrix, ...]:
        """Return the fused input projections, the output, and the low-rank ones of RWKV-6."""
        width = hidden / shard.tp
        low_rank = []
        if self.shift_lora is not None:
            rank = 5 * self.shift_lora
            low_rank.append(Matrix(name="rwkv.shift", inputs=hidden, outputs=rank, stored=2, used=2))
        if self.decay_lora is not None:
            rank = self.decay_lora
            low_rank.append(Matrix(name="rwkv.decay", inputs=hidden, outputs=rank, stored=2, used=2))
        return (
            *low_rank,
            Matrix(name="rwkv.in", inputs=hidden, outputs=4 * width),
            Matrix(name="rwkv.out", inputs=width, outputs=hidden),
        )

    def vector_params(self, hidden: int, shard: Shard = WHOLE) -> float:
        """Token-shift weights (5), decay, bonus, and the norm of the heads (2); two more in RWKV-6."""
        return (10.0 if self.shift_lora is None else 12.0) * hidden

    def state_values(self, hidden: int, shard: Shard = WHOLE) -> float:
        """Return heads x head dim x head dim."""
        return hidden / shard.tp * self.head_dim

    def conv_values(self, hidden: int, shard: Shard = WHOLE) -> float:
        """Return the previous token, which the shift reads."""
        return float(hidden)
