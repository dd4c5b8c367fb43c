"""What devices of a shard send each other within a step: payload bytes per device.

An all-reduce of S bytes counts S; the gather of a result that is S bytes in
all moves half of what its all-reduce would, so it counts S / 2.
"""

from collections.abc import Iterator

from workloads.architecture import Architecture, Block
from workloads.feed_forward import MixtureOfExperts
from workloads.lowering.site import Site
from workloads.mixers import Mamba1
from workloads.ops import Amount, Op, OpKind


def _message(site: Site, kind: OpKind, name: str, values: Amount, *, group: int) -> Op:
    return Op(
        kind=kind,
        name=name,
        calls=site.calls,
        message_bytes=site.activation(values),
        dtype=site.weights.other_dtype,
        rows=site.step.tokens,
        group=group,
    )


def mixer_messages(block: Block, site: Site) -> Iterator[Op]:
    """Yield the sum of partial outputs over the tensor-parallel group."""
    tp, tokens = site.shard.tp, site.step.tokens
    if tp == 1 or not block.mixers:
        return
    for mixer in block.mixers:
        if isinstance(mixer, Mamba1):
            values = tokens * (mixer.dt_rank + 2 * mixer.d_state)
            yield _message(site, OpKind.ALL_REDUCE, "ssm.select.sum", values, group=tp)
    yield _message(site, OpKind.ALL_REDUCE, "mixer.sum", tokens * site.hidden, group=tp)


def feed_forward_messages(block: Block, site: Site) -> Iterator[Op]:
    """Yield the sum of partial outputs; experts spread over data-parallel groups need more.

    With attention_dp, tokens of all groups meet at the experts: an all-to-all
    to the devices that hold the chosen ones and back if experts are split by
    number, else a gather and a scattered sum, which together move what one
    all-reduce of all tokens does.
    """
    shard, tokens = site.shard, site.step.tokens
    routed = [part for part in block.feed_forwards if isinstance(part, MixtureOfExperts)]
    if shard.attention_dp > 1 and routed:
        yield from _expert_exchange(routed[0], site)
    if shard.tp > 1 and block.feed_forwards:
        yield _message(site, OpKind.ALL_REDUCE, "mlp.sum", tokens * site.hidden, group=shard.tp)


def _expert_exchange(part: MixtureOfExperts, site: Site) -> Iterator[Op]:
    moe_tp, moe_ep = site.shard.expert_cut
    width = part.latent or site.hidden
    if moe_ep == 1:
        values, group = site.instance_tokens * width, site.shard.stage_devices
        yield _message(site, OpKind.ALL_REDUCE, "moe.sum", values, group=group)
        return
    away = (moe_ep - 1) * (1 - (1 - 1 / moe_ep) ** part.per_token)
    for name in ("moe.dispatch", "moe.combine"):
        values = site.instance_tokens / site.shard.stage_devices * away * width
        yield _message(site, OpKind.ALL_TO_ALL, name, values, group=moe_ep)
    if moe_tp > 1:
        values = site.instance_tokens / moe_ep * width
        yield _message(site, OpKind.ALL_REDUCE, "moe.sum", values, group=moe_tp)


def end_messages(architecture: Architecture, site: Site) -> Iterator[Op]:
    """Yield the sum of the split embedding, the gather of the logits, and the hand-over between stages."""
    shard, step = site.shard, site.step
    if shard.tp > 1:
        embedded = step.tokens * site.hidden
        yield _message(site, OpKind.ALL_REDUCE, "embedding.sum", embedded, group=shard.tp)
        logits = step.sequences * architecture.vocab / 2
        yield _message(site, OpKind.ALL_REDUCE, "lm_head.gather", logits, group=shard.tp)
    if shard.pp > 1:
        hops = shard.pp - 1
        yield Op(
            kind=OpKind.SEND_RECV,
            name="stage.send",
            calls=hops * site.calls,
            message_bytes=hops * site.activation(step.tokens * site.hidden),
            dtype=site.weights.other_dtype,
            rows=step.tokens,
            group=shard.pp,
        )
