"""The headers of safetensors files, and the index over the parts of a checkpoint; never the weights.

A file is a 64-bit little-endian length, a JSON object of that many bytes that maps
names to dtype, shape and byte range, then the data without gaps. What a header
claims is checked against itself; the data need not be there.
Format: huggingface/safetensors, safetensors/src/tensor.rs.
"""

import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, TypeGuard

from tonnage.errors import FileProblem, FormatError
from tonnage.files import read_json

MAX_HEADER_BYTES: Final = 32 * 2**20
"""Headers of real parts are below 2 MB; the format itself allows 100 MB."""
MAX_INDEX_BYTES: Final = 64 * 2**20
"""The index of a model with 200,000 expert tensors takes about 20 MB."""
MAX_TENSORS: Final = 200_000
MAX_PARTS: Final = 2_000
MAX_DIMENSIONS: Final = 8
MAX_LENGTH: Final = 2**40
MAX_BYTES: Final = 2**50

DTYPE_BITS: Final[Mapping[str, int]] = MappingProxyType(
    {
        "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6, "BOOL": 8, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8,
        "F8_E8M0": 8, "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8, "I16": 16, "U16": 16, "F16": 16, "BF16": 16,
        "I32": 32, "U32": 32, "F32": 32, "I64": 64, "U64": 64, "F64": 64, "C64": 64,
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class StoredTensor:
    """One tensor: its dtype, its shape with the fastest dimension last, and its bytes."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Index:
    """Which part holds which tensor.

    Attributes
    ----------
    parts : tuple of str
        Names of the files beside the index.
    total_bytes : int or None
        Bytes of all tensors as the index states them.
    """

    parts: tuple[str, ...]
    total_bytes: int | None


def read_header(path: Path) -> tuple[StoredTensor, ...]:
    """Read which tensors a file holds.

    Raises
    ------
    FileProblem
        If it cannot be opened.
    FormatError
        If it is no safetensors file, or its header is cut off or contradicts itself.
    """
    try:
        with path.open("rb") as file:
            head = file.read(8)
            if len(head) < 8:
                raise FormatError(f"{path}: {len(head)} bytes are too few for a safetensors file")
            (length,) = struct.unpack("<Q", head)
            if not 2 <= length <= MAX_HEADER_BYTES:
                raise FormatError(
                    f"{path}: a header of {length} bytes is not between 2 and the {MAX_HEADER_BYTES} that "
                    "this reader takes; the file is no safetensors file"
                )
            text = file.read(length)
    except OSError as problem:
        raise FileProblem(f"{path}: {problem.strerror or problem}") from None
    if len(text) < length:
        raise FormatError(
            f"{path}: the header claims {length} bytes, {len(text)} are there; the file is cut off"
        )
    return _tensors(_parse(text, str(path)), str(path))


def _parse(text: bytes, where: str) -> dict[str, Any]:
    """Parse a header whose objects and lists are counted first: each costs far more than its bytes."""
    if text.count(b"{") + text.count(b"[") > 4 * MAX_TENSORS:
        raise FormatError(f"{where}: more than the {MAX_TENSORS} tensors that this reader takes")
    try:
        data = json.loads(text.decode("utf-8"))
    except (ValueError, RecursionError):
        raise FormatError(f"{where}: the header is not valid JSON") from None
    if not isinstance(data, dict):
        raise FormatError(f"{where}: the header is no JSON object")
    return data


def _tensors(data: Mapping[str, Any], where: str) -> tuple[StoredTensor, ...]:
    ends = []
    tensors = []
    for name, entry in data.items():
        if name == "__metadata__":
            continue
        tensor, begin = _tensor(name, entry, f"{where}: tensor {name[:100]!r}")
        tensors.append(tensor)
        ends.append((begin, begin + tensor.size_bytes))
    if not tensors or len(tensors) > MAX_TENSORS:
        raise FormatError(f"{where}: {len(tensors)} tensors are not between 1 and {MAX_TENSORS}")
    at = 0
    for begin, end in sorted(ends):
        if begin != at:
            raise FormatError(f"{where}: tensors overlap or leave a gap at byte {min(at, begin)} of the data")
        at = end
    return tuple(tensors)


def _tensor(name: str, entry: object, where: str) -> tuple[StoredTensor, int]:
    """Return a tensor and where its data begins."""
    if not isinstance(entry, dict):
        raise FormatError(f"{where} is described by a {type(entry).__name__}, not an object")
    dtype, shape, offsets = entry.get("dtype"), entry.get("shape"), entry.get("data_offsets")
    if not isinstance(dtype, str) or dtype not in DTYPE_BITS:
        raise FormatError(f"{where} has the unknown dtype {str(dtype)[:40]!r}")
    if not _are_lengths(shape, MAX_LENGTH) or len(shape) > MAX_DIMENSIONS:
        raise FormatError(f"{where} has the shape {str(shape)[:60]}, which no tensor has")
    if not _are_lengths(offsets, MAX_BYTES) or len(offsets) != 2 or offsets[0] > offsets[1]:
        raise FormatError(f"{where} has the byte range {str(offsets)[:60]}, which is none")
    bits = DTYPE_BITS[dtype]
    for length in shape:
        bits *= length
    size_bytes = offsets[1] - offsets[0]
    if bits != 8 * size_bytes:
        raise FormatError(f"{where} has {bits} bits by dtype and shape, but {size_bytes} bytes of data")
    return StoredTensor(name, dtype, tuple(shape), size_bytes), offsets[0]


def _are_lengths(value: object, most: int) -> TypeGuard[list[int]]:
    return isinstance(value, list) and all(
        isinstance(item, int) and not isinstance(item, bool) and 0 <= item <= most for item in value
    )


def read_index(path: Path) -> Index:
    """Read `model.safetensors.index.json`.

    Raises
    ------
    FileProblem
        If it cannot be read.
    FormatError
        If it is no index, or names files outside its own folder.
    """
    data = read_json(path, max_bytes=MAX_INDEX_BYTES)
    parts = data.get("weight_map") if isinstance(data, dict) else None
    if not isinstance(parts, dict) or not parts:
        raise FormatError(f"{path}: an index has a weight_map from tensors to files")
    names = set()
    for name in parts.values():
        if not isinstance(name, str) or not name.endswith(".safetensors") or name != Path(name).name:
            raise FormatError(f"{path}: weight_map names {str(name)[:60]!r}, which is no file beside it")
        names.add(name)
    if len(names) > MAX_PARTS:
        raise FormatError(f"{path}: {len(names)} parts are more than the {MAX_PARTS} this reader takes")
    metadata = data.get("metadata")
    total = metadata.get("total_size") if isinstance(metadata, dict) else None
    if isinstance(total, float) and total.is_integer():
        total = int(total)
    known = isinstance(total, int) and not isinstance(total, bool) and 0 < total <= MAX_BYTES
    return Index(tuple(sorted(names)), total if known else None)
