"""The header of a GGUF file: metadata and tensor descriptions, never the weights.

Every length that the file claims is checked against what is left of it before
anything is read, so a hostile file costs no more time or memory than its header.
Format: docs/gguf.md of ggml, versions 2 and 3.
"""

import mmap
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tonnage.errors import FileProblem, FormatError
from tonnage.files import unreadable
from workloads.readers.gguf_types import TENSOR_TYPES, TensorType

MAX_HEADER_BYTES: Final = 256 * 2**20
"""Headers of the largest models are about 20 MB, most of it the tokenizer."""
MAX_ITEMS: Final = 2_000_000
"""Strings in arrays of one file; the largest tokenizers have about a million."""
MAX_KEPT: Final = 4096
"""Longer arrays are counted, not kept; per-layer settings are shorter."""
MAX_TENSORS: Final = 200_000
MAX_VALUES: Final = 65_536
MAX_TEXT: Final = 2**20
"""The longest texts are chat templates, some tens of kilobytes."""
MAX_DIMENSIONS: Final = 4

_SCALARS: Final = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_STRING: Final = 8
_ARRAY: Final = 9

Value = int | float | bool | str | list[object]


@dataclass(frozen=True, slots=True)
class Tensor:
    """One tensor: its shape with the fastest dimension first, and its type."""

    name: str
    shape: tuple[int, ...]
    type: TensorType

    @property
    def weights(self) -> int:
        """Number of weights."""
        product = 1
        for length in self.shape:
            product *= length
        return product

    @property
    def size_bytes(self) -> int:
        """Bytes in the file, padding aside."""
        return self.weights // self.type.block_weights * self.type.block_bytes


@dataclass(frozen=True, slots=True)
class Header:
    """What a GGUF file says of itself.

    Attributes
    ----------
    metadata : dict
        Values by key; arrays too long to matter are left out.
    lengths : dict
        Lengths of all arrays by key.
    tensors : dict
        Tensors by name.
    """

    where: str
    metadata: dict[str, Value]
    lengths: dict[str, int]
    tensors: dict[str, Tensor]


class _Cursor:
    """Reads forward through bytes and refuses to run past their end."""

    def __init__(self, data: mmap.mmap, where: str) -> None:
        self.data, self.where, self.at = data, where, 0
        self.items = 0

    def broken(self, what: str) -> FormatError:
        return FormatError(f"{self.where}: {what} at byte {self.at}; the file is cut off or no GGUF header")

    def skip(self, count: int, what: str) -> int:
        """Move past `count` bytes; return where they began."""
        if count > len(self.data) - self.at:
            raise self.broken(f"{what} claims {count} bytes, {len(self.data) - self.at} are left")
        start, self.at = self.at, self.at + count
        return start

    def scalar(self, code: str, what: str) -> int | float | bool:
        start = self.skip(struct.calcsize("<" + code), what)
        value: int | float | bool = struct.unpack_from("<" + code, self.data, start)[0]
        return value

    def whole(self, code: str, what: str) -> int:
        return int(self.scalar(code, what))

    def text(self, what: str) -> str:
        length = self.whole("Q", what)
        start = self.skip(length, what)
        if length > MAX_TEXT:
            raise self.broken(f"{what} claims {length} bytes, more than the {MAX_TEXT} this reader takes")
        try:
            return self.data[start : start + length].decode("utf-8")
        except UnicodeDecodeError:
            raise self.broken(f"{what} is not UTF-8 text") from None

    def skip_texts(self, count: int, what: str) -> None:
        self.items += count
        if self.items > MAX_ITEMS:
            raise self.broken(f"{what} claims {count} strings, more than the {MAX_ITEMS} this reader takes")
        for _ in range(count):
            self.skip(self.whole("Q", what), what)


def read_header(path: Path) -> Header:
    """Read the header of a GGUF file.

    Raises
    ------
    FileProblem
        If it cannot be opened.
    FormatError
        If it is no GGUF file, is cut off, or claims what cannot be.
    """
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            if size < 24:
                raise FormatError(f"{path}: {size} bytes are too few for a GGUF file")
            with mmap.mmap(file.fileno(), min(size, MAX_HEADER_BYTES), access=mmap.ACCESS_READ) as data:
                return _parse(_Cursor(data, str(path)))
    except FileProblem:
        raise
    except OSError as problem:
        raise unreadable(path, problem) from None


def _parse(cursor: _Cursor) -> Header:
    if cursor.data[:4] != b"GGUF":
        raise FormatError(f"{cursor.where}: does not begin with GGUF")
    cursor.skip(4, "magic")
    version = cursor.whole("I", "version")
    if version not in (2, 3):
        raise FormatError(
            f"{cursor.where}: GGUF version {version} is not read here, only 2 and 3 (little-endian)"
        )
    n_tensors, n_values = cursor.whole("Q", "tensor count"), cursor.whole("Q", "value count")
    if n_tensors > MAX_TENSORS:
        raise cursor.broken(f"{n_tensors} tensors are more than the {MAX_TENSORS} this reader takes")
    if n_values > MAX_VALUES:
        raise cursor.broken(f"{n_values} values are more than the {MAX_VALUES} this reader takes")
    header = Header(cursor.where, {}, {}, {})
    for _ in range(n_values):
        _read_value(cursor, header)
    for _ in range(n_tensors):
        tensor = _read_tensor(cursor)
        header.tensors[tensor.name] = tensor
    return header


def _read_value(cursor: _Cursor, header: Header) -> None:
    key = cursor.text("key")
    kind = cursor.whole("I", f"type of {key}")
    if kind == _STRING:
        header.metadata[key] = cursor.text(key)
    elif kind == _ARRAY:
        _read_array(cursor, header, key)
    elif kind in _SCALARS:
        header.metadata[key] = cursor.scalar(_SCALARS[kind], key)
    else:
        raise cursor.broken(f"{key} has the unknown type {kind}")


def _read_array(cursor: _Cursor, header: Header, key: str) -> None:
    kind, count = cursor.whole("I", f"type of {key}"), cursor.whole("Q", f"length of {key}")
    header.lengths[key] = count
    if kind == _STRING:
        cursor.skip_texts(count, key)
        return
    if kind not in _SCALARS:
        raise cursor.broken(f"{key} is an array of the unknown type {kind}")
    code = _SCALARS[kind]
    start = cursor.skip(count * struct.calcsize("<" + code), key)
    if count <= MAX_KEPT:
        header.metadata[key] = list(struct.unpack_from(f"<{count}{code}", cursor.data, start))


def _read_tensor(cursor: _Cursor) -> Tensor:
    name = cursor.text("tensor name")
    n_dimensions = cursor.whole("I", f"dimensions of {name}")
    if not 1 <= n_dimensions <= MAX_DIMENSIONS:
        raise cursor.broken(f"tensor {name} has {n_dimensions} dimensions")
    shape = tuple(cursor.whole("Q", f"shape of {name}") for _ in range(n_dimensions))
    number = cursor.whole("I", f"type of {name}")
    cursor.skip(8, f"offset of {name}")
    kind = TENSOR_TYPES.get(number)
    if kind is None:
        raise FormatError(f"{cursor.where}: tensor {name} has the unknown type {number}")
    if any(not 0 < length < 2**40 for length in shape) or shape[0] % kind.block_weights:
        raise FormatError(
            f"{cursor.where}: tensor {name} has the shape {shape}, which {kind.name} cannot have "
            f"(blocks of {kind.block_weights})"
        )
    return Tensor(name, shape, kind)
