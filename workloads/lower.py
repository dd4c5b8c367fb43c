"""A step of inference as operations: exact flop and byte counts, no machine in sight."""

from collections.abc import Iterator
from dataclasses import replace

from workloads.architecture import Architecture, Block
from workloads.lowering.attention import compressed_ops, latent_ops, softmax_ops
from workloads.lowering.feed_forward import feed_forward_ops
from workloads.lowering.messages import end_messages, feed_forward_messages, mixer_messages
from workloads.lowering.recurrent import recurrent_ops
from workloads.lowering.site import Site
from workloads.matrix import Matrix
from workloads.mixers import Attention, CompressedAttention, LatentAttention, Mixer, SharedAttention
from workloads.ops import Op, OpKind, Step
from workloads.shard import WHOLE, Shard
from workloads.storage import KvFormat, WeightFormat


def lower(
    architecture: Architecture,
    step: Step,
    *,
    weights: WeightFormat,
    kv: KvFormat,
    shard: Shard = WHOLE,
) -> tuple[Op, ...]:
    """Return what one device computes and sends in one step.

    Parameters
    ----------
    architecture : Architecture
        The model.
    step : Step
        The batch of the whole instance; every amount may be an array, and all
        amounts of the ops broadcast with them.
    weights, kv : WeightFormat, KvFormat
        How weights and cache are stored.
    shard : Shard
        How the model is cut.

    Returns
    -------
    tuple of Op
        In the order of a forward pass. Counts are those of one device of an
        average pipeline stage: 1/pp of every layer group, of the embedding and
        of the head, so that pp stages make the whole. With attention_dp, a
        device sees its share of the tokens in attention, dense parts and head,
        and its share of the experts for all tokens.

    Raises
    ------
    InvalidInput
        If moe_tp x moe_ep does not cover the devices of a stage.

    Examples
    --------
    >>> from workloads import formats, models
    >>> ops = lower(models.get("llama-2-7b"), Step(decode_sequences=1.0, decode_context=99.0),
    ...             weights=formats.get("F16"), kv=formats.kv())
    >>> round(sum(op.flop for op in ops) / 1e9, 1)
    13.3
    """
    ends = _ends(architecture, step, weights=weights, kv=kv, shard=shard)
    ops = [_embedding(architecture, ends)]
    for block in architecture.blocks:
        ops += _block_ops(block, replace(ends, calls=block.count / shard.pp))
    return (*ops, *_head(architecture, ends), *end_messages(architecture, ends))


def _ends(
    architecture: Architecture, step: Step, *, weights: WeightFormat, kv: KvFormat, shard: Shard
) -> Site:
    """Return where embedding and head stand; layers differ from it in their number alone."""
    groups = float(shard.attention_dp)
    return Site(
        hidden=architecture.hidden,
        calls=1.0 / shard.pp,
        step=replace(
            step,
            prefill_sequences=step.prefill_sequences / groups,
            decode_sequences=step.decode_sequences / groups,
        ),
        instance_tokens=step.tokens,
        weights=weights,
        kv=kv,
        shard=shard,
        has_experts=architecture.has_experts,
    )


def _block_ops(block: Block, site: Site) -> Iterator[Op]:
    if block.norms:
        yield site.norm("norm", block.norms)
    for mixer in block.mixers:
        yield from _mixer_ops(mixer, site)
    yield from mixer_messages(block, site)
    for part in block.feed_forwards:
        yield from feed_forward_ops(part, site)
    yield from feed_forward_messages(block, site)


def _mixer_ops(mixer: Mixer, site: Site) -> Iterator[Op]:
    if isinstance(mixer, (Attention, SharedAttention)):
        return softmax_ops(mixer, site)
    if isinstance(mixer, LatentAttention):
        return latent_ops(mixer, site)
    if isinstance(mixer, CompressedAttention):
        return compressed_ops(mixer, site)
    return recurrent_ops(mixer, site)


def _embedding(architecture: Architecture, site: Site) -> Op:
    """Gather one row of the table per token; each device of a group looks up its share."""
    storage = site.weights.head if architecture.tied else site.weights.embedding
    values = site.step.tokens * architecture.hidden
    return Op(
        kind=OpKind.EMBEDDING,
        name="embedding",
        calls=site.calls,
        weight_bytes=site.calls * values * storage.bits / 8 / site.shard.tp,
        activation_bytes=site.activation(values),
        dtype=site.weights.other_dtype,
        weight_format=storage.format,
        rows=site.step.tokens,
    )


def _head(architecture: Architecture, site: Site) -> Iterator[Op]:
    """Norm the last hidden state, then compute logits for the sequences that need them."""
    yield site.norm("final_norm")
    outputs = architecture.vocab / site.shard.tp
    matrix = Matrix(name="lm_head", inputs=architecture.hidden, outputs=outputs)
    yield site.matmul(matrix, site.step.sequences, storage=site.weights.head)
