"""The weight format that a checkpoint says it is in: `quantization_config`, or `hf_quant_config.json`."""

from pathlib import Path
from types import MappingProxyType
from typing import Final

from tonnage.errors import FormatError
from tonnage.files import read_json
from workloads import format_catalog
from workloads.readers.fields import Fields
from workloads.storage import WeightFormat

MAX_CONFIG_BYTES: Final = 16 * 2**20

DTYPES: Final = MappingProxyType({"bfloat16": "BF16", "float16": "F16", "float32": "F32"})

SIMPLE: Final = MappingProxyType(
    {
        "fbgemm_fp8": "FP8_W8A8", "mxfp4": "MXFP4_W4A16", "hqq": "HQQ_INT4", "quanto": "QUANTO_INT4",
    }
)  # fmt: skip
"""Methods with one format."""

ALGORITHMS: Final = MappingProxyType(
    {
        "FP8": "FP8_W8A8_TENSOR", "FP8_PER_CHANNEL_PER_TOKEN": "FP8_W8A8", "FP8_PB_WO": "FP8_BLOCK128",
        "FP8_BLOCK_SCALES": "FP8_BLOCK128", "NVFP4": "NVFP4_W4A4", "NVFP4_AWQ": "NVFP4_W4A4",
        "MXFP8": "MXFP8", "W4A8_AWQ": "W4A8_AWQ_FP8", "W4A16_AWQ": "AWQ_INT4_G128", "W8A16": "INT8_W8A16",
        "W8A8_SQ_PER_CHANNEL": "INT8_W8A8_SQ",
    }
)  # fmt: skip
"""`quant_algo` of NVIDIA's Model Optimizer: vLLM docs/features/quantization/modelopt.md."""

GROUPED: Final = MappingProxyType({("gptq", 4): "GPTQ_INT4_G128", ("gptq", 3): "GPTQ_INT3_G128",
                                   ("awq", 4): "AWQ_INT4_G128", ("awq", 3): "AWQ_INT3_G128",
                                   ("gptq", 8): "INT8_W8A16"})  # fmt: skip
SCALE_BITS: Final = 16
"""Of one scale per group; its zero has as many bits as a weight."""


def stated_format(folder: Path, config: Fields) -> WeightFormat | None:
    """Return the quantized format that a checkpoint states, None if it states none.

    Raises
    ------
    FormatError
        If it states one that is not known; name it with `--weights` instead.
    """
    table = config.table("quantization_config") or (
        text.table("quantization_config") if (text := config.table("text_config")) else None
    )
    beside = folder / "hf_quant_config.json"
    if table is None and beside.is_file():
        table = _beside(beside)
    if table is None:
        return _mlc(config)
    return _quantized(table)


def _beside(path: Path) -> Fields | None:
    data = read_json(path, max_bytes=MAX_CONFIG_BYTES)
    if not isinstance(data, dict):
        raise FormatError(f"{path}: holds no JSON object")
    return Fields(data, where=str(path)).table("quantization")


def _mlc(config: Fields) -> WeightFormat | None:
    """Read the `quantization` of an mlc-chat-config.json."""
    name = config.text("quantization") if config.is_text("quantization") else ""
    return format_catalog.get(name) if name else None


def _quantized(table: Fields) -> WeightFormat | None:
    inner = table.table("quantization")
    table = inner or table
    algorithm = table.text("quant_algo").upper()
    if algorithm:
        return format_catalog.get(_known(algorithm, ALGORITHMS.get(algorithm), table))
    method = table.text("quant_method").lower().replace("_", "-")
    if method == "fp8":
        return format_catalog.get("FP8_BLOCK128" if table.numbers("weight_block_size") else "FP8_W8A8")
    if method == "compressed-tensors":
        return _compressed(table)
    if method == "bitsandbytes":
        return format_catalog.get(_bitsandbytes(table))
    if method in ("gptq", "awq"):
        return _grouped(method, table.whole("bits", "w_bit"), _group_size(table), table)
    return format_catalog.get(_known(method, SIMPLE.get(method.replace("-", "_")), table))


def _known(name: str, found: str | None, table: Fields) -> str:
    if found is None:
        raise FormatError(
            f"{table.where}: the quantization {name[:40]!r} is not known here; name a weight format instead "
            "(--weights)"
        )
    return found


def _bitsandbytes(table: Fields) -> str:
    if table.flag("load_in_8bit", "_load_in_8bit"):
        return "BNB_INT8"
    return "BNB_FP4" if table.text("bnb_4bit_quant_type", default="nf4") == "fp4" else "BNB_NF4"


def _group_size(table: Fields) -> int | None:
    """Return weights per scale; -1 is one scale per row."""
    size = table.whole("group_size", "q_group_size", default=128, least=-1)
    return size if size > 0 else None


def _grouped(method: str, bits: int, group: int | None, table: Fields) -> WeightFormat:
    like = format_catalog.get(_known(f"{method} of {bits} bits", GROUPED.get((method, bits)), table))
    if bits == 8 or group == 128:
        return like
    return like.model_copy(update={"bits_per_weight": bits + ((SCALE_BITS + bits) / group if group else 0)})


def _compressed(table: Fields) -> WeightFormat | None:
    """Read the first group of weights; parts of other groups are seen in the tensors' bytes."""
    groups = table.table("config_groups")
    first = next((part for name in groups.names() if (part := groups.table(name))), None) if groups else None
    weights = first.table("weights") if first else None
    if first is None or weights is None:
        raise FormatError(f"{table.where}: missing config_groups with weights")
    bits, kind = weights.whole("num_bits"), weights.text("type", default="int")
    inputs = first.table("input_activations")
    input_bits = inputs.whole("num_bits") if inputs else 16
    group = weights.optional("group_size")
    if kind == "float" and bits == 8:
        blocks = weights.text("strategy") == "block"
        return format_catalog.get("FP8_W8A16" if inputs is None else "FP8_BLOCK128" if blocks else "FP8_W8A8")
    if kind == "float" and bits == 4:
        return format_catalog.get("MXFP4_W4A16" if group == 32 else "NVFP4_W4A4")
    if bits == 8:
        return format_catalog.get("INT8_W8A8" if input_bits == 8 else "INT8_W8A16")
    if input_bits == 8:
        return format_catalog.get("W4A8_AWQ_FP8")
    return _grouped("gptq", bits, group, weights)
