"""Transformer families of Hugging Face: what each adds to the common keys."""

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from workloads.architecture import Block
from workloads.feed_forward import Dense, FeedForward, MixtureOfExperts
from workloads.mixers import Attention, Indexer, LatentAttention, Mixer
from workloads.readers.fields import Fields
from workloads.readers.layers import grouped


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """Defaults of one `model_type`, which keys of the file may override.

    `every` names the period of layers with full attention where others slide.
    """

    gated: bool = True
    qkv_bias: bool = False
    out_bias: bool = False
    mlp_bias: bool = False
    norm_bias: bool = False
    qk_norm: bool = False
    out_gate: bool = False
    norms: int = 2
    tied: bool = False
    rotary: bool = True
    learned_positions: int | None = None
    every: int | None = None
    slides: bool = True
    shared_gate: bool = False
    expert_bias: bool = False


BIASED: Final = Family(gated=False, qkv_bias=True, out_bias=True, mlp_bias=True, norm_bias=True, tied=True)

FAMILIES: Final = MappingProxyType(
    {
        "llama": Family(), "mistral": Family(), "mixtral": Family(), "ministral": Family(),
        "qwen2": Family(qkv_bias=True, slides=False), "qwen3": Family(qk_norm=True, slides=False),
        "qwen2_moe": Family(qkv_bias=True, slides=False, shared_gate=True),
        "qwen3_moe": Family(qk_norm=True, slides=False),
        "gemma": Family(tied=True), "gemma2": Family(tied=True, norms=4, every=2),
        "gemma3_text": Family(tied=True, norms=4, every=6, qk_norm=True),
        "phi3": Family(), "phimoe": Family(),
        "phi": Family(gated=False, qkv_bias=True, out_bias=True, mlp_bias=True, norm_bias=True, norms=1),
        "olmo": Family(norms=0), "olmo2": Family(qk_norm=True), "olmoe": Family(qk_norm=True),
        "granite": Family(tied=True), "granitemoe": Family(tied=True), "stablelm": Family(norm_bias=True),
        "starcoder2": BIASED, "cohere": Family(tied=True, norms=1),
        "cohere2": Family(tied=True, norms=1, every=4), "smollm3": Family(tied=True),
        "internlm2": Family(), "internlm3": Family(), "baichuan": Family(), "yi": Family(),
        "glm": Family(qkv_bias=True), "glm4": Family(norms=4), "glm4_moe": Family(qkv_bias=True),
        "minimax_m2": Family(), "gpt_oss": Family(qkv_bias=True, out_bias=True, every=2, expert_bias=True),
        "deepseek_v2": Family(), "deepseek_v3": Family(), "deepseek_v32": Family(), "kimi_k2": Family(),
        "glm4_moe_lite": Family(), "glm_moe_dsa": Family(),
        "gpt2": BIASED, "opt": BIASED, "bloom": BIASED, "gpt_bigcode": BIASED,
        "gpt_neox": Family(gated=False, qkv_bias=True, out_bias=True, mlp_bias=True, norm_bias=True),
        "gptj": Family(gated=False, mlp_bias=True, norm_bias=True, norms=1),
        "falcon": Family(gated=False, norm_bias=True, norms=1, tied=True),
    }
)  # fmt: skip
"""Biases, norms and ties as in the modelling code of Transformers."""

UNGATED: Final = ("gpt2", "opt", "bloom", "gpt_bigcode", "starcoder2", "gpt_neox", "gptj", "falcon", "phi")
UNROTATED: Final = ("gpt2", "opt", "bloom", "gpt_bigcode")

NEEDED: Final = (
    "hidden_size|n_embd|n_embed|d_model",
    "num_hidden_layers|n_layer|n_layers",
    "num_attention_heads|n_head|n_heads",
    "vocab_size",
)
"""Keys without which no transformer can be read."""


def needed(kind: str) -> tuple[str, ...]:
    """Return the keys that a family cannot do without."""
    return NEEDED if kind in UNGATED else (*NEEDED, "intermediate_size|moe_intermediate_size")


def blocks(fields: Fields, kind: str, family: Family) -> tuple[Block, ...]:
    """Return the layers of a transformer."""
    count = fields.whole("num_hidden_layers", "n_layer", "n_layers")

    def layer(index: int) -> Block:
        return Block(
            count=1,
            mixers=(_mixer(fields, kind, family, index),),
            feed_forwards=(_feed_forward(fields, kind, family, index),),
            norms=_norms(fields, kind, family),
        )

    return grouped(count, layer, where=fields.where)


def hidden_size(fields: Fields) -> int:
    """Return the width of the hidden state."""
    return fields.whole("hidden_size", "n_embd", "n_embed", "d_model")


def _norms(fields: Fields, kind: str, family: Family) -> int:
    if kind == "falcon" and fields.flag("new_decoder_architecture"):
        return fields.whole("num_ln_in_parallel_attn", default=2)
    return family.norms


def _mixer(fields: Fields, kind: str, family: Family, index: int) -> Mixer:
    if "kv_lora_rank" in fields:
        return _latent(fields)
    heads = fields.whole("num_attention_heads", "n_head", "n_heads")
    hidden = hidden_size(fields)
    return Attention(
        heads=heads,
        kv_heads=_kv_heads(fields, kind, heads),
        head_dim=fields.whole("head_dim", default=max(1, hidden // heads)),
        window=_window(fields, family, index),
        qkv_bias=fields.flag(
            "attention_bias", "qkv_bias", "use_qkv_bias", "use_bias", "bias", default=family.qkv_bias
        ),
        out_bias=_out_bias(fields, kind, family),
        qk_norm=fields.flag("use_qk_norm", default=family.qk_norm),
        out_gate=family.out_gate,
        rotary=kind not in UNROTATED,
    )


def _out_bias(fields: Fields, kind: str, family: Family) -> bool:
    """Biases of the output: Llama's attention_bias means all four projections, Qwen's and GLM's three."""
    if kind in ("llama", "gpt_oss", "granite"):
        return fields.flag("attention_bias", default=family.out_bias)
    return fields.flag("use_bias", "bias", default=family.out_bias)


def _kv_heads(fields: Fields, kind: str, heads: int) -> int:
    if kind == "falcon" and not fields.flag("new_decoder_architecture"):
        return 1 if fields.flag("multi_query", default=True) else heads
    if kind == "gpt_bigcode":
        return 1 if fields.flag("multi_query", default=True) else heads
    return fields.whole("num_key_value_heads", "num_kv_heads", "n_head_kv", default=heads)


def _window(fields: Fields, family: Family, index: int) -> int | None:
    """Sliding window of a layer: by `layer_types`, by a pattern, or the same for all."""
    window = fields.optional("sliding_window")
    kinds = fields.items("layer_types")
    if index < len(kinds):
        return window if kinds[index] == "sliding_attention" else None
    if window is None or not fields.flag("use_sliding_window", default=family.slides):
        return None
    every = fields.optional("sliding_window_pattern") or family.every
    return None if every is not None and (index + 1) % every == 0 else window


def _latent(fields: Fields) -> LatentAttention:
    fields.require("num_attention_heads", "qk_rope_head_dim", "qk_nope_head_dim", "v_head_dim")
    indexer = None
    if "index_topk" in fields:
        heads, dim = fields.whole("index_n_heads"), fields.whole("index_head_dim")
        indexer = Indexer(heads=heads, dim=dim, top_k=fields.whole("index_topk"))
    return LatentAttention(
        heads=fields.whole("num_attention_heads"),
        q_lora=fields.optional("q_lora_rank"),
        kv_lora=fields.whole("kv_lora_rank"),
        rope_dim=fields.whole("qk_rope_head_dim"),
        nope_dim=fields.whole("qk_nope_head_dim"),
        v_dim=fields.whole("v_head_dim"),
        indexer=indexer,
    )


def _feed_forward(fields: Fields, kind: str, family: Family, index: int) -> FeedForward:
    experts = fields.optional("num_local_experts", "num_experts", "n_routed_experts")
    if experts and _routes(fields, index):
        return _experts(fields, family, experts)
    hidden = hidden_size(fields)
    default = hidden * 4 if kind in UNGATED else None
    width = fields.whole("intermediate_size", "n_inner", "ffn_dim", "ffn_hidden_size", default=default)
    bias = fields.flag("mlp_bias", "use_bias", "bias", "enable_bias", default=family.mlp_bias)
    return Dense(width=width, gated=family.gated, bias=bias)


def _routes(fields: Fields, index: int) -> bool:
    """Say whether a layer is one with experts."""
    if index < fields.whole("first_k_dense_replace", default=0, least=0):
        return False
    if index in fields.items("mlp_only_layers"):
        return False
    every = fields.whole("decoder_sparse_step", "moe_layer_freq", default=1)
    return (index + 1) % every == 0


def _experts(fields: Fields, family: Family, experts: int) -> MixtureOfExperts:
    width = fields.whole("moe_intermediate_size", "intermediate_size")
    shared = fields.whole("shared_expert_intermediate_size", "shared_intermediate_size", default=0, least=0)
    shared = shared or width * fields.whole("n_shared_experts", default=0, least=0)
    return MixtureOfExperts(
        experts=experts,
        per_token=fields.whole("num_experts_per_tok", "experts_per_token"),
        width=width,
        shared_width=shared,
        shared_gate=family.shared_gate and shared > 0,
        expert_bias=family.expert_bias,
    )
