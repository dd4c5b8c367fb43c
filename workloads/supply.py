"""What a scenario says about supply: ways to pay for hardware, the site it stands on, and limits."""

from enum import StrEnum

from pydantic import Field

from tonnage.files import Record
from tonnage.units import HOURS_PER_MONTH

HOURS_PER_YEAR = 12 * HOURS_PER_MONTH


class Purchase(StrEnum):
    """How hardware is paid for."""

    ON_DEMAND = "on-demand"
    RESERVED = "reserved"
    SPOT = "spot"
    OWNED = "owned"

    @property
    def is_committed(self) -> bool:
        """Paid for at all hours, used or not."""
        return self in (Purchase.RESERVED, Purchase.OWNED)


class OwnedHardware(Record):
    """Hardware that is there already, or could be bought: a catalog device or a profiled machine."""

    device: str | None = None
    profile: str | None = None
    count: int = Field(default=1, ge=1)
    usd_per_h: float = Field(default=0.0, ge=0)
    """Running cost of one besides what the other figures say."""
    price_usd: float | None = Field(default=None, gt=0)
    """Of one, with its share of the host; None is paid off."""
    years: float | None = Field(default=None, gt=0)
    """Over which the price is written off."""
    residual_frac: float = Field(default=0.0, ge=0, lt=1)
    """Part of the price that it is still worth then."""
    power_w: float | None = Field(default=None, gt=0)
    """Of one with its share of the host; None is the thermal limit of the device."""

    @property
    def amortisation_usd_per_h(self) -> float:
        """What one loses in worth each hour, in a straight line."""
        if self.price_usd is None or self.years is None:
            return 0.0
        return self.price_usd * (1 - self.residual_frac) / (self.years * HOURS_PER_YEAR)


class Site(Record):
    """Where owned hardware stands: what power costs there, and how much fits in."""

    usd_per_kwh: float = Field(default=0.0, ge=0)
    pue: float = Field(default=1.0, ge=1)
    """Power of the site over that of the hardware."""
    kg_co2_per_kwh: float | None = Field(default=None, ge=0)
    power_w: float | None = Field(default=None, gt=0)
    """That owned hardware may draw in all, cooling not counted."""
    racks: int | None = Field(default=None, ge=1)
    rack_power_w: float | None = Field(default=None, gt=0)
    rack_devices: int | None = Field(default=None, ge=1)


class Inventory(Record):
    """How many devices can be had at most, whatever they cost: a quota, or what a market holds."""

    device: str
    """An id or a glob."""
    count: int = Field(ge=0)
    purchase: Purchase | None = None
    """None: all ways to buy them together."""


class ApiLimit(Record):
    """What a hosted offer lets through."""

    provider: str = "*"
    model: str = "*"
    requests_per_s: float | None = Field(default=None, gt=0)
    tokens_per_s: float | None = Field(default=None, gt=0)


class ApiSpeed(Record):
    """How fast a hosted offer answers, as the user saw or was promised it."""

    provider: str = "*"
    model: str = "*"
    ttft_s: float = Field(gt=0)
    tpot_s: float = Field(gt=0)


class KnownPrice(Record):
    """The user's own price of one device; all of a device's own prices together beat the catalog."""

    device: str
    usd_per_h: float = Field(gt=0)
    purchase: Purchase = Purchase.ON_DEMAND
    term_years: float | None = Field(default=None, gt=0)
    """For how long a reservation binds."""
