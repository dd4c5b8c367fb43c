"""What a simulation answers: the spread over requests, how busy things were, and if it kept up."""

from typing import ClassVar

from pydantic import Field

from tonnage.evidence import Evidence
from tonnage.files import FileRecord, Record


class Spread(Record):
    """A quantity over requests."""

    mean: float
    p50: float
    p90: float
    p95: float
    p99: float


class ClassResult(Record):
    """What the requests of one traffic class felt; None where it grows without bound."""

    name: str = "all"
    requests: int
    """Counted: after the warm-up, all replications together."""
    ttft_s: Spread | None = None
    tpot_s: Spread | None = None
    """Time per output token after the first, per request; None where outputs are one token."""
    e2e_s: Spread | None = None
    wait_s: Spread | None = None
    """From arrival to the first step that works on the request."""
    ttft_ci95_s: Spread | None = None
    """Half widths of 95 % confidence intervals over replications, or over batches of one run."""
    tpot_ci95_s: Spread | None = None
    e2e_ci95_s: Spread | None = None
    wait_ci95_s: Spread | None = None
    good_frac: float | None = None
    """Requests within every limit of the service level; None without limits."""


class Simulation(FileRecord):
    """The answer to one simulated case."""

    FORMAT: ClassVar[str] = "tonnage.simulation"
    VERSION: ClassVar[int] = 1

    id: str = "simulation"
    classes: tuple[ClassResult, ...] = Field(min_length=1)
    saturated: bool
    """Arrivals outran service: times that grow with the run are None, rates are what could be served."""
    why_saturated: str | None = None
    requests_per_s: float
    output_tokens_per_s: float
    prompt_tokens_per_s: float
    goodput_requests_per_s: float | None = None
    utilization: float
    """Share of the instances' time with a step under way."""
    running_mean: float
    """Requests in batches."""
    waiting_mean: float
    cache_frac: float
    """Mean share of cache blocks in use, cached prefixes included."""
    cache_peak_frac: float
    preempted: int
    wasted_tokens: int
    """Cached tokens thrown away by preemption and failures."""
    prefix_hit_tokens: int = 0
    refused: int = 0
    failures: int = 0
    instances_mean: float
    cost_usd_per_h: float | None = None
    energy_j_per_token: float | None = None
    """Per output token, from busy and idle power."""
    steps: int
    merged_steps: int
    """Steps that were taken together with the one before."""
    replications: int
    warmup_frac: float
    """Share of the requests left out at the start."""
    simulated_s: float
    seed: int
    evidence: Evidence
    notes: tuple[str, ...] = ()
