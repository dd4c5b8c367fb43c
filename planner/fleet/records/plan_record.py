"""A plan: what to run where, what it costs, how sure that is, and what was turned down."""

from typing import ClassVar

from pydantic import Field

from planner.fleet.records.check_record import PlanCheck
from planner.fleet.records.task_record import ChainStepTaken, ReliableTask, SingleModel, TaskChain, TaskTier
from tonnage.evidence import Evidence, Quantiles
from tonnage.files import FileRecord, Record
from workloads.scenario import Scenario

__all__ = [
    "Alternative",
    "ApiUse",
    "Binding",
    "ChainStepTaken",
    "GrowthMonth",
    "Handover",
    "Plan",
    "PlanPeriod",
    "Predicted",
    "Rejected",
    "Relaxation",
    "ReliableTask",
    "Sensitivity",
    "SingleModel",
    "TaskChain",
    "TaskTier",
    "Unit",
]


class Unit(Record):
    """Identical instances of one deployment that the plan buys."""

    device: str
    devices_per_unit: int
    model: str
    weights: str
    kv: str | None = None
    engine: str
    backend: str | None = None
    tp: int
    pp: int
    count: int
    """The most of any period."""
    count_by_period: tuple[int, ...] = ()
    """Empty where the load stays the same."""
    role: str = "whole"
    """whole, or prefill and decode: halves of a split service, which count no request twice: of a class,
    whole and decode units and APIs serve all of it, and prefill units read what decode units serve."""
    pool: str | None = None
    """Of a half: the units that it may hand caches to, or take them from, have the same."""
    purchase: str = "on-demand"
    """on-demand, reserved, spot or owned."""
    term_years: float | None = None
    """For how long a reservation binds."""
    price_basis: str = ""
    """Where and when the price was quoted."""
    usd_per_h: float
    """All `count` units together, on the mean over time."""
    share: dict[str, float] = Field(default_factory=dict)
    """Fraction of each traffic class that these units serve."""
    utilization: float
    """Load over capacity, spares included in the capacity."""
    capacity_requests_per_s: dict[str, float] = Field(default_factory=dict)
    """Per unit and class, if it served nothing else, under the SLO."""
    memory_bytes: float | None = None
    power_w: float | None = None
    ttft_s: Quantiles | None = None
    tpot_s: Quantiles | None = None
    evidence: Evidence


class ApiUse(Record):
    """Traffic that a hosted API serves."""

    provider: str
    model: str
    share: dict[str, float] = Field(default_factory=dict)
    usd_per_h: float
    price_as_of: str | None = None


class Handover(Record):
    """Requests that prefill units of one kind read and decode units of another one finish."""

    pool: str
    prefill: str
    decode: str
    """Deployments in one line: devices, model, format, engine and cut."""
    share: dict[str, float]
    """Fraction of each traffic class that goes this way."""
    moved_s: dict[str, float]
    """Time to hand over the cache of a mean prompt of the class [s]."""
    interconnect: str
    """ASSUMED unless the scenario names it."""


class ClassPredicted(Record):
    """What users of one traffic class will feel, the slowest unit that serves them deciding."""

    ttft_p95_s: Quantiles | None = None
    tpot_p95_s: Quantiles | None = None


class Predicted(Record):
    """What users will feel at the planned peak load, the slowest unit of each limit deciding."""

    ttft_p95_s: Quantiles | None = None
    tpot_p95_s: Quantiles | None = None
    slo_probability: float | None = None
    """Probability that every stated SLO holds, given the prediction intervals."""
    by_class: dict[str, ClassPredicted] = Field(default_factory=dict)
    """By traffic class; empty in plans of older versions."""


class Binding(Record):
    """A constraint that holds with equality, or that cannot be met."""

    constraint: str
    detail: str
    usd_per_h_per_unit: float | None = None
    """Shadow price: what one unit more of the right-hand side would save."""


class Rejected(Record):
    """A candidate that was turned down, and why."""

    candidate: str
    why: str


class Alternative(Record):
    """The next best plan that differs in kind."""

    label: str
    cost_usd_per_month: float
    usd_per_reliable_task: float | None = None
    """Where chains of models are chosen."""
    units: tuple[Unit, ...] = ()
    api: tuple[ApiUse, ...] = ()
    why: str = ""


class Relaxation(Record):
    """The smallest change of one limit that makes an infeasible scenario feasible."""

    constraint: str
    current: float | None = None
    needed: float | None = None
    unit: str = ""
    detail: str = ""


class Sensitivity(Record):
    """What happens to the plan when one input moves."""

    input: str
    change: str
    cost_usd_per_month: float | None = None
    usd_per_reliable_task: float | None = None
    """Where chains of models are chosen."""
    flips: bool
    detail: str = ""


class Measuring(Record):
    """What is at stake in a device's speed: the cost once it is known, all else as sure as before."""

    device: str
    in_plan: bool
    evidence: Evidence
    """How its speed is known today."""
    usd_per_month_if_slow: float | None
    """At the low end of its 80 % interval; None if no plan is left then."""
    usd_per_month_if_fast: float
    """At the high end."""
    flips_if_slow: bool
    flips_if_fast: bool


class PlanPeriod(Record):
    """One of equally long periods: what comes in and what it costs."""

    label: str
    requests_per_s: float
    """On the mean over the period, all classes together."""
    units: int
    api_frac: float
    """Part of the requests that hosted APIs serve."""
    usd_per_h: float


class GrowthMonth(Record):
    """One month on the way to the load that the plan is sized for."""

    month: int
    load_factor: float
    """Load over that of the first month."""
    cost_usd_per_month: float
    added: tuple[str, ...] = ()
    """What is reserved or taken into use from this month on."""
    alone_usd_per_month: float | None = None
    """The cost if every month was planned for itself, with what is there already."""


class Plan(FileRecord):
    """What `tonnage plan` answers."""

    FORMAT: ClassVar[str] = "tonnage.plan"
    VERSION: ClassVar[int] = 1

    scenario: Scenario
    feasible: bool
    objective: str = "cost"
    cost_usd_per_h: float | None = None
    cost_usd_per_month: float | None = None
    cost_usd_per_mtok: float | None = None
    """Per million tokens, input and output together."""
    cost_usd_per_reliable_task: float | None = None
    task: ReliableTask | None = None
    """How the cost per reliable task comes about; None if it is not known."""
    check: PlanCheck | None = None
    """What a simulation says of it; None if nobody asked."""
    units: tuple[Unit, ...] = ()
    api: tuple[ApiUse, ...] = ()
    handovers: tuple[Handover, ...] = ()
    """Empty where all units serve whole requests."""
    periods: tuple[PlanPeriod, ...] = ()
    """Empty where the load stays the same."""
    growth: tuple[GrowthMonth, ...] = ()
    """From now to the month that the plan is sized for; empty without growth."""
    load_frac: float = 1.0
    """Part of the load asked for that the plan serves; more than 1 where more was to be had."""
    energy_kwh_per_month: float | None = None
    """Of own units, at their thermal limit while busy; an assumption, not a prediction."""
    predicted: Predicted = Predicted()
    binding: tuple[Binding, ...] = ()
    sensitivity: tuple[Sensitivity, ...] = ()
    measuring: tuple[Measuring, ...] = ()
    """Devices worth a bench, the one with the most at stake first; empty in plans of older versions."""
    alternatives: tuple[Alternative, ...] = ()
    rejected: tuple[Rejected, ...] = ()
    relaxations: tuple[Relaxation, ...] = ()
    candidates_considered: int = 0
    mip_gap: float | None = None
    """Proven distance of the cost from the least possible."""
    proven_optimal: bool = False
    solver: str = ""
    assumptions: tuple[str, ...] = ()
    """Sentences: what was assumed, with its evidence."""
    created_at: str | None = None
