"""How weights and KV caches are stored, and what a matmul on them computes in."""

from typing import Literal

from pydantic import Field

from tonnage.files import Record
from workloads.matrix import Role

Dtype = Literal["fp32", "fp16", "bf16", "fp8", "int8", "fp4"]


class Storage(Record):
    """How one sort of tensor is stored: format id, bits per weight, and what its matmul computes in."""

    format: str
    bits: float = Field(gt=0)
    dtype: Dtype

    def bytes_of(self, params: float) -> float:
        """Return the bytes of this many weights."""
        return params * self.bits / 8


class WeightFormat(Record):
    """A weight format as a deployment names it.

    Attributes
    ----------
    bits_per_weight : float
        Average over the linear layers, scales included.
    file_bits_per_weight : float or None
        Average over a whole file where a source states it.
    activation_dtype : str
        What matmuls on the quantized weights compute in.
    other_dtype : str
        What attention and elementwise work compute in.
    activation_bytes : int
        Of one value that passes between operations.
    embedding, head, plain : Storage
        Token table, output projection, and what no format quantizes (norms,
        biases, routers). A tied table is stored as the head.
    beside_experts : Storage or None
        Other linear layers of a mixture of experts, where they differ.
    latent, latent_out : Storage or None
        Projections of latent attention, where they differ, and its output projection, where that
        differs from them.
    engines : tuple of str
        Engines that load it.
    """

    id: str
    family: str
    bits_per_weight: float = Field(gt=0)
    file_bits_per_weight: float | None = Field(default=None, gt=0)
    activation_dtype: Dtype
    other_dtype: Dtype
    activation_bytes: int = Field(ge=1)
    embedding: Storage
    head: Storage
    plain: Storage
    beside_experts: Storage | None = None
    latent: Storage | None = None
    latent_out: Storage | None = None
    engines: tuple[str, ...] = ()
    layout: str | None = None
    scales: str | None = None
    mixture: str | None = None
    native_hardware: str | None = None
    source: str | None = None
    notes: str | None = None

    @property
    def linear(self) -> Storage:
        """How the linear layers are stored."""
        return Storage(format=self.id, bits=self.bits_per_weight, dtype=self.activation_dtype)

    def storage(self, role: Role, *, has_experts: bool) -> Storage:
        """Return how a matrix of this role is stored, in a model with or without experts."""
        if role is Role.PLAIN:
            return self.plain
        if role is Role.LATENT_OUT and self.latent_out is not None:
            return self.latent_out
        if role in (Role.LATENT, Role.LATENT_OUT) and self.latent is not None:
            return self.latent
        if role is not Role.EXPERT and has_experts and self.beside_experts is not None:
            return self.beside_experts
        return self.linear


class KvFormat(Record):
    """How keys and values are cached."""

    id: str
    bits_per_value: float = Field(gt=0)
    layout: str | None = None
    engines: tuple[str, ...] = ()
    native_hardware: str | None = None
    source: str | None = None

    @property
    def bytes_per_value(self) -> float:
        """Bytes of one cached value, scales included."""
        return self.bits_per_value / 8
