"""A model from the config.json of Hugging Face Transformers, or the mlc-chat-config.json around one."""

from pathlib import Path
from types import MappingProxyType
from typing import Final

from tonnage.errors import FormatError
from tonnage.files import read_json
from workloads.architecture import Architecture
from workloads.readers import hf_llama4, hf_recurrent, hf_transformer
from workloads.readers.fields import Fields

MAX_CONFIG_BYTES: Final = 16 * 2**20
"""A larger file is no config."""

POSITION_OFFSETS: Final = MappingProxyType({"gpt2": 0, "gpt_bigcode": 0, "opt": 2})
"""Families with a learned position table, and its rows beyond the context."""

READERS: Final = MappingProxyType({**hf_recurrent.READERS, "llama4_text": hf_llama4.blocks})
"""Families whose layers are not all laid out alike."""

HEAD_BIASED: Final = ("gptj", "phi")

UNREAD: Final = (
    "num_experts",
    "num_local_experts",
    "n_routed_experts",
    "ssm_cfg",
    "mamba_d_state",
    "layer_types",
)
"""Keys that a model which is not known must not have: they change what a layer is."""


def read_architecture(path: Path) -> Architecture:
    """Read a config.json.

    Families that are not known are read like Llama if the common keys are
    there, and the notes say so.

    Raises
    ------
    FileProblem
        If the file cannot be read.
    FormatError
        If it is no config, or keys are missing or out of range; all missing
        ones are named.
    """
    return from_fields(read_fields(path), name=str(path))


def read_fields(path: Path) -> Fields:
    """Read the keys of a config.json."""
    data = read_json(path, max_bytes=MAX_CONFIG_BYTES)
    if not isinstance(data, dict):
        raise FormatError(f"{path}: a config.json holds a JSON object, this one a {type(data).__name__}")
    return Fields(data, where=str(path))


def from_fields(fields: Fields, *, name: str) -> Architecture:
    """Build a model from the keys of a config."""
    inner = fields.table("text_config") or fields.table("llm_config") or fields.table("model_config")
    outer, fields = fields, inner or fields
    kind = fields.text("model_type") or outer.text("model_type")
    if not kind:
        raise FormatError(f"{fields.where}: missing model_type: this is not the config.json of a model")
    if kind in READERS:
        return _own_layout(fields, outer, kind, name)
    return _transformer(fields, outer, kind, name)


def _own_layout(fields: Fields, outer: Fields, kind: str, name: str) -> Architecture:
    fields.require("hidden_size|d_model", "num_hidden_layers|n_layer|hybrid_override_pattern", "vocab_size")
    ends = _ends(fields, outer, name, kind, tied=kind in hf_recurrent.TIED)
    return Architecture.parse({**ends, "blocks": READERS[kind](fields)}, where=fields.where)


def _transformer(fields: Fields, outer: Fields, kind: str, name: str) -> Architecture:
    known = hf_transformer.FAMILIES.get(kind)
    if known is None:
        _refuse_unless_common(fields, kind)
    fields.require(*hf_transformer.needed(kind))
    family = known or hf_transformer.Family()
    ends = _ends(fields, outer, name, kind, tied=family.tied)
    if kind in POSITION_OFFSETS:
        rows = fields.whole("n_positions", "max_position_embeddings")
        ends["learned_positions"] = rows + POSITION_OFFSETS[kind]
    rest = {
        "norm_bias": family.norm_bias,
        "head_bias": kind in HEAD_BIASED,
        "blocks": hf_transformer.blocks(fields, kind, family),
        "notes": None if known else f"model_type '{kind}' is not known and was read like llama",
    }
    return Architecture.parse({**ends, **rest}, where=fields.where)


def _refuse_unless_common(fields: Fields, kind: str) -> None:
    try:
        fields.require(*hf_transformer.needed(kind))
    except FormatError as problem:
        raise FormatError(f"{problem}; model_type '{kind}' is not known, so these are needed") from None
    strange = [name for name in UNREAD if name in fields]
    if strange:
        raise FormatError(
            f"{fields.where}: model_type '{kind}' is not known, and its {', '.join(strange)} "
            "cannot be read without knowing it"
        )


def _ends(fields: Fields, outer: Fields, name: str, kind: str, *, tied: bool) -> dict[str, object]:
    """Read what stands around the layers."""
    tied = fields.flag("tie_word_embeddings", default=outer.flag("tie_word_embeddings", default=tied))
    quantized = outer.table("quantization_config")
    dtype = fields.text("torch_dtype", "dtype") or outer.text("torch_dtype", "dtype")
    return {
        "id": name,
        "name": name,
        "family": kind,
        "hidden": hf_transformer.hidden_size(fields),
        "vocab": fields.whole("vocab_size"),
        "tied": tied,
        "max_context": fields.optional("max_position_embeddings", "n_positions", "context_window_size"),
        "native_dtype": (quantized.text("quant_method") if quantized else "") or dtype or None,
        "source": name,
    }
