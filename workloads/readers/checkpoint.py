"""How a Hugging Face folder stores its weights: stated by its config, counted in its tensors.

Every part of the model (embedding, linear layers, experts, ...) gets the bits that
its tensors take, scales included, over the parameters that the model has there;
so the bytes of the parts add up to those of the files.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

from tonnage.errors import FormatError
from workloads import footprint, format_catalog
from workloads.architecture import Architecture
from workloads.matrix import Role
from workloads.readers import hf_config, quantization, safetensors
from workloads.readers.fields import Fields
from workloads.readers.safetensors import StoredTensor
from workloads.readers.tensor_names import Part, part_of
from workloads.storage import Storage, WeightFormat

INDEX: Final = "model.safetensors.index.json"
PLAIN_FORMATS: Final = MappingProxyType({"BF16": "BF16", "F16": "F16", "F32": "F32"})
UNQUANTIZED_BITS: Final = 15.0
"""Linear layers stored in more than this were left as they are."""


@dataclass(frozen=True, slots=True)
class Tensors:
    """Bytes of a checkpoint.

    Attributes
    ----------
    parts : dict
        Tensors by the part of the model they are stored for; empty where only the index is there.
    total_bytes : int or None
        All of them, as the index states it.
    """

    parts: dict[Part, list[StoredTensor]]
    total_bytes: int | None

    def bytes_of(self, *parts: Part) -> int:
        """Return the stored bytes of some parts."""
        return sum(tensor.size_bytes for part in parts for tensor in self.parts.get(part, ()))

    def dtype_of(self, *parts: Part) -> str | None:
        """Return the dtype that most bytes of some parts have."""
        sizes: Counter[str] = Counter()
        for part in parts:
            for tensor in self.parts.get(part, ()):
                sizes[tensor.dtype] += tensor.size_bytes
        return sizes.most_common(1)[0][0] if sizes else None


def read_architecture(path: Path) -> Architecture:
    """Read the model of a folder with a config.json; encoders beside it are counted in its tensors.

    Raises
    ------
    FileProblem
        If a file cannot be read.
    FormatError
        If one is not what it should be.
    """
    architecture = hf_config.read_architecture(path)
    tensors = read_tensors(path.parent, layers=architecture.layers)
    beside = tensors.bytes_of(Part.BESIDE) / footprint.VISION_BYTES
    return architecture.model_copy(update={"vision_params": beside}) if beside else architecture


def read_weight_format(path: Path) -> WeightFormat:
    """Describe how the checkpoint around a config.json stores its weights.

    Returns
    -------
    WeightFormat
        With the id of the format that the config states, or of its plain dtype.
        Bits are those of the tensors where safetensors files lie beside the
        config, are scaled to the total where only their index does, and are
        those of the format where neither does.

    Raises
    ------
    FileProblem
        If a file cannot be read.
    FormatError
        If one is not what it should be, or states a quantization that is not known.
    """
    config = hf_config.read_fields(path)
    architecture = hf_config.from_fields(config, name=str(path))
    tensors = read_tensors(path.parent, layers=architecture.layers)
    like = quantization.stated_format(path.parent, config) or _plain(config, tensors)
    if tensors.parts:
        return _counted(like, architecture, tensors, str(path.parent))
    if tensors.total_bytes:
        return _scaled(like, architecture, tensors.total_bytes, str(path.parent))
    return like


def _plain(config: Fields, tensors: Tensors) -> WeightFormat:
    """Return the dtype of the tensors, else the one that the config states, else 16 bit."""
    found = PLAIN_FORMATS.get(tensors.dtype_of(Part.LINEAR, Part.ATTENTION, Part.EXPERT) or "")
    inner = config.table("text_config")
    stated = config.text("torch_dtype", "dtype") or (inner.text("torch_dtype", "dtype") if inner else "")
    return format_catalog.get(found or quantization.DTYPES.get(stated, "BF16"))


def read_tensors(folder: Path, *, layers: int) -> Tensors:
    """Read the headers of all parts that are there, or the total of the index."""
    total = None
    paths = _unindexed(folder)
    if (folder / INDEX).is_file():
        index = safetensors.read_index(folder / INDEX)
        total = index.total_bytes
        paths = [folder / name for name in index.parts]
        if not all(path.is_file() for path in paths):
            return Tensors({}, total)
    parts: defaultdict[Part, list[StoredTensor]] = defaultdict(list)
    for path in paths:
        for tensor in safetensors.read_header(path):
            parts[part_of(tensor, layers=layers)].append(tensor)
    return Tensors(dict(parts), total)


def _unindexed(folder: Path) -> list[Path]:
    """Return the one file of a small checkpoint; adapters and second copies lie under other names."""
    path = folder / "model.safetensors"
    return [path] if path.is_file() else []


def _counted(like: WeightFormat, model: Architecture, tensors: Tensors, where: str) -> WeightFormat:
    """Give each part the bits that its tensors take."""
    params = _params(model)
    update: dict[str, object] = {"source": where, "notes": None}
    update |= dict.fromkeys(("beside_experts", "latent", "latent_out"))
    parts = {Role.LINEAR: [Part.LINEAR], Role.LATENT: [Part.ATTENTION], Role.EXPERT: [Part.EXPERT]}
    if not params[Role.LATENT]:
        parts[Role.LINEAR].append(Part.ATTENTION)
    bits = {role: _bits(tensors, of, params[role], where) for role, of in parts.items() if params[role]}
    main = Role.EXPERT if Role.EXPERT in bits else Role.LINEAR if Role.LINEAR in bits else Role.LATENT
    update["bits_per_weight"] = bits[main]
    if main is Role.EXPERT and Role.LINEAR in bits:
        update["beside_experts"] = _storage(like, bits[Role.LINEAR], tensors.dtype_of(*parts[Role.LINEAR]))
    if Role.LATENT in bits and main is not Role.LATENT:
        update["latent"] = _storage(like, bits[Role.LATENT], tensors.dtype_of(Part.ATTENTION))
    return like.model_copy(update=update | _ends(like, model, tensors, params[Role.PLAIN], where))


def _ends(
    like: WeightFormat, model: Architecture, tensors: Tensors, plain_params: float, where: str
) -> dict[str, object]:
    table = _bits(tensors, [Part.EMBEDDING], model.embedding_params(), where)
    embedding = _storage(like, table, tensors.dtype_of(Part.EMBEDDING))
    head = embedding
    if not model.tied and tensors.bytes_of(Part.HEAD):
        bits = _bits(tensors, [Part.HEAD], model.head_params(), where)
        head = _storage(like, bits, tensors.dtype_of(Part.HEAD))
    found: dict[str, object] = {"embedding": embedding, "head": head}
    if tensors.bytes_of(Part.PLAIN):
        plain = _bits(tensors, [Part.PLAIN], plain_params, where)
        found["plain"] = _storage(like, plain, tensors.dtype_of(Part.PLAIN))
    stored = tensors.bytes_of(*(part for part in Part if part not in (Part.BESIDE, Part.DRAFT)))
    own = model.total_params() - model.vision_params - model.draft_params
    return {**found, "file_bits_per_weight": 8 * stored / own}


def _bits(tensors: Tensors, parts: Iterable[Part], params: float, where: str) -> float:
    parts = list(parts)
    stored = tensors.bytes_of(*parts)
    if not stored:
        raise FormatError(f"{where}: the config has {params:g} weights in {parts[0]} tensors, the files none")
    return 8 * stored / params


def _storage(like: WeightFormat, bits: float, dtype: str | None) -> Storage:
    """Return a plain storage for plain tensors, else one that computes like the quantized layers."""
    if dtype is not None and dtype in PLAIN_FORMATS and bits > UNQUANTIZED_BITS:
        plain = format_catalog.get(PLAIN_FORMATS[dtype])
        return Storage(format=plain.id, bits=bits, dtype=plain.activation_dtype)
    return Storage(format=like.id, bits=bits, dtype=like.activation_dtype)


def _params(model: Architecture) -> dict[Role, float]:
    """Count stored parameters by the rule that decides their storage; vectors are plain."""
    found = dict.fromkeys(Role, 0.0)
    for block in model.blocks:
        found[Role.PLAIN] += block.count * (
            block.norms * model.norm_width + block.vector_params(model.hidden)
        )
        for part in (*block.mixers, *block.feed_forwards):
            for matrix in part.matrices(model.hidden):
                role = Role.LATENT if matrix.role is Role.LATENT_OUT else matrix.role
                found[role] += block.count * matrix.stored_params
    found[Role.PLAIN] += model.norm_width + model.learned_positions * model.hidden
    return found


def _scaled(like: WeightFormat, model: Architecture, total_bytes: int, where: str) -> WeightFormat:
    """Let the linear layers take what the total leaves; encoders and drafters may be in it."""
    expected = footprint.weight_bytes(model, like)
    quantized = _quantized_bytes(like, model)
    bits = like.bits_per_weight * (1 + (total_bytes - expected) / quantized)
    if not 0.9 <= bits / like.bits_per_weight <= 1.25:
        return like
    return like.model_copy(
        update={"bits_per_weight": bits, "source": where, "notes": "bits from the total of the index"}
    )


def _quantized_bytes(like: WeightFormat, model: Architecture) -> float:
    """Bytes that follow the format's bits per weight: all that doubling them would add."""
    twice = like.model_copy(update={"bits_per_weight": 2 * like.bits_per_weight})
    return footprint.weight_bytes(model, twice) - footprint.weight_bytes(model, like)
