"""A model, and the exact storage of its weights, from the header of a GGUF file."""

import re
from collections import Counter
from pathlib import Path
from typing import Final

from tonnage.errors import FormatError
from workloads import format_catalog
from workloads.architecture import Architecture, Block
from workloads.readers.fields import Fields
from workloads.readers.gguf_header import Header, Tensor, read_header
from workloads.readers.gguf_layers import Layer
from workloads.readers.gguf_types import FILE_TYPES
from workloads.readers.layers import grouped
from workloads.storage import Storage, WeightFormat

_LAYER: Final = re.compile(r"^blk\.(\d+)\.(.+)$")
_SPLIT: Final = re.compile(r"-\d{5}-of-(\d{5})\.gguf$")
MAX_PARTS: Final = 999
NEVER_QUANTIZED: Final = ("ffn_gate_inp.weight", "ffn_gate_inp_shexp.weight", "ssm_conv1d.weight")


def read_parts(path: Path) -> Header:
    """Read a file, or all parts of one that is split, as one header.

    Raises
    ------
    FileProblem
        If the file or one of its parts is missing.
    FormatError
        If one is not what it should be.
    """
    header = read_header(path)
    split = _SPLIT.search(path.name)
    if split is None or not 1 < int(split[1]) <= MAX_PARTS:
        return header
    stem, count = path.name[: split.start()], split[1]
    parts = [path.with_name(f"{stem}-{part:05d}-of-{count}.gguf") for part in range(1, int(count) + 1)]
    first, *rest = (read_header(part) for part in parts)
    for part in rest:
        first.tensors.update(part.tensors)
    return first


def read_architecture(path: Path) -> Architecture:
    """Read the model of a GGUF file.

    Raises
    ------
    FileProblem
        If the file cannot be read.
    FormatError
        If it is no GGUF file, or no language model that can be read.
    """
    header = read_parts(path)
    kind = header.metadata.get("general.architecture")
    if not isinstance(kind, str):
        raise FormatError(f"{path}: missing general.architecture")
    fields = _without_prefix(header, kind)
    fields.require("block_count", "embedding_length")
    table = _tensor(header, "token_embd.weight")
    positions = header.tensors.get("position_embd.weight")
    layers = _layers(header)

    def block(index: int) -> Block:
        return Layer(fields, kind, index, layers.get(index, {})).block()

    drafting = fields.whole("nextn_predict_layers", default=0, least=0)
    blocks = grouped(max(1, fields.whole("block_count") - drafting), block, where=str(path))
    if any(not part.mixers and not part.feed_forwards for part in blocks):
        raise FormatError(f"{path}: architecture '{kind}' has layers whose tensors are not known")
    name = header.metadata.get("general.name")
    data = {
        "id": str(path),
        "name": name if isinstance(name, str) else path.stem,
        "family": kind,
        "hidden": fields.whole("embedding_length"),
        "vocab": table.shape[-1],
        "tied": "output.weight" not in header.tensors,
        "learned_positions": positions.shape[-1] if positions else 0,
        "norm_bias": "output_norm.bias" in header.tensors,
        "head_bias": "output.bias" in header.tensors,
        "max_context": fields.optional("context_length"),
        "native_dtype": _file_type(header),
        "blocks": blocks,
        "source": str(path),
    }
    return Architecture.parse(data, where=str(path))


def _without_prefix(header: Header, kind: str) -> Fields:
    prefix = f"{kind}."
    keys = {
        key.removeprefix(prefix): value for key, value in header.metadata.items() if key.startswith(prefix)
    }
    return Fields(keys, where=f"{header.where}: {kind}")


def _tensor(header: Header, name: str) -> Tensor:
    if name not in header.tensors:
        raise FormatError(f"{header.where}: missing the tensor {name}")
    return header.tensors[name]


def _layers(header: Header) -> dict[int, dict[str, Tensor]]:
    layers: dict[int, dict[str, Tensor]] = {}
    for name, tensor in header.tensors.items():
        match = _LAYER.match(name)
        if match and len(match[1]) <= 6:
            layers.setdefault(int(match[1]), {})[match[2]] = tensor
    return layers


def _file_type(header: Header) -> str | None:
    number = header.metadata.get("general.file_type")
    return FILE_TYPES.get(number) if isinstance(number, int) else None


def read_weight_format(path: Path) -> WeightFormat:
    """Describe how a GGUF file stores its weights, averaged over its own tensors.

    Returns
    -------
    WeightFormat
        With the id of the file's type, or of the type that most of its bytes
        have, so that laws of that format apply.
    """
    header = read_parts(path)
    linear = [tensor for name, tensor in header.tensors.items() if _is_linear(name, tensor)]
    if not linear:
        raise FormatError(f"{path}: no linear layers among its {len(header.tensors)} tensors")
    experts = [tensor for tensor in linear if "_exps." in tensor.name]
    main = experts or linear
    beside = [tensor for tensor in linear if "_exps." not in tensor.name] if experts else []
    table = _tensor(header, "token_embd.weight")
    stated = _file_type(header)
    like = format_catalog.get(stated if stated in format_catalog.names() else _most_common(main))
    return like.model_copy(
        update={
            "bits_per_weight": _bits(main),
            "file_bits_per_weight": _bits(list(header.tensors.values())),
            "embedding": _storage([table]),
            "head": _storage([header.tensors.get("output.weight", table)]),
            "beside_experts": _storage(beside) if beside else None,
            "source": str(path),
            "notes": None,
        }
    )


def _is_linear(name: str, tensor: Tensor) -> bool:
    match = _LAYER.match(name)
    matrix = len(tensor.shape) > 1 and name.endswith(".weight")
    return match is not None and matrix and match[2] not in NEVER_QUANTIZED


def _most_common(tensors: list[Tensor]) -> str:
    sizes: Counter[str] = Counter()
    for tensor in tensors:
        sizes[tensor.type.name] += tensor.size_bytes
    return sizes.most_common(1)[0][0]


def _bits(tensors: list[Tensor]) -> float:
    return 8 * sum(tensor.size_bytes for tensor in tensors) / sum(tensor.weights for tensor in tensors)


def _storage(tensors: list[Tensor]) -> Storage:
    name = _most_common(tensors)
    known = format_catalog.get(name)
    return Storage(format=name, bits=_bits(tensors), dtype=known.activation_dtype)
