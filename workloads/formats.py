"""How weights and KV caches are stored, and what a matmul on them computes in."""

from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Final, Literal

from pydantic import Field

from tonnage.errors import UnknownName
from tonnage.files import Record
from workloads import shelf
from workloads.matrix import Role
from workloads.readers.freshness import changed_ns
from workloads.readers.locate import model_file

ALIASES: Final = MappingProxyType(
    {
        "FP8": "FP8_W8A8", "INT8": "INT8_W8A16", "NVFP4": "NVFP4_W4A4", "INT4": "GPTQ_INT4_G128",
        "FP16": "F16", "FP32": "F32",
    }
)  # fmt: skip
"""Short names of deployments; `BF16` and `MXFP4` are ids themselves."""

KV_ALIASES: Final = MappingProxyType(
    {
        "BF16": "KV_F16", "F16": "KV_F16", "FP16": "KV_F16", "AUTO": "KV_F16",
        "FP8": "KV_FP8", "FP8_E4M3": "KV_FP8", "FP8_E5M2": "KV_FP8",
        "INT8": "KV_INT8", "NVFP4": "KV_NVFP4",
    }
)  # fmt: skip

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


def names() -> tuple[str, ...]:
    """Return the ids of all weight formats."""
    return shelf.names("formats")


def kv_names() -> tuple[str, ...]:
    """Return the ids of all KV cache formats."""
    return shelf.names("kv_formats")


def short_names(format_id: str) -> tuple[str, ...]:
    """Return the aliases of a weight format."""
    return tuple(short for short, full in ALIASES.items() if full == format_id)


def has(format_id: str) -> bool:
    """Say whether there is such a weight format, by id or alias."""
    return _spelled(format_id) is not None


def _spelled(format_id: str) -> str | None:
    """Return an id as the catalog spells it."""
    name = ALIASES.get(format_id.upper(), format_id)
    if shelf.has("formats", name):
        return name
    return next((known for known in names() if known.lower() == name.lower()), None)


def get(format_id: str) -> WeightFormat:
    """Return a weight format by id, alias, or the path of a model whose tensors it describes.

    Parameters
    ----------
    format_id : str
        `BF16`, `Q4_K_M` ...; or a `.gguf`, a `config.json`, or its folder.

    Raises
    ------
    UnknownName
        Listing the near ids.
    FormatError, FileProblem
        If the file is not what it should be, or cannot be read.
    """
    name = _spelled(format_id)
    if name is not None:
        return _weights(name, shelf.folders())
    path = model_file(format_id)
    if path is not None:
        return _of_file(path, changed_ns(path))
    raise UnknownName(
        "weight format", format_id, (*names(), *ALIASES), hint="'tonnage catalog formats' lists them"
    )


def kv(format_id: str | None = None) -> KvFormat:
    """Return a KV cache format by id, alias or llama.cpp type; None is 16 bit.

    Raises
    ------
    UnknownName
        Listing the near ids.
    """
    asked = (format_id or "KV_F16").upper()
    asked = KV_ALIASES.get(asked, asked)
    name = asked if shelf.has("kv_formats", asked) else f"KV_{asked}"
    if not shelf.has("kv_formats", name):
        raise UnknownName("KV cache format", str(format_id), (*kv_names(), *KV_ALIASES))
    return _kv(name, shelf.folders())


@lru_cache(maxsize=256)
def _weights(name: str, _folders: tuple[Path, ...]) -> WeightFormat:
    return WeightFormat.parse(
        {"id": name, **shelf.block("formats", name)}, where=shelf.where("formats", name)
    )


@lru_cache(maxsize=64)
def _of_file(path: Path, _changed_ns: int) -> WeightFormat:
    if path.suffix == ".gguf":
        from workloads.readers.gguf import read_weight_format as read_gguf

        return read_gguf(path)
    from workloads.readers.checkpoint import read_weight_format as read_checkpoint

    return read_checkpoint(path)


@lru_cache(maxsize=64)
def _kv(name: str, _folders: tuple[Path, ...]) -> KvFormat:
    block, where = shelf.block("kv_formats", name), shelf.where("kv_formats", name)
    return KvFormat.parse({"id": name, **block}, where=where)
