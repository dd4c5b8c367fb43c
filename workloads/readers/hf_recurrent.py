"""Recurrent and hybrid families of Hugging Face."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from tonnage.errors import FormatError
from workloads.architecture import Block
from workloads.feed_forward import Dense, FeedForward, MixtureOfExperts
from workloads.mixers import Attention, GatedDeltaNet, Mamba1, Mamba2, Mixer
from workloads.readers.fields import Fields
from workloads.readers.layers import grouped


def _mamba1(fields: Fields) -> Mamba1:
    """Mamba-1 under the names of Mamba, Falcon Mamba and Jamba."""
    hidden = fields.whole("hidden_size", "d_model")
    inner = fields.whole("intermediate_size", default=0, least=0) if "mamba_expand" not in fields else 0
    inner = inner or hidden * fields.whole("expand", "mamba_expand", default=2)
    rank = "time_step_rank" if "time_step_rank" in fields else "mamba_dt_rank"
    automatic = rank not in fields or fields.is_text(rank)
    return Mamba1(
        d_inner=inner,
        d_state=fields.whole("state_size", "mamba_d_state", default=16),
        d_conv=fields.whole("conv_kernel", "mamba_d_conv", default=4),
        dt_rank=-(-hidden // 16) if automatic else fields.whole(rank),
    )


def _mamba2(fields: Fields) -> Mamba2:
    """Mamba-2 under the names of Mamba-2, Nemotron-H, Bamba, Granite and Falcon-H1."""
    hidden = fields.whole("hidden_size", "d_model")
    heads = fields.whole("mamba_num_heads", "mamba_n_heads", "num_heads")
    inner = fields.optional("mamba_d_ssm")
    if (
        inner is None
        and ("mamba_head_dim" in fields or "head_dim" in fields)
        and "mamba_n_heads" not in fields
    ):
        inner = heads * fields.whole("mamba_head_dim", "head_dim")
    return Mamba2(
        d_inner=inner or hidden * fields.whole("mamba_expand", "expand", default=2),
        d_state=fields.whole("mamba_d_state", "ssm_state_size", "state_size"),
        d_conv=fields.whole("mamba_d_conv", "conv_kernel", default=4),
        heads=heads,
        n_groups=fields.whole("mamba_n_groups", "n_groups", default=1),
    )


def _attention(fields: Fields, *, rotary: bool = True) -> Attention:
    heads = fields.whole("num_attention_heads")
    return Attention(
        heads=heads,
        kv_heads=fields.whole("num_key_value_heads", default=heads),
        head_dim=fields.whole(
            "head_dim", "attention_head_dim", default=max(1, fields.whole("hidden_size") // heads)
        ),
        rotary=rotary,
    )


def _layers(fields: Fields) -> int:
    return fields.whole("num_hidden_layers", "n_layer")


def _pure(mixer: Callable[[Fields], Mixer]) -> Callable[[Fields], tuple[Block, ...]]:
    """Every layer is one norm and one mixer."""

    def read(fields: Fields) -> tuple[Block, ...]:
        block = Block(count=1, mixers=(mixer(fields),), norms=1)
        return grouped(_layers(fields), lambda _: block, where=fields.where)

    return read


def _jamba(fields: Fields) -> tuple[Block, ...]:
    """Read attention and experts at their periods and offsets."""
    fields.require("hidden_size", "num_attention_heads", "intermediate_size", "num_experts_per_tok")
    mamba, attention = _mamba1(fields), _attention(fields, rotary=False)
    width = fields.whole("intermediate_size")
    dense = Dense(width=width)
    per_token = fields.whole("num_experts_per_tok", default=2)
    experts = MixtureOfExperts(
        experts=fields.whole("num_experts", default=16), per_token=per_token, width=width
    )
    attends = _periodic(fields, "attn_layer", period=8, offset=4)
    routes = _periodic(fields, "expert_layer", period=2, offset=1)

    def layer(index: int) -> Block:
        mixer = attention if attends(index) else mamba
        return Block(count=1, mixers=(mixer,), feed_forwards=(experts if routes(index) else dense,))

    return grouped(_layers(fields), layer, where=fields.where)


def _periodic(fields: Fields, name: str, *, period: int, offset: int) -> Callable[[int], bool]:
    period = fields.whole(f"{name}_period", default=period)
    offset = fields.whole(f"{name}_offset", default=offset, least=0)
    return lambda index: index % period == offset


def _nemotron_h(fields: Fields) -> tuple[Block, ...]:
    """Read one letter per layer: M Mamba-2, * attention, - MLP, E experts."""
    fields.require("hidden_size", "hybrid_override_pattern", "intermediate_size", "num_attention_heads")
    pattern = fields.text("hybrid_override_pattern")
    width = fields.whole("intermediate_size")
    parts: dict[str, Block] = {
        "M": Block(count=1, mixers=(_mamba2(fields),), norms=1),
        "*": Block(count=1, mixers=(_attention(fields, rotary=False),), norms=1),
        "-": Block(count=1, feed_forwards=(Dense(width=width, gated=False),), norms=1),
    }
    if "n_routed_experts" in fields:
        parts["E"] = Block(count=1, feed_forwards=(_nemotron_experts(fields),), norms=1)
    unknown = sorted(set(pattern) - set(parts))
    if unknown:
        raise FormatError(f"{fields.where}: hybrid_override_pattern has the unknown layer '{unknown[0]}'")
    return grouped(len(pattern), lambda index: parts[pattern[index]], where=fields.where)


def _nemotron_experts(fields: Fields) -> MixtureOfExperts:
    return MixtureOfExperts(
        experts=fields.whole("n_routed_experts"),
        per_token=fields.whole("num_experts_per_tok"),
        width=fields.whole("moe_intermediate_size"),
        gated=False,
        shared_width=fields.whole("moe_shared_expert_intermediate_size", default=0, least=0)
        * fields.whole("n_shared_experts", default=1, least=0),
        latent=fields.optional("moe_latent_size"),
    )


def _qwen3_next(fields: Fields) -> tuple[Block, ...]:
    """Read gated delta nets with full attention in every n-th layer, experts in all."""
    fields.require("hidden_size", "num_attention_heads", "linear_num_key_heads", "linear_num_value_heads")
    linear = GatedDeltaNet(
        key_heads=fields.whole("linear_num_key_heads"),
        value_heads=fields.whole("linear_num_value_heads"),
        head_dim=fields.whole("linear_key_head_dim"),
        d_conv=fields.whole("linear_conv_kernel_dim", default=4),
    )
    full = _attention(fields).model_copy(update={"qk_norm": True, "out_gate": True})
    every = fields.whole("full_attention_interval", default=4)
    part = _qwen_feed_forward(fields)

    def layer(index: int) -> Block:
        mixer: Mixer = full if (index + 1) % every == 0 else linear
        return Block(count=1, mixers=(mixer,), feed_forwards=(part,))

    return grouped(_layers(fields), layer, where=fields.where)


def _qwen_feed_forward(fields: Fields) -> FeedForward:
    experts = fields.optional("num_experts")
    if experts is None:
        return Dense(width=fields.whole("intermediate_size"))
    shared = fields.whole("shared_expert_intermediate_size", default=0, least=0)
    return MixtureOfExperts(
        experts=experts,
        per_token=fields.whole("num_experts_per_tok"),
        width=fields.whole("moe_intermediate_size"),
        shared_width=shared,
        shared_gate=shared > 0,
    )


def _hybrid_by_list(fields: Fields) -> tuple[Block, ...]:
    """Read Bamba and Granite 4: a list says which layers attend, an MLP or experts follow each."""
    fields.require("hidden_size", "num_attention_heads", "attn_layer_indices|layer_types|layers_block_type")
    kinds = fields.items("layer_types") or fields.items("layers_block_type")
    attends = {i for i, kind in enumerate(kinds) if kind in ("attention", "full_attention")}
    attends |= {i for i in fields.items("attn_layer_indices") if isinstance(i, int)}
    mamba, attention = _mamba2(fields), _attention(fields)
    part = _granite_feed_forward(fields)

    def layer(index: int) -> Block:
        mixer: Mixer = attention if index in attends else mamba
        return Block(count=1, mixers=(mixer,), feed_forwards=(part,))

    return grouped(_layers(fields), layer, where=fields.where)


def _granite_feed_forward(fields: Fields) -> FeedForward:
    experts = fields.optional("num_local_experts")
    shared = fields.whole("shared_intermediate_size", default=0, least=0)
    if experts is None:
        return Dense(width=shared or fields.whole("intermediate_size"))
    return MixtureOfExperts(
        experts=experts,
        per_token=fields.whole("num_experts_per_tok"),
        width=fields.whole("intermediate_size"),
        shared_width=shared,
    )


def _falcon_h1(fields: Fields) -> tuple[Block, ...]:
    """Read attention and Mamba-2 side by side in every layer."""
    fields.require("hidden_size", "num_attention_heads", "intermediate_size")
    block = Block(
        count=1,
        mixers=(_attention(fields), _mamba2(fields)),
        feed_forwards=(Dense(width=fields.whole("intermediate_size")),),
    )
    return grouped(_layers(fields), lambda _: block, where=fields.where)


READERS: Final[Mapping[str, Callable[[Fields], tuple[Block, ...]]]] = MappingProxyType(
    {
        "mamba": _pure(_mamba1),
        "falcon_mamba": _pure(_mamba1),
        "mamba2": _pure(_mamba2),
        "jamba": _jamba,
        "nemotron_h": _nemotron_h,
        "qwen3_next": _qwen3_next,
        "qwen3_5_text": _qwen3_next,
        "qwen3_5_moe_text": _qwen3_next,
        "bamba": _hybrid_by_list,
        "granitemoehybrid": _hybrid_by_list,
        "falcon_h1": _falcon_h1,
    }
)

TIED: Final = ("mamba", "falcon_mamba", "granitemoehybrid")
"""Families that tie the head to the embedding unless the file says otherwise."""
