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


class BreakEven(FileRecord):
    """What `tonnage plan --break-even` answers."""

    FORMAT: ClassVar[str] = "tonnage.break-even"
    VERSION: ClassVar[int] = 1

    scenario: Scenario
    pairs: tuple[Pair, ...] = ()
    """The first one is that of the curve."""
    curve: tuple[Point, ...] = ()
    notes: tuple[str, ...] = ()
