"""Weight and KV cache formats by the names that a catalog or an engine gives them."""

from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Final

from tonnage.errors import UnknownName
from workloads import shelf
from workloads.storage import KvFormat, WeightFormat

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
    """Return a weight format by id or alias.

    Raises
    ------
    UnknownName
        Listing the near ids.
    """
    name = _spelled(format_id)
    if name is None:
        raise UnknownName(
            "weight format", format_id, (*names(), *ALIASES), hint="'tonnage catalog formats' lists them"
        )
    return _weights(name, shelf.folders())


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
def _kv(name: str, _folders: tuple[Path, ...]) -> KvFormat:
    block, where = shelf.block("kv_formats", name), shelf.where("kv_formats", name)
    return KvFormat.parse({"id": name, **block}, where=where)
