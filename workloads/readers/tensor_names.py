"""What a tensor of a Hugging Face checkpoint belongs to, told by its name."""

import re
from enum import StrEnum
from typing import Final

from workloads.readers.safetensors import StoredTensor


class Part(StrEnum):
    """Which part of a model a tensor is stored for."""

    LINEAR = "linear"
    """Linear layers and what their quantization adds: scales, zeros, orders."""
    ATTENTION = "attention"
    """Those of the attention, where it may be stored otherwise (latent attention)."""
    EXPERT = "expert"
    PLAIN = "plain"
    """Norms, biases, routers, convolutions, positions."""
    EMBEDDING = "embedding"
    HEAD = "head"
    BESIDE = "beside"
    """Encoders of images and sound."""
    DRAFT = "draft"
    """Layers that only draft tokens."""


_LAYER: Final = re.compile(r"(?:^|\.)(?:layers|h|blocks|block|layer)\.(\d{1,6})\.(.+)$")
_BESIDE: Final = re.compile(r"(?:^|\.)(?:vis|visual|audio|image|mm_proj|multi_modal|multimodal|sound|speech)")
_DRAFT: Final = re.compile(r"(?:^|\.)(?:mtp|nextn|eagle|draft)")
_EMBEDDING: Final = re.compile(
    r"(?:^|\.)(?:embed_tokens|wte|word_embeddings|tok_embeddings|embeddings|embedding|embed_in)\b"
)
_HEAD: Final = re.compile(r"(?:^|\.)(?:lm_head|embed_out|output|head)\.[^.]+$")
_ROUTER: Final = re.compile(r"(?:^|\.)(?:gate|router|wg|shared_expert_gate)\.|router\.")
_EXPERT: Final = re.compile(r"(?:^|\.)(?:experts|local_experts)\.")
_STATE: Final = re.compile(
    r"(?:^|\.)(?:A_log|D|dt_bias|conv1d|[qkv]_conv1d|sinks|time_\w+|rotary_emb)(?:\.|$)|norm|_ln\b|\bln_"
)
_BIAS: Final = re.compile(r"(?:[._]bias|e_score_correction_bias)$")
_PACKING: Final = re.compile(
    r"(?:qweight|qzeros|scales|g_idx|weight_packed|weight_scale\w*|weight_zero_point|weight_shape"
    r"|weight_g_idx|input_scale|[kv]_scale|_blocks|_scales|absmax|quant_map|nested_\w+|quant_state\S*)$"
)
_ATTENTION: Final = re.compile(r"(?:^|\.)(?:self_attn|attn|attention|mixer_attn)\.")


def part_of(tensor: StoredTensor, *, layers: int) -> Part:
    """Return the part that a tensor is stored for.

    Parameters
    ----------
    layers : int
        Layers of the model itself; later ones draft.
    """
    name = tensor.name
    if _BESIDE.search(name):
        return Part.BESIDE
    if _DRAFT.search(name):
        return Part.DRAFT
    layer = _LAYER.search(name)
    if layer is None:
        return _end(name)
    return Part.DRAFT if int(layer[1]) >= layers else _of_layer(layer[2], tensor)


def _end(name: str) -> Part:
    if _EMBEDDING.search(name):
        return Part.EMBEDDING
    return Part.HEAD if _HEAD.search(name) and not _STATE.search(name) else Part.PLAIN


def _of_layer(rest: str, tensor: StoredTensor) -> Part:
    if _BIAS.search(rest) or _STATE.search(rest):
        return Part.PLAIN
    if _EXPERT.search(rest):
        return Part.EXPERT
    if _ROUTER.search(rest):
        return Part.PLAIN
    is_matrix = sum(length > 1 for length in tensor.shape) > 1
    if not is_matrix and not _PACKING.search(rest):
        return Part.PLAIN
    return Part.ATTENTION if _ATTENTION.search(rest) else Part.LINEAR
