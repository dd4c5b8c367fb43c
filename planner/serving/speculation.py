"""Speculative decoding: a small model drafts k tokens, the large one checks them all in one step.

A round takes T = T_check(n, k + 1) + k T_draft(n) and yields E = 1 + a + ... + a^k tokens per sequence,
so a token takes T / E (Leviathan, Kalman and Matias, "Fast inference from transformers via speculative
decoding", ICML 2023). The check is a step that feeds k + 1 tokens of each sequence at once: it reads
weights and cache as often as one token does, and computes k + 1 times as much. The drafter runs k times
inside the same engine step, so scheduling is paid once.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from planner.serving.placed import Placed, lowered
from planner.serving.placement import groups_of
from planner.serving.steady_state import Service
from planner.serving.step.ideal import Ideal, ideal
from planner.serving.step.step_time import StepTime, Values, step_time
from planner.serving.step.work import StepWork
from planner.serving.variant import drafter
from workloads.lower import lower
from workloads.ops import Op, Step

Array = NDArray[np.float64]
Index = NDArray[np.intp]
_IDEAL = ("memory_s", "compute_s", "floor_s")
NOTE = "speculative decoding is not among the runs that intervals were checked on"


@dataclass(frozen=True, slots=True)
class _Round:
    """One round at one size of the batch: its time, and its ideal seconds by slot."""

    time: StepTime
    memory_s: Array
    compute_s: Array
    floor_s: Array


def speculated(ready: Service, placed: Sequence[Placed]) -> Service:
    """Return the replica with its decode steps per token of drafted and checked rounds.

    Cases without a drafter stay as they are.
    """
    groups = [index for index in groups_of(placed) if placed[index[0]].cut.variant.draft_tokens]
    if not groups:
        return ready
    decode = [_copied(step) for step in ready.decode]
    ideals = [
        replace(one, **{name: getattr(one, name).copy() for name in _IDEAL}) for one in ready.situation.decode
    ]
    values = {**ready.values, "step_s": ready.values["step_s"].copy()}
    for index in groups:
        tokens = placed[index[0]].cut.variant.tokens_per_round
        for k in range(len(decode)):
            found = _round([placed[i] for i in index], index, ready, k)
            for field in fields(StepTime):
                getattr(decode[k], field.name)[index] = getattr(found.time, field.name) / tokens
            for name in _IDEAL:
                getattr(ideals[k], name)[..., index] = getattr(found, name) / tokens
        values["step_s"][index] /= tokens
    situation = replace(ready.situation, decode=tuple(ideals))
    return replace(ready, situation=situation, decode=tuple(decode), values=values)


def _copied(step: StepTime) -> StepTime:
    return StepTime(**{field.name: getattr(step, field.name).copy() for field in fields(StepTime)})


def _round(members: Sequence[Placed], index: Index, ready: Service, k: int) -> _Round:
    """Time of one round of a group at the k-th size of its batch."""
    first, demand = members[0], ready.situation.demand
    special = first.cut.variant
    size = ready.situation.sizes[k][index]
    context = (demand.context + demand.prompt + demand.output / 2)[index]
    own: Values = {name: values[index] for name, values in ready.values.items()}
    check = _cost(_checking(first, size, context), members, size)
    small = drafter(special, first.cut.model)
    shard = first.cut.shard
    ops = lower(
        small.architecture,
        Step(decode_sequences=size, decode_context=context),
        weights=small.weights or first.weights,
        kv=first.kv,
        shard=replace(shard, pp=1, moe_tp=1, moe_ep=1) if small.weights is not None else replace(shard, pp=1),
    )
    draft = _cost(ops, members, size)
    checked, drafted = step_time(check, own), step_time(draft, {**own, "step_s": 0.0 * own["step_s"]})
    # A drafter runs on every stage's devices once; only checks are spread over stages.
    passes = special.draft_tokens / ready.situation.stages[index]
    parts = {
        field.name: getattr(checked, field.name) + passes * getattr(drafted, field.name)
        for field in fields(StepTime)
    }
    return _Round(
        StepTime(**parts), *(getattr(check, name) + passes * getattr(draft, name) for name in _IDEAL)
    )


def _checking(first: Placed, size: Array, context: Array) -> tuple[Op, ...]:
    """Ops of a step over k + 1 tokens of each sequence; all of them need logits."""
    count = first.cut.variant.draft_tokens + 1.0
    step = Step(prefill_sequences=size, prefill_tokens=count * np.ones_like(size), prefill_context=context)
    return tuple(
        replace(op, flop=count * op.flop, activation_bytes=count * op.activation_bytes)
        if op.name == "lm_head"
        else op
        for op in lowered(first, step)
    )


def _cost(ops: Sequence[Op], members: Sequence[Placed], size: Array) -> Ideal:
    targets = {id(one.target): one.target for one in members}
    places = {key: place for place, key in enumerate(targets)}
    which = np.array([places[id(one.target)] for one in members], dtype=np.intp)
    half = np.array([one.engine.half_sums for one in members])
    found = ideal(StepWork.of(ops), list(targets.values()), which, half_sums=half)
    found.sequences[:] = size / members[0].cut.shard.attention_dp
    return found
