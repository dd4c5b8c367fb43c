"""What a running fleet does with its load: one record, readable alone."""

from typing import ClassVar

from pydantic import Field

from planner.prediction import Bound
from tonnage.evidence import Evidence, Quantiles
from tonnage.files import FileRecord, Record
from workloads.scenario import Scenario


class AuditedUnit(Record):
    """Units of one kind as they run now."""

    label: str
    device: str
    devices_per_unit: int
    model: str
    weights: str
    engine: str | None = None
    count: int
    needed: int | None = None
    """Units that the load needs, spares included; None if all of them are too few."""
    utilization: float | None = None
    """Load over capacity by the median prediction, the load spread as evenly as the classes allow."""
    capacity_requests_per_s: dict[str, Quantiles] = Field(default_factory=dict)
    """Of one unit and class, if it served nothing else, under the limits."""
    why_not: dict[str, str] = Field(default_factory=dict)
    """Per class that it cannot serve: why."""
    share: dict[str, float] = Field(default_factory=dict)
    ttft_p95_s: Quantiles | None = None
    tpot_p95_s: Quantiles | None = None
    memory_frac: float | None = None
    """Of a device's memory that is in use at this load."""
    bound: Bound | None = None
    usd_per_h: float | None = None
    """All of them; None if no price is known."""
    evidence: Evidence


class Bottleneck(Record):
    """What holds the fleet back first when the load grows."""

    unit: str
    class_name: str
    limit: str
    """The limit that breaks, or `queue`: requests arrive faster than they are served."""
    bound: Bound | None = None
    one_more_unit_adds_frac: float
    """Of today's load."""


class Audit(FileRecord):
    """What `tonnage plan --fixed` answers."""

    FORMAT: ClassVar[str] = "tonnage.audit"
    VERSION: ClassVar[int] = 1

    name: str = ""
    scenario: Scenario
    holds: bool
    """The load is carried with the confidence that the scenario asks for."""
    slo_probability: float | None = None
    """Probability that every limit holds today; None if every capacity was measured."""
    carries: Quantiles | None = None
    """Largest load over today's, spares left out; None if a class can be served nowhere."""
    carries_surely: float
    """The same at the confidence of the scenario."""
    units: tuple[AuditedUnit, ...]
    bottlenecks: tuple[Bottleneck, ...] = ()
    usd_per_month: float | None = None
    waste_usd_per_month: float | None = None
    """Cost of units that the load does not need."""
    growth_per_month: float | None = None
    breaks_in_months: float | None = None
    """Until the load outgrows the fleet, by the median; 0 if it has, None without growth."""
    breaks_surely_in_months: float | None = None
    """Until the confidence asked for is lost."""
    alternative: str | None = None
    """The cheapest plan for the same load among the scenario's candidates."""
    alternative_usd_per_month: float | None = None
    notes: tuple[str, ...] = ()
