"""Cases as arrays: grouped by what is lowered together, and lowered once per group."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from planner.deployment import Case, Load
from planner.serving import memory
from planner.serving.engines import Engine
from planner.serving.placed import Placed, lowered
from planner.serving.placement import distinct, groups_of
from planner.serving.step.ideal import Ideal, ideal
from planner.serving.step.target import Target
from planner.serving.step.work import StepWork
from workloads.ops import Step

Array = NDArray[np.float64]
Index = NDArray[np.intp]

ALL_QUEUED = 1e9
"""Users of a saturated load."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """Arrays over cases: tokens per request and how many run.

    `users` is the concurrency of a closed load. No user caps the batch of the others, whose memory does.
    """

    prompt: Array
    output: Array
    context: Array
    users: Array
    shared: Array | float = 0.0
    """Tokens of `context` that all sequences of a case share, so that memory holds them once."""
    at_random: NDArray[np.bool_] | bool = False
    """Whether requests come one by one, whenever they will, and not from users who wait for answers."""


def demand(cases: Sequence[Case]) -> Demand:
    """Arrays of what cases ask for; lengths are the means of their spread."""
    mean = np.array([case.mean_length_frac for case in cases])
    asked = np.array([case.isl for case in cases]) * mean
    found = asked * np.array([case.prefix_cache_hit for case in cases])
    queued = np.array([case.load is not Load.CLOSED for case in cases])
    users = np.array([case.concurrency for case in cases], dtype=np.float64)
    return Demand(
        prompt=np.maximum(asked - found, 1.0),
        output=np.maximum(np.array([case.osl for case in cases]) * mean, 1.0),
        context=np.array([case.context for case in cases]) + np.minimum(found, np.maximum(asked - 1.0, 0.0)),
        users=np.where(queued, ALL_QUEUED, users),
        shared=found * np.array([case.prefix_shared for case in cases]),
        at_random=np.array([case.load is Load.OPEN for case in cases]),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """Everything about a batch of cases that no engine coefficient changes.

    Attributes
    ----------
    decode : tuple of Ideal
        Decode steps at each of `sizes`.
    sizes : ndarray, shape (points, cases)
        Sequences of the whole instance in one micro-batch, largest first.
    mixed : Ideal
        The largest decode step with `mixed_prompts` prompt chunks on every attention-parallel group.
    prompt_chunk : Ideal
        One step over a chunk of the prompt of one sequence and nothing else.
    chunks : ndarray
        Such steps per prompt; not whole, because lengths are means.
    passes : ndarray
        Chunk times from the start of a prompt to its end through all stages.
    limit : ndarray
        Sequences that may run at once, by memory and policy; at least 1. Where not even one fits, as
        if memory were no limit, so that times are those on devices that are large enough.
    room, most : ndarray
        The two apart: what memory holds, what the policy allows.
    strain : ndarray
        See `Target.strain`.
    longest : ndarray
        Tokens that a single sequence may have, by memory alone; infinite where nothing grows.
    parts : ndarray, shape (4, cases)
        Bytes of one device in weights, activations, captured graphs and the rest of the runtime.
    stages, replicas : ndarray
        Pipeline stages; attention-parallel groups, each with its share of the sequences.
    """

    demand: Demand
    decode: tuple[Ideal, ...]
    mixed: Ideal
    prompt_chunk: Ideal
    mixed_prompts: Array
    sizes: Array
    chunks: Array
    passes: Array
    limit: Array
    stages: Array
    replicas: Array
    room: Array
    most: Array
    strain: Array
    fits: NDArray[np.bool_]
    memory_known: NDArray[np.bool_]
    fixed_bytes: Array
    sequence_bytes: Array
    longest: Array
    parts: Array


def situation(placed: Sequence[Placed], demand: Demand, *, points: int = 3) -> Situation:
    """Lower all cases, group by group.

    Parameters
    ----------
    placed, demand
        The cases.
    points : int
        Decode steps per case: three lie at the batch that users fill, at half of it and at a
        single sequence; more are spread evenly in the logarithm.
    """
    parts = [(index, _lowered(_Group(placed, index, demand), points)) for index in groups_of(placed)]
    whole: dict[str, Any] = {"demand": demand}
    for name in (field.name for field in fields(Situation) if field.name != "demand"):
        values = [getattr(part, name) for _, part in parts]
        if name == "decode":
            whole[name] = tuple(_gather(parts, [v[k] for v in values], len(placed)) for k in range(points))
        else:
            whole[name] = _gather(parts, values, len(placed))
    return Situation(**whole)


def full_prompts(placed: Sequence[Placed], demand: Demand) -> tuple[Ideal, Array]:
    """Lower the step that holds as many whole prompts as the engine's token budget, and nothing else.

    Returns
    -------
    Ideal
        Of that step.
    ndarray
        Prompts in it, of each attention-parallel group; 1 where the budget holds no second one, and the
        step is then one over a chunk.
    """
    whole, held = Ideal.zeros(len(placed)), np.ones(len(placed))
    for index in groups_of(placed):
        group = _Group(placed, index, demand)
        most = np.maximum(np.floor(group.longest / group.chunk), 1.0)
        whole.put(index, group.cost(group.with_prompts(Step(), most), most))
        held[index] = most
    return whole, held


def _gather(parts: Sequence[tuple[Index, Situation]], values: Sequence[Any], cases: int) -> Any:
    """Put the values of groups at the places of their cases."""
    if isinstance(values[0], Ideal):
        whole = Ideal.zeros(cases)
        for (index, _), value in zip(parts, values, strict=True):
            whole.put(index, value)
        return whole
    joined = np.empty((*values[0].shape[:-1], cases), dtype=values[0].dtype)
    for (index, _), value in zip(parts, values, strict=True):
        joined[..., index] = value
    return joined


class _Group:
    """Cases that are lowered together, with what differs among them as arrays."""

    def __init__(self, placed: Sequence[Placed], index: Index, demand: Demand) -> None:
        members = [placed[i] for i in index]
        self.first = members[0]
        self.targets, self.on = distinct([member.target for member in members])
        self.engines, self.under = distinct([member.engine for member in members])
        self.demand = Demand(
            prompt=demand.prompt[index],
            output=demand.output[index],
            context=demand.context[index],
            users=demand.users[index],
            shared=np.broadcast_to(demand.shared, demand.users.shape)[index],
        )
        self.shard = self.first.cut.shard
        self.longest = self.policy(lambda engine: engine.chunk_tokens)
        self.chunk = np.minimum(self.demand.prompt, self.longest)

    def policy(self, read: Callable[[Engine], float]) -> Array:
        """One number of each case's engine."""
        return np.array([read(engine) for engine in self.engines], dtype=np.float64)[self.under]

    def hardware(self, read: Callable[[Target], float]) -> Array:
        """One number of each case's target."""
        return np.array([read(target) for target in self.targets], dtype=np.float64)[self.on]

    def room(self) -> memory.Room:
        """Memory of each case."""
        room = memory.room(
            self.first.architecture,
            weights=self.first.weights,
            kv=self.first.kv,
            shard=self.shard,
            engines=tuple(self.engines),
            which=self.under,
            memory_bytes=self.hardware(lambda target: target.memory_bytes or np.inf),
            prompt=self.demand.context + self.demand.prompt,
            output=self.demand.output,
        )
        d = self.demand
        tokens = d.context + d.prompt + d.output / 2
        return memory.with_extras(room, self.first, tokens=tokens, shared=np.asarray(d.shared))

    def cost(self, step: Step, sampled: Array, *, sizes: int = 1) -> Ideal:
        """Lower a step and cost it on every case's target, for several sizes of it one behind the other."""
        on, under = np.tile(self.on, sizes), np.tile(self.under, sizes)
        half = np.array([engine.half_sums for engine in self.engines])[under]
        found = ideal(StepWork.of(lowered(self.first, step)), self.targets, on, half_sums=half)
        found.sequences[:] = sampled / self.shard.attention_dp
        return found

    def decode(self, sizes: Array, context: Array) -> tuple[Ideal, ...]:
        """Lower decode steps of several sizes, shape (points, cases), at once."""
        step = Step(decode_sequences=sizes.ravel(), decode_context=np.tile(context, len(sizes)))
        whole = self.cost(step, sizes.ravel(), sizes=len(sizes))
        names = [field.name for field in fields(Ideal)]
        parts = zip(*(np.split(getattr(whole, name), len(sizes), axis=-1) for name in names), strict=True)
        return tuple(Ideal(**dict(zip(names, part, strict=True))) for part in parts)

    def with_prompts(self, step: Step, each: Array) -> Step:
        """Add `each` prompt chunks per attention-parallel group, from the middle of their prompts."""
        return replace(
            step,
            prefill_sequences=each * self.shard.attention_dp,
            prefill_tokens=self.chunk,
            prefill_context=self.demand.context + (self.demand.prompt - self.chunk) / 2,
        )


def _lowered(group: _Group, points: int) -> Situation:
    demand, shard, room = group.demand, group.shard, group.room()
    groups, stages = float(shard.attention_dp), float(shard.pp)
    most = group.policy(lambda engine: engine.max_sequences) * groups
    held = np.where(room.sequences >= 1.0, room.sequences, memory.UNLIMITED)
    limit = np.maximum(np.minimum(held, most), 1.0)
    sizes = _sizes(np.maximum(np.minimum(demand.users, limit) / stages, 1.0), points)
    context = demand.context + demand.prompt + demand.output / 2
    # Prompts that start per decode step once the batch is steady, as far as one step holds them.
    due = sizes[0] * stages / groups / np.maximum(demand.output - 1.0, 1.0)
    prompts = np.clip(due, 1.0, np.maximum(group.longest / group.chunk, 1.0))
    ones = np.ones_like(limit)
    chunks = demand.prompt / group.chunk
    return Situation(
        demand=demand,
        decode=group.decode(sizes, context),
        mixed=group.cost(
            group.with_prompts(Step(decode_sequences=sizes[0], decode_context=context), prompts), sizes[0]
        ),
        prompt_chunk=group.cost(group.with_prompts(Step(), ones), ones),
        mixed_prompts=prompts,
        sizes=sizes,
        chunks=chunks,
        passes=_passes(chunks, stages, group.policy(lambda engine: engine.pipeline_chunks)),
        limit=limit,
        stages=stages * ones,
        replicas=groups * ones,
        room=held,
        most=most,
        strain=group.hardware(lambda target: target.strain),
        fits=room.sequences >= 1.0,
        memory_known=np.isfinite(room.usable_bytes),
        fixed_bytes=room.fixed_bytes,
        sequence_bytes=room.sequence_bytes,
        longest=memory.longest_tokens(group.first, room),
        parts=np.array(
            [room.weights_bytes, room.activation_bytes, room.graphs_bytes, room.runtime_bytes],
            dtype=np.float64,
        ),
    )


def _sizes(largest: Array, points: int) -> Array:
    """Batch sizes to lower, the largest first and one sequence last."""
    if points == 3:
        return np.stack([largest, np.maximum(largest / 2, 1.0), np.ones_like(largest)])
    return np.stack([largest ** (1.0 - k / (points - 1)) for k in range(points)])


def _passes(chunks: Array, stages: float, overlapped: Array) -> Array:
    """Chunk times of a prompt: runs of m chunks through s stages take m + s - 1 each."""
    run = np.maximum(np.minimum(chunks, overlapped), 1.0)
    return np.asarray(np.maximum(chunks / run, 1.0) * (run + stages - 1.0))
