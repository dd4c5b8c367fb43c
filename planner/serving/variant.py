"""What changes a deployment beyond its names: pruned layers, adapters, a drafter of tokens."""

from functools import lru_cache
from typing import NamedTuple

from planner.deployment import MTP, Deployment
from tonnage.errors import InvalidInput
from workloads import formats, models
from workloads.architecture import Architecture
from workloads.prune import one_layer
from workloads.storage import WeightFormat
from workloads.stored import stored_format

ACCEPTANCE = 0.7
"""Share of drafted tokens that are accepted where nobody says it (ASSUMED): published drafters reach
0.5 to 0.9 (Leviathan, Kalman and Matias, ICML 2023, table 3)."""
DRAFT_TOKENS = 4
"""Tokens drafted ahead where nobody says it (ASSUMED)."""


class Variant(NamedTuple):
    """Part of what must be equal for cases to be lowered together."""

    pruned_frac: float = 0.0
    lora_rank: int = 0
    lora_adapters: int = 0
    draft_model: str | None = None
    draft_weights: str | None = None
    draft_tokens: int = 0
    acceptance: float = 0.0

    @property
    def tokens_per_round(self) -> float:
        """Expected tokens of one verified draft: 1 + a + a^2 + ... + a^k.

        Every drafted token is accepted with probability a until the first that is not; the model
        then adds one of its own (Leviathan et al., ICML 2023, equation 1).
        """
        return sum(self.acceptance**k for k in range(self.draft_tokens + 1))


PLAIN = Variant()


def of(d: Deployment) -> Variant:
    """Return what is special about a deployment; `PLAIN` if nothing is."""
    if not (d.pruned_layers_frac or d.lora_rank or d.draft_model):
        return PLAIN
    drafts = d.draft_model is not None
    return Variant(
        pruned_frac=d.pruned_layers_frac,
        lora_rank=d.lora_rank,
        lora_adapters=d.lora_adapters if d.lora_rank else 0,
        draft_model=d.draft_model,
        draft_weights=d.draft_weights if drafts else None,
        draft_tokens=(DRAFT_TOKENS if d.draft_tokens is None else d.draft_tokens) if drafts else 0,
        acceptance=(ACCEPTANCE if d.acceptance_rate is None else d.acceptance_rate) if drafts else 0.0,
    )


class Drafter(NamedTuple):
    """The model that drafts, as it is computed and as it is stored beside the large one.

    `extra_params` are those of layers of the large model's own checkpoint; a model of its own has all
    of its weights in `architecture` instead.
    """

    architecture: Architecture
    weights: WeightFormat | None
    extra_params: float


@lru_cache(maxsize=256)
def drafter(variant: Variant, model: str) -> Drafter:
    """Return the drafter of a variant; a weight format of None is that of the large model."""
    assert variant.draft_model is not None
    if variant.draft_model != MTP:
        small = models.get(variant.draft_model)
        return Drafter(small, formats.get(variant.draft_weights or stored_format(variant.draft_model)), 0.0)
    large = models.get(model)
    drafts = large.draft_params or large.uncounted_draft_params
    if not drafts:
        raise InvalidInput(
            f"model '{model}' has no layers that draft tokens (MTP); name a draft model instead of '{MTP}'"
        )
    return Drafter(one_layer(large), None, drafts)
