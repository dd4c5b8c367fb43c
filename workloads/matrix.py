"""One weight matrix of a layer: the single source of its parameters, bytes and flop."""

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """Which rule of a weight format decides how a matrix is stored."""

    LINEAR = "linear"
    """Quantized with the model."""
    LATENT = "latent"
    """A projection of latent attention: some checkpoints leave them as they are."""
    LATENT_OUT = "latent_out"
    """The output projection of latent attention: some of those checkpoints quantize it alone."""
    EXPERT = "expert"
    """A routed expert: some formats quantize nothing else."""
    PLAIN = "plain"
    """Left at full precision by every format: routers and other small ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Matrix:
    """A matrix on one device of a shard.

    Attributes
    ----------
    name : str
        Where in the layer it stands: `attention.qkv`.
    inputs, outputs : float
        Features on this device: the K and N of its matmul.
    stored : float
        Copies in memory per call: the experts held here, or less than one
        where several calls share one copy.
    used : float
        Copies that one token passes through on this device.
    """

    name: str
    inputs: float
    outputs: float
    stored: float = 1.0
    used: float = 1.0
    role: Role = Role.LINEAR

    @property
    def params(self) -> float:
        """Parameters of one copy."""
        return self.inputs * self.outputs

    @property
    def stored_params(self) -> float:
        """Parameters in memory."""
        return self.stored * self.params

    @property
    def active_params(self) -> float:
        """Parameters in memory that one token passes through."""
        return min(self.stored, self.used) * self.params
