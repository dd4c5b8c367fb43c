"""What a deployment will do, with intervals and how each number is known."""

from enum import StrEnum

from tonnage.evidence import Evidence, Quantiles
from tonnage.files import Record


class Bound(StrEnum):
    """What limits the deployment."""

    MEMORY = "memory"
    COMPUTE = "compute"
    OVERHEAD = "overhead"
    NETWORK = "network"
    QUEUE = "queue"


class MemoryParts(Record):
    """What fills one device's memory at the predicted load [bytes]."""

    weights_bytes: float
    cache_bytes: float
    """KV cache or recurrent state of the sequences that run."""
    activation_bytes: float
    graphs_bytes: float
    """Captured graphs."""
    runtime_bytes: float
    """Context and communication buffers of the engine."""
    extras_bytes: float = 0.0
    """Adapters, a drafter, a shared prefix."""


class Prediction(Record):
    """The answer to one case.

    `ttft_s` and `tpot_s` are the mean over requests (TPOT = (end - first token) /
    (output tokens - 1)); their quantiles are the uncertainty of that mean, not
    the spread over requests. Percentiles over requests have names of their own.
    """

    id: str
    ttft_s: Quantiles | None = None
    tpot_s: Quantiles | None = None
    output_tokens_per_s: Quantiles | None = None
    requests_per_s: Quantiles | None = None
    ttft_p50_s: Quantiles | None = None
    ttft_p95_s: Quantiles | None = None
    ttft_p99_s: Quantiles | None = None
    tpot_p50_s: Quantiles | None = None
    tpot_p95_s: Quantiles | None = None
    tpot_p99_s: Quantiles | None = None
    memory_bytes: float | None = None
    """Per device: weights, cache or state at this load, activations, runtime reserve."""
    memory_parts: MemoryParts | None = None
    fits: bool | None = None
    max_context_tokens: int | None = None
    """Longest single sequence, prompt and answer, that memory and the model's own limit allow; None if
    memory is unknown, or nothing limits it."""
    max_concurrency: int | None = None
    """Sequences of these lengths that run at once, by memory and the engine's policy."""
    energy_j_per_output_token: Quantiles | None = None
    """Of the devices alone, prompts included; None with a note where no TDP is published. [J]"""
    power_w: Quantiles | None = None
    """Mean draw of all devices of the deployment while it serves this load. [W]"""
    power_evidence: Evidence | None = None
    bound: Bound | None = None
    evidence: Evidence
    notes: tuple[str, ...] = ()


class Refusal(Record):
    """Why one line of a batch has no answer."""

    id: str
    error: str
