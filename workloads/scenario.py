"""What a user wants served: traffic, service levels, quality, budget and candidates."""

from enum import StrEnum
from typing import ClassVar, Literal

from pydantic import AliasChoices, Field

from tonnage.files import FileRecord, Record
from workloads.supply import ApiLimit, ApiSpeed, Inventory, KnownPrice, OwnedHardware, Purchase, Site
from workloads.task import ChainStep, Task

__all__ = [
    "ApiLimit",
    "ApiSpeed",
    "Availability",
    "Budget",
    "Candidates",
    "ChainStep",
    "Growth",
    "Inventory",
    "KnownCapacity",
    "KnownPrice",
    "Objective",
    "OwnedHardware",
    "Purchase",
    "Quality",
    "Scenario",
    "Site",
    "Slo",
    "Task",
    "TrafficClass",
]


class Objective(StrEnum):
    """What the plan is best at."""

    COST = "cost"
    ENERGY = "energy"
    CARBON = "carbon"
    LOAD = "load"
    """The most load within the budget."""
    RELIABLE_TASK = "reliable-task"
    """The least spend per task that ends right."""


class Slo(Record):
    """Upper limits on what users feel; None is no limit. The percentile is in the name."""

    ttft_mean_s: float | None = Field(default=None, gt=0)
    ttft_p50_s: float | None = Field(default=None, gt=0)
    ttft_p90_s: float | None = Field(default=None, gt=0)
    ttft_p95_s: float | None = Field(default=None, gt=0)
    ttft_p99_s: float | None = Field(default=None, gt=0)
    tpot_mean_s: float | None = Field(default=None, gt=0)
    tpot_p50_s: float | None = Field(default=None, gt=0)
    tpot_p90_s: float | None = Field(default=None, gt=0)
    tpot_p95_s: float | None = Field(default=None, gt=0)
    tpot_p99_s: float | None = Field(default=None, gt=0)
    e2e_p95_s: float | None = Field(default=None, gt=0)


class Quality(Record):
    """Lower limits on benchmark scores in percent, after the loss of the weight format."""

    mmlu_min: float | None = Field(default=None, ge=0, le=100)
    mmlu_pro_min: float | None = Field(default=None, ge=0, le=100)
    humaneval_min: float | None = Field(default=None, ge=0, le=100)
    gsm8k_min: float | None = Field(default=None, ge=0, le=100)

    def floors(self) -> dict[str, float]:
        """Return benchmark name -> lower limit, for those that are set."""
        values = {name.removesuffix("_min"): value for name, value in self.model_dump().items()}
        return {name: value for name, value in values.items() if value is not None}


class TrafficClass(Record):
    """Requests of one kind: their rate and lengths, and limits of their own."""

    name: str = "all"
    requests_per_s: float = Field(gt=0)
    """Mean rate."""
    peak_to_mean: float = Field(default=1.0, ge=1)
    """The plan is sized for requests_per_s times this; with a profile, in each of its periods."""
    profile: tuple[float, ...] = ()
    """Rate over the mean rate in each of equally long periods; none is flat."""
    cached_prompt_frac: float = Field(default=0.0, ge=0, le=1)
    """Part of the prompt that an API has cached, where it sells that for less."""
    prompt_tokens: float = Field(ge=1)
    prompt_tokens_p95: float | None = None
    output_tokens: float = Field(ge=1)
    output_tokens_p95: float | None = None
    slo: Slo = Slo()
    quality: Quality = Quality()
    task: Task | Literal[False] | None = None
    """None: that of the scenario. False: its requests are no tasks."""


ASSUMED_INTERCONNECT = "ethernet-10g"
"""What the smallest rented GPU instances bring per device."""


class Candidates(Record):
    """What may be chosen: ids or globs; None is anything in the catalog."""

    devices: tuple[str, ...] | None = None
    models: tuple[str, ...] | None = None
    formats: tuple[str, ...] | None = None
    engines: tuple[str, ...] | None = None
    api: bool = True
    owned: tuple[OwnedHardware, ...] = ()
    max_devices_per_unit: int = Field(default=8, ge=1)
    purchase: tuple[Purchase, ...] = (Purchase.ON_DEMAND,)
    """How hardware may be rented. What is owned, and what has a price in the scenario, is always allowed."""
    spot_reserve_frac: float = Field(default=0.1, ge=0, lt=1)
    """Part of all spot units that may be taken back at any time; their capacity counts without it."""
    providers: tuple[str, ...] | None = None
    """Clouds and API providers by glob; None is any."""
    roles: tuple[Literal["whole", "split"], ...] = ("whole",)
    """Units that serve whole requests, or prefill and decode on units of their own, or either."""
    interconnect: str | None = None
    """Over which prefill units hand caches to decode units, by name; None is `ASSUMED_INTERCONNECT`."""


class Availability(Record):
    """What must still run when something fails."""

    spare_units: int = Field(default=0, ge=0)
    """Units of each deployed kind beyond what the load needs."""
    domains: int = Field(default=1, ge=1)
    """Failure domains, such as zones, over which units are spread evenly."""
    spare_domains: int = Field(default=0, ge=0)
    """Domains that may fail at once with the load still carried."""


class Growth(Record):
    """How the load grows. Rates of the scenario are those of the first month."""

    per_month_frac: float = Field(default=0.0, gt=-1)
    months: int = Field(default=0, ge=0, le=120)
    """The plan is sized for the load after so many months."""

    @property
    def factor(self) -> float:
        """Load at the end over that of the first month."""
        return (1 + self.per_month_frac) ** self.months


class Budget(Record):
    """Money."""

    usd_per_month: float | None = Field(default=None, gt=0)


class KnownCapacity(Record):
    """The user's own measured throughput of one unit under the SLO; beats every prediction.

    Model, weights or engine None is any: the entry then stands for all of them.
    """

    device: str
    devices_per_unit: int | None = Field(default=None, ge=1)
    """None: one device, and the entry replaces every way of cutting the model."""
    model: str | None = None
    weights: str | None = None
    engine: str | None = None
    requests_per_s: float = Field(ge=0)
    """0 says that the unit cannot serve the class."""
    class_name: str = Field(default="all", validation_alias=AliasChoices("class_name", "class"))
    """A class of the scenario; "all" is every class."""


class Scenario(FileRecord):
    """One planning question."""

    FORMAT: ClassVar[str] = "tonnage.scenario"
    VERSION: ClassVar[int] = 1

    name: str = ""
    classes: tuple[TrafficClass, ...] = Field(min_length=1)
    budget: Budget = Budget()
    candidates: Candidates = Candidates()
    availability: Availability = Availability()
    confidence: float = Field(default=0.8, ge=0.5, lt=1)
    """Probability with which each bought kind must hold its limits; 0.5 sizes on the median prediction."""
    capacity: tuple[KnownCapacity, ...] = ()
    prices: tuple[KnownPrice, ...] = ()
    inventory: tuple[Inventory, ...] = ()
    api_limits: tuple[ApiLimit, ...] = ()
    api_speeds: tuple[ApiSpeed, ...] = ()
    site: Site = Site()
    growth: Growth = Growth()
    objective: Objective = Objective.COST
    task: Task | None = None
    """None: requests are not counted as tasks, except those of classes that say so."""

    def task_of(self, traffic: TrafficClass) -> Task | None:
        """Return the task of a class, its own before that of the scenario; None if it has none."""
        return self.task if traffic.task is None else traffic.task or None

    def with_owned(self, *, profile: str, count: int = 1) -> "Scenario":
        """Return the same question with a profiled machine among the hardware that is there already."""
        machine = OwnedHardware(profile=profile, count=count)
        owned = (*self.candidates.owned, machine)
        return self.model_copy(update={"candidates": self.candidates.model_copy(update={"owned": owned})})
