"""Llama 4 of Hugging Face: chunked attention, experts in every n-th layer beside a shared one."""

from workloads.architecture import Block
from workloads.feed_forward import Dense, MixtureOfExperts
from workloads.mixers import Attention
from workloads.readers.fields import Fields
from workloads.readers.layers import grouped

GLOBAL_EVERY = 4
"""Every fourth layer attends to everything, without rotary positions, unless the file says otherwise."""


def blocks(fields: Fields) -> tuple[Block, ...]:
    """Return the layers of a Llama 4 text model."""
    fields.require(
        "hidden_size", "num_attention_heads", "num_local_experts", "num_experts_per_tok",
        "intermediate_size", "intermediate_size_mlp",
    )  # fmt: skip
    width = fields.whole("intermediate_size")
    experts = MixtureOfExperts(
        experts=fields.whole("num_local_experts"),
        per_token=fields.whole("num_experts_per_tok"),
        width=width,
        shared_width=width,
    )
    dense = Dense(width=fields.whole("intermediate_size_mlp"))
    every = fields.whole("interleave_moe_layer_step", default=1)

    def layer(index: int) -> Block:
        part = experts if (index + 1) % every == 0 else dense
        return Block(count=1, mixers=(_attention(fields, index),), feed_forwards=(part,))

    return grouped(fields.whole("num_hidden_layers"), layer, where=fields.where)


def _attention(fields: Fields, index: int) -> Attention:
    heads = fields.whole("num_attention_heads")
    is_global = (index + 1) % fields.whole("no_rope_layer_interval", default=GLOBAL_EVERY) == 0
    return Attention(
        heads=heads,
        kv_heads=fields.whole("num_key_value_heads", default=heads),
        head_dim=fields.whole("head_dim", default=max(1, fields.whole("hidden_size") // heads)),
        chunk=None if is_global else fields.optional("attention_chunk_size"),
        rotary=not is_global,
    )
