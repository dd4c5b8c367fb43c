"""What a simulated case says beyond a predicted one: traffic in full, engine settings, and a fleet."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from planner.deployment import Case, Deployment
from planner.role import Role
from planner.simulate.instance import Batching, Router
from tonnage.files import Record
from workloads.scenario import Slo
from workloads.traffic import Traffic

Positive = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=1)]


class EngineSettings(Record):
    """Settings of an engine; None is what the engine and the memory of the device say."""

    max_sequences: Count | None = None
    """Requests in a batch; slots of llama.cpp."""
    token_budget: Count | None = None
    """Most tokens in one step: the chunk of prompts."""
    block_tokens: Count | None = None
    cache_tokens: Count | None = None
    """Capacity of the cache."""
    slot_tokens: Count | None = None
    """Context of one slot; needs batching "slots"."""
    batching: Batching | None = None
    preemption: Literal["recompute", "swap"] = "recompute"
    host_bytes_per_s: Positive | None = None
    """Link to the host's memory that swapping uses; None is the device's PCIe."""
    draft_tokens: int = Field(default=0, ge=0, le=64)
    """Guesses that a step verifies per sequence: speculative decoding."""
    acceptance: tuple[Annotated[float, Field(ge=0, le=1)], ...] = ()
    """Probability that a guess holds when those before it do, by position; the last goes on."""
    draft_s: float = Field(default=0.0, ge=0)
    """One step of the draft model. [s]"""

    @model_validator(mode="after")
    def _sound(self) -> "EngineSettings":
        if self.draft_tokens and not self.acceptance:
            raise ValueError("draft_tokens needs acceptance, e.g. [0.8, 0.7, 0.6]")
        if self.slot_tokens and self.batching is not Batching.SLOTS:
            raise ValueError('slot_tokens needs batching = "slots"')
        return self


class Autoscaler(Record):
    """Every `interval_s` an instance is started above `high` requests for each, or drained below `low`."""

    interval_s: Positive = 15.0
    high: Positive
    low: float = Field(ge=0)
    least: Count = 1


class Group(Record):
    """Identical instances of a fleet; a field of the deployment that is not given is that of the case."""

    count: Count = 1
    role: Role = Role.WHOLE
    pool: str = ""
    """Prefill instances hand caches to decode instances of the same pool."""
    device: str | None = None
    devices: Count | None = None
    model: str | None = None
    weights: str | None = None
    kv: str | None = None
    engine: str | None = None
    tp: Count | None = None
    pp: Count | None = None
    settings: EngineSettings = EngineSettings()
    length_limit: Positive | None = None
    """Longest prompt and output together that router "by-length" sends here."""
    share: dict[str, Annotated[float, Field(ge=0, le=1)]] = Field(default_factory=dict)
    """Fraction of each traffic class, by name, that goes here; none is left to the router."""
    up_s: Positive | None = None
    """Mean time to a failure. None: never."""
    down_s: float = Field(default=0.0, ge=0)
    """Mean time to repair."""
    cold_start_s: float = Field(default=0.0, ge=0)
    autoscaler: Autoscaler | None = None
    link_bytes_per_s: Positive | None = None
    """From a prefill instance to a decode instance; None is the link of the device."""
    handoff_s: float = Field(default=0.0, ge=0)
    """Constant part of that handoff."""
    usd_per_h: float | None = Field(default=None, ge=0)
    """Of one instance; None is the rent of the catalog."""

    def overrides(self) -> dict[str, object]:
        """Return the fields of the deployment that are given."""
        return {name: value for name in Deployment.model_fields if (value := getattr(self, name, None))}


class SimulatedCase(Case):
    """A case as for a prediction, and what only a simulation can take up."""

    trace: str | None = None
    """Sample, or file of requests; its lengths and times take the place of isl, osl and load.
    With requests_per_s it is brought to that rate."""
    scaling: Literal["resample", "compress"] = "resample"
    """How a trace is brought to a rate: other requests on its clock, or its requests on another clock."""
    slo: Slo = Slo()
    process: Literal["poisson", "gamma", "markov"] = "poisson"
    """Of an open load."""
    gap_cv: Positive = 2.0
    rates: str | None = None
    """Rates by window that an open load follows: servegen, or a CSV with t_s and rate_rps; their mean
    is requests_per_s where that is given."""
    workload: str | None = None
    """Which workload of those rates."""
    traffic: tuple[Traffic, ...] = ()
    """Traffic in full, one per class: takes the place of isl, osl and load."""
    slos: dict[str, Slo] = Field(default_factory=dict)
    """Limits by class, where they differ from slo."""
    fleet: tuple[Group, ...] = ()
    """Groups of instances; none is one instance of the case's deployment."""
    router: Router = Router.SHORTEST_QUEUE
    settings: EngineSettings = EngineSettings()
    """Of every group that gives none of its own."""
