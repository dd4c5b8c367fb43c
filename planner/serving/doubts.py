"""What speaks against a deployment that is timed all the same: it is said, not refused.

Lists of what an engine runs on and loads grow with its releases, and are read from its pages now and then.
"""

from planner.serving.engines import Engine, loaders
from planner.serving.step.target import Target
from workloads.architecture import Architecture
from workloads.mixers import Attention, LatentAttention
from workloads.shard import Shard
from workloads.storage import WeightFormat

NARROW = ("fp8", "int8", "fp4")
"""Arithmetic that older hardware lacks; 16 bits of one kind stand for those of the other everywhere."""


def unlisted(engine: Engine, on: Target) -> str | None:
    """Say that the device is not among those that the engine runs on; None where it is, or nobody knows."""
    if on.is_measured or engine.lists(vendor=on.vendor, kind=on.kind):
        return None
    return f"{engine.name} does not list {on.name} among what it runs on: timed as if it did"


def doubts(
    engine: Engine, weights: WeightFormat, architecture: Architecture, shard: Shard, on: Target
) -> tuple[str, ...]:
    """Return what speaks against loading a format, or cutting a model so, and what is emulated."""
    found = (_not_loaded(engine, weights), _not_native(weights, on), _not_divided(architecture, shard))
    return tuple(doubt for doubt in found if doubt is not None)


def _not_loaded(engine: Engine, weights: WeightFormat) -> str | None:
    """Of an engine that no format names, nobody wrote down what it loads."""
    if not weights.engines or engine.runs_on is None or engine.name in weights.engines:
        return None
    if engine.name not in loaders():
        return None
    return f"{engine.name} is not known to load {weights.id}; {', '.join(weights.engines)} are"


def _not_native(weights: WeightFormat, on: Target) -> str | None:
    """Blocks of GGUF are made of integers that all hardware multiplies in some way."""
    asked, does = weights.activation_dtype, on.computes_in(weights.activation_dtype)
    if on.is_measured or weights.family == "gguf" or asked not in NARROW or does == asked:
        return None
    return f"{weights.id} is emulated: no {asked} rate is published for {on.name}, so it multiplies in {does}"


def _not_divided(architecture: Architecture, shard: Shard) -> str | None:
    heads = [
        mixer.heads
        for block in architecture.blocks
        for mixer in block.mixers
        if isinstance(mixer, Attention | LatentAttention)
    ]
    odd = next((count for count in heads if count % shard.tp), None)
    if odd is None:
        return None
    return f"tp {shard.tp} does not divide {odd} attention heads: most engines refuse that"
