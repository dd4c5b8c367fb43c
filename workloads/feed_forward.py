"""Feed-forward parts of a layer: dense, mixture of experts, RWKV channel mixing."""

from typing import Annotated, Literal

from pydantic import Field

from tonnage.files import Record
from workloads.matrix import Matrix, Role
from workloads.shard import WHOLE, Shard


class Dense(Record):
    """Up projection, activation, down projection; `gated` has a second up projection.

    `bias` adds a bias to every projection.
    """

    kind: Literal["dense"] = "dense"
    width: int = Field(ge=1)
    gated: bool = True
    bias: bool = False

    def matrices(self, hidden: int, shard: Shard = WHOLE) -> tuple[Matrix, ...]:
        """Return up (with gate) and down."""
        width = self.width / shard.tp
        return (
            Matrix(name="mlp.up", inputs=hidden, outputs=(2 if self.gated else 1) * width),
            Matrix(name="mlp.down", inputs=width, outputs=hidden),
        )

    def vector_params(self, hidden: int, shard: Shard = WHOLE) -> float:
        """Biases."""
        return (2 if self.gated else 1) * self.width / shard.tp + hidden if self.bias else 0.0


class MixtureOfExperts(Record):
    """A router sends each token to `per_token` of `experts`; shared experts see every token.

    Attributes
    ----------
    width : int
        Inner width of one routed expert.
    shared_width : int
        Inner width of all shared experts together; 0 has none.
    shared_gate : bool
        A scalar gate scales the shared experts.
    latent : int or None
        Routed experts work in a latent of this width.
    expert_bias : bool
        Routed experts have biases.
    """

    kind: Literal["moe"] = "moe"
    experts: int = Field(ge=1)
    per_token: int = Field(ge=1)
    width: int = Field(ge=1)
    gated: bool = True
    shared_width: int = Field(default=0, ge=0)
    shared_gate: bool = False
    latent: int | None = Field(default=None, ge=1)
    expert_bias: bool = False

    def matrices(self, hidden: int, shard: Shard = WHOLE) -> tuple[Matrix, ...]:
        """Return router, experts, latent and shared projections."""
        inner = self.latent or hidden
        ways = 2 if self.gated else 1
        moe_tp, moe_ep = shard.expert_cut
        width, stored, used = self.width / moe_tp, self.experts / moe_ep, self.per_token / moe_ep
        up = Matrix(
            name="moe.up", inputs=inner, outputs=ways * width, stored=stored, used=used, role=Role.EXPERT
        )
        down = Matrix(
            name="moe.down", inputs=width, outputs=inner, stored=stored, used=used, role=Role.EXPERT
        )
        router = Matrix(name="moe.router", inputs=hidden, outputs=self.experts, role=Role.PLAIN)
        return (router, *self._latent(hidden, "down"), up, down, *self._latent(hidden, "up"),
                *self._shared(hidden, shard))  # fmt: skip

    def _latent(self, hidden: int, way: Literal["down", "up"]) -> tuple[Matrix, ...]:
        if self.latent is None:
            return ()
        inputs, outputs = (hidden, self.latent) if way == "down" else (self.latent, hidden)
        return (Matrix(name=f"moe.latent_{way}", inputs=inputs, outputs=outputs),)

    def _shared(self, hidden: int, shard: Shard) -> tuple[Matrix, ...]:
        if not self.shared_width:
            return ()
        width = self.shared_width / shard.tp
        return (
            Matrix(name="moe.shared_up", inputs=hidden, outputs=(2 if self.gated else 1) * width),
            Matrix(name="moe.shared_down", inputs=width, outputs=hidden),
        )

    def vector_params(self, hidden: int, shard: Shard = WHOLE) -> float:
        """Biases of the experts and the gate of the shared ones."""
        moe_tp, moe_ep = shard.expert_cut
        one = (2 if self.gated else 1) * self.width / moe_tp + hidden if self.expert_bias else 0.0
        return self.experts / moe_ep * one + (hidden if self.shared_gate else 0)

    def active_vector_params(self, hidden: int) -> float:
        """Those that one token passes through."""
        one = (2 if self.gated else 1) * self.width + hidden if self.expert_bias else 0.0
        return self.per_token * one + (hidden if self.shared_gate else 0)


class ChannelMix(Record):
    """RWKV channel mixing: squared-ReLU MLP with a receptance gate on its output."""

    kind: Literal["channel_mix"] = "channel_mix"
    width: int = Field(ge=1)

    def matrices(self, hidden: int, shard: Shard = WHOLE) -> tuple[Matrix, ...]:
        """Return key, value and receptance."""
        width = self.width / shard.tp
        return (
            Matrix(name="mlp.up", inputs=hidden, outputs=width),
            Matrix(name="mlp.down", inputs=width, outputs=hidden),
            Matrix(name="mlp.receptance", inputs=hidden, outputs=hidden),
        )

    def vector_params(self, hidden: int, shard: Shard = WHOLE) -> float:
        """Token-shift weights."""
        return 2.0 * hidden


FeedForward = Annotated[Dense | MixtureOfExperts | ChannelMix, Field(discriminator="kind")]
