"""A deployment with its names resolved, and what one of its devices computes in a step."""

from dataclasses import dataclass, replace
from typing import NamedTuple

from planner.serving.coefficients import Groups
from planner.serving.engines import Engine
from planner.serving.step.target import Target
from planner.serving.variant import PLAIN, Variant, drafter
from workloads.architecture import Architecture
from workloads.lower import lower
from workloads.lowering.adapters import adapter_ops
from workloads.ops import Op, Step
from workloads.prune import pruned
from workloads.shard import Shard
from workloads.storage import KvFormat, WeightFormat


class Cut(NamedTuple):
    """What must be equal for cases to be lowered together."""

    model: str
    weights: str
    kv: str | None
    shard: Shard
    variant: Variant = PLAIN
    windows: bool = True
    """Whether the engine keeps to the model's sliding windows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """A deployment with its names resolved."""

    cut: Cut
    architecture: Architecture
    weights: WeightFormat
    kv: KvFormat
    target: Target
    engine: Engine
    groups: Groups
    notes: tuple[str, ...]
    is_listed: bool = True
    """Whether the device is among what the engine runs on."""


def applied(placed: Placed, variant: Variant) -> Placed:
    """Return a placed deployment with its variant.

    Raises
    ------
    InvalidInput, UnknownName
        If the drafter is unknown, or the model brings no layers that draft.
    """
    if variant == PLAIN:
        return placed
    if variant.draft_model is not None:
        drafter(variant, placed.cut.model)
    notes = list(placed.notes)
    architecture = pruned(placed.architecture, variant.pruned_frac)
    if variant.pruned_frac:
        left, whole = architecture.layers, placed.architecture.layers
        notes.append(f"{whole - left} of {whole} layers pruned; what that does to quality is not predicted")
    return replace(
        placed,
        architecture=architecture,
        cut=placed.cut._replace(variant=variant),
        notes=tuple(notes),
    )


def lowered(placed: Placed, step: Step) -> tuple[Op, ...]:
    """Return what one device computes and sends in one step, adapters included."""
    shard, special = placed.cut.shard, placed.cut.variant
    ops = lower(placed.architecture, step, weights=placed.weights, kv=placed.kv, shard=shard)
    if not special.lora_rank:
        return ops
    added = adapter_ops(
        placed.architecture, step, rank=special.lora_rank, adapters=special.lora_adapters, shard=shard
    )
    return (*ops, *added)
