"""A model with layers taken out: what is left keeps the mix of its kinds of layers."""

import math

from tonnage.errors import InvalidInput
from workloads.architecture import Architecture


def pruned(architecture: Architecture, fraction: float) -> Architecture:
    """Return the model without a share of its layers, at least one layer left.

    Parameters
    ----------
    fraction : float
        Of all layers, from 0 (none) to below 1. The number taken out is rounded to whole layers and
        spread over the groups of equal layers by largest remainder.

    Raises
    ------
    InvalidInput
        If the fraction is outside [0, 1).

    Examples
    --------
    >>> from workloads import models
    >>> pruned(models.get("llama-3.1-8b"), 0.25).layers
    24
    """
    if not 0.0 <= fraction < 1.0:
        raise InvalidInput(f"pruned share of layers {fraction} is outside 0 to below 1")
    if fraction == 0.0:
        return architecture
    counts = [block.count if block.is_layer else 0 for block in architecture.blocks]
    keep = max(1, round(sum(counts) * (1.0 - fraction)))
    exact = [count * keep / sum(counts) for count in counts]
    kept = [math.floor(share) for share in exact]
    by_remainder = sorted(range(len(kept)), key=lambda i: (kept[i] - exact[i], i))
    for i in by_remainder[: keep - sum(kept)]:
        kept[i] += 1
    blocks = [
        block.model_copy(update={"count": left}) if block.is_layer else block
        for block, left in zip(architecture.blocks, kept, strict=True)
        if left or not block.is_layer
    ]
    return architecture.model_copy(
        update={"blocks": tuple(blocks), "published_params": None, "published_active_params": None}
    )


def one_layer(architecture: Architecture) -> Architecture:
    """Return the model with its last kind of layer once: heads that predict tokens ahead are like it."""
    last = [block for block in architecture.blocks if block.is_layer][-1]
    return architecture.model_copy(update={"blocks": (last.model_copy(update={"count": 1}),)})
