"""What is run where, and the load it is under: one line of a batch of predictions."""

import math
import re
from enum import StrEnum
from typing import Any, Self

from pydantic import Field, field_validator, model_validator

from planner.figures import Anchor
from tonnage.files import Record
from workloads.scenario import TrafficClass

MOST_TOKENS = 1e9
"""Of one request; more is a mistake and would overflow what is computed from it."""
MOST_USERS = 10**9
WIDEST = 10.0
"""Longest drawn length over the one that is asked for."""
MOST_DEVICES = 10**6
MTP = "mtp"
"""As a draft model: the layers of the model itself that predict tokens ahead."""
_WORDS = frozenset(
    {"kv", "engine", "engine_version", "backend", "draft_model", "draft_weights", "disaggregated", "anchor"}
)
"""Fields in which tables write NaN for an empty cell; a number that is NaN is a mistake."""
_UNIFORM = re.compile(r"uniform-(\d*\.?\d+)-(\d*\.?\d+)")


class Load(StrEnum):
    """How requests arrive."""

    CLOSED = "closed"
    """`concurrency` users, each sending the next request when the last one ends."""
    OPEN = "open"
    """Poisson arrivals at `requests_per_s`."""
    SATURATED = "saturated"
    """All requests queued at once."""


class Deployment(Record):
    """A model in a format under an engine on devices, cut in a given way."""

    device: str
    """Catalog id, or the path of a profile."""
    devices: int = Field(default=1, ge=1, le=MOST_DEVICES)
    model: str
    """Catalog id, or the path of a config.json or .gguf."""
    weights: str
    kv: str | None = None
    engine: str | None = None
    engine_version: str | None = None
    backend: str | None = None
    """The compute API of an engine that has several: cuda, metal, vulkan, cpu."""
    tp: int = Field(default=1, ge=1, le=MOST_DEVICES)
    pp: int = Field(default=1, ge=1, le=MOST_DEVICES)
    attention_dp: int = Field(default=1, ge=1, le=MOST_DEVICES)
    moe_tp: int = Field(default=1, ge=1, le=MOST_DEVICES)
    moe_ep: int = Field(default=1, ge=1, le=MOST_DEVICES)
    pruned_layers_frac: float = Field(default=0.0, ge=0, le=0.99)
    """Share of the layers that were taken out."""
    lora_rank: int = Field(default=0, ge=0, le=4096)
    """Rank of low-rank adapters on every dense matrix; 0 has none."""
    lora_adapters: int = Field(default=1, ge=1, le=100_000)
    """Adapters in memory, which the sequences of a batch are spread over."""
    draft_model: str | None = None
    """Speculative decoding: a small model by id or path, or `mtp` for the model's own layers."""
    draft_weights: str | None = None
    draft_tokens: int | None = Field(default=None, ge=0, le=64)
    """Tokens drafted ahead of each step."""
    acceptance_rate: float | None = Field(default=None, ge=0, le=1)
    """Probability that a drafted token is accepted, given that those before it were."""
    disaggregated: str | None = None
    """Prefill on devices of its own: the interconnect over which the cache moves."""
    prefill_instances: int = Field(default=1, ge=1, le=MOST_DEVICES)
    """Prefill instances of the same cut per decode instance, if disaggregated."""


def cut_in_words(
    device: str, model: str, weights: str, engine: str | None, *, devices: int, tp: int, pp: int
) -> str:
    """Return a deployment in one line, as plans name it: `2x nvidia-l4 llama-3.1-8b FP8 vllm tp2 pp1`."""
    return f"{devices}x {device} {model} {weights} {engine} tp{tp} pp{pp}"


class Case(Deployment):
    """A deployment under a load: what one prediction answers."""

    id: str
    isl: float = Field(default=1024, ge=1, le=MOST_TOKENS)
    """Input tokens per request."""
    isl_p95: float | None = Field(default=None, ge=1, le=MOST_TOKENS)
    """95th percentile over requests of their input tokens, under an open load; unknown by default."""
    osl: float = Field(default=256, ge=1, le=MOST_TOKENS)
    """Output tokens per request."""
    context: float = Field(default=0, ge=0, le=MOST_TOKENS)
    """Tokens already in the KV cache before the prompt."""
    length_spread: str = "fixed"
    concurrency: int = Field(default=1, ge=1, le=MOST_USERS)
    load: Load = Load.CLOSED
    requests_per_s: float | None = Field(default=None, gt=0, le=1e9)
    prefix_cache_hit: float = Field(default=0.0, ge=0, le=1)
    """Share of the prompt that is found in the prefix cache and not computed again."""
    prefix_shared: bool = False
    """All sequences share one such prefix, which memory holds once."""
    anchor: Anchor | str | None = None
    """What was measured of this deployment, or the path of imported measurements."""

    @classmethod
    def of_class(
        cls, deployment: Deployment, traffic: TrafficClass, *, requests_per_s: float, id: str
    ) -> "Case":
        """Return a deployment under random arrivals of a traffic class at this rate."""
        return cls(
            **deployment.model_dump(),
            id=id,
            isl=traffic.prompt_tokens,
            isl_p95=traffic.prompt_tokens_p95,
            osl=traffic.output_tokens,
            load=Load.OPEN,
            requests_per_s=requests_per_s,
        )

    @model_validator(mode="before")
    @classmethod
    def _drop_unknown(cls, data: Any) -> Any:
        """Treat null, and NaN where a word belongs, as not given; leave keys of other tools aside."""
        if not isinstance(data, dict):
            return data
        known = {
            key: value
            for key, value in data.items()
            if key in cls.model_fields
            and value is not None
            and not (key in _WORDS and isinstance(value, float) and math.isnan(value))
        }
        if "devices" not in known:
            cut = [known.get(key, 1) for key in ("tp", "pp", "attention_dp")]
            if all(isinstance(part, int) for part in cut):
                known["devices"] = max(1, math.prod(cut))
        return known

    @field_validator("length_spread")
    @classmethod
    def _spread(cls, text: str) -> str:
        if text == "fixed":
            return text
        bounds = _UNIFORM.fullmatch(text)
        if not bounds or not 0 < float(bounds[1]) <= float(bounds[2]) <= WIDEST:
            raise ValueError(f"use 'fixed' or 'uniform-LOW-HIGH', e.g. uniform-0.8-1.0; at most {WIDEST:g}")
        return text

    @model_validator(mode="after")
    def _one_spread(self) -> Self:
        if self.isl_p95 is not None and self.length_spread != "fixed":
            raise ValueError("isl_p95 and length_spread both tell how lengths spread; give one")
        return self

    @property
    def mean_length_frac(self) -> float:
        """Mean of the drawn lengths as a share of isl and osl."""
        bounds = _UNIFORM.fullmatch(self.length_spread)
        return (float(bounds[1]) + float(bounds[2])) / 2 if bounds else 1.0
