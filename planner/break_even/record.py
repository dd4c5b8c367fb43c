"""Self-host or API, pair by pair, with the curve of the cheapest pair."""

from typing import ClassVar

from tonnage.evidence import Evidence, Quantiles
from tonnage.files import FileRecord, Record
from workloads.scenario import Scenario


class Pair(Record):
    """Units of one's own against one hosted offer, for the same mix of requests."""

    own: str
    """Model, format and devices of a unit."""
    own_model: str
    unit_usd_per_h: float
    price_basis: str
    unit_requests_per_s: float
    """Mean rate of the scenario's mix that one full unit carries, its peaks allowed for."""
    own_usd_per_mtok: float
    """Input and output together, units always full."""
    provider: str
    api_model: str
    same_model: bool
    api_usd_per_mtok: float
    price_as_of: str | None = None
    utilization: float
    """At which units cost as much as the API; above 1 no volume pays for them."""
    utilization_interval: Quantiles | None = None
    """With the interval of the predicted capacity, about its median."""
    first_requests_per_s: float | None = None
    """Volume at which units of this model, of any kind, cost as little for the first time."""
    always_requests_per_s: float | None = None
    """Volume from which on they never cost more."""
    first_mtok_per_month: float | None = None
    evidence: Evidence


class Point(Record):
    """Cost of one volume; None where it cannot be served."""

    requests_per_s: float
    own_usd_per_month: float | None = None
    api_usd_per_month: float | None = None
    mix_usd_per_month: float | None = None
    """Base load on units, the rest through the API, as the exact programme splits it."""
    mix_api_frac: float | None = None
    """Part of the requests that the API serves in the mix."""
    own_units: int | None = None


class SuccessEven(Record):
    """How much of its success a model may lose, or must gain, until chains no longer pay, or begin to."""

    model: str | None = None
    """None: all models of the chains at once."""
    success_frac: float | None = None
    """Of single tries, as published."""
    against: str
    """What the chains, kept as they are, are compared with: a person, or the strongest model alone."""
    even_factor: float | None = None
    """Part of the success at which both cost the same; None if no success changes which costs less."""


class TaskVolume(Record):
    """A task that ends right, at one volume, each way on a fleet of its own."""

    tasks_per_h: float
    usd: float
    """By the best chains for this volume."""
    bill_usd_per_h: float
    reliable_frac: float
    chain: str
    """The one that most tasks take."""
    strongest_usd: float | None = None
    """By the strongest model alone; None if it cannot serve alone."""


class PersonPrice(Record):
    """The best chains where a person, who takes what no model solves, asks so much."""

    person_usd: float
    usd: float
    """A task that ends right."""
    left_frac: float
    """Share of tasks that goes to the person."""
    chain: str
    pays: bool
    """It costs less than the person alone."""


class TaskEven(Record):
    """Chains of models against a person and against the strongest model alone, per task that ends right."""

    tasks_per_h: float
    usd: float
    reliable_frac: float
    chain: str
    person_usd: float | None = None
    """None where nobody takes what no model solves, or where classes have persons at several prices."""
    person_even_usd: float | None = None
    """Models pay where a person asks more than this; chains are chosen anew for that price."""
    strongest: str | None = None
    strongest_usd: float | None = None
    person_from_tasks_per_h: float | None = None
    """Volume from which on chains cost less than the person: 0 where they do at the least one looked at,
    None where they never do."""
    strongest_from_tasks_per_h: float | None = None
    """The same against the strongest model alone."""
    successes: tuple[SuccessEven, ...] = ()
    volumes: tuple[TaskVolume, ...] = ()
    prices: tuple[PersonPrice, ...] = ()


class BreakEven(FileRecord):
    """What `tonnage plan --break-even` answers."""

    FORMAT: ClassVar[str] = "tonnage.break-even"
    VERSION: ClassVar[int] = 1

    scenario: Scenario
    pairs: tuple[Pair, ...] = ()
    """The first one is that of the curve."""
    curve: tuple[Point, ...] = ()
    task: TaskEven | None = None
    """Where the scenario has tasks."""
    notes: tuple[str, ...] = ()
