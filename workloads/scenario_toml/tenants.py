"""Tenants of a scenario: each takes a share of every class, as a class of its own."""

from collections.abc import Mapping, Sequence

from tonnage.errors import InvalidInput
from workloads.scenario import KnownCapacity, TrafficClass
from workloads.scenario_toml import values as read
from workloads.scenario_toml.checks import EVERY_CLASS

SHARE_NOISE = 1e-6


def tenants(traffic: Mapping[str, object]) -> dict[str, float]:
    """Read [[traffic.tenant]] into tenant -> share of the traffic; empty if there are none.

    Raises
    ------
    InvalidInput
        If a name comes twice, or shares do not sum to 1.
    """
    shares: dict[str, float] = {}
    for number, row in enumerate(read.tables(traffic.get("tenant", []), where="traffic.tenant")):
        where = f"traffic.tenant[{number}]"
        given = read.table(row, ("name", "share"), where=where)
        name = read.text(given.get("name"), where=f"{where}.name")
        if name in shares:
            raise InvalidInput(f"tenant '{name}' is given twice; tenant names must differ")
        shares[name] = read.part(given.get("share", 0.0), where=f"{where}.share")
        if shares[name] <= 0:
            raise InvalidInput(f"{where}.share must be above 0, e.g. 0.25 or 25%")
    total = sum(shares.values())
    if shares and abs(total - 1) > SHARE_NOISE:
        raise InvalidInput(f"the shares of tenants sum to {total:g}, not to 1")
    return shares


def split(classes: Sequence[TrafficClass], shares: Mapping[str, float]) -> tuple[TrafficClass, ...]:
    """Return the classes, each once per tenant with its share of the rate."""
    if not shares:
        return tuple(classes)
    return tuple(
        traffic.model_copy(
            update={"name": _name(traffic.name, tenant), "requests_per_s": traffic.requests_per_s * share}
        )
        for traffic in classes
        for tenant, share in shares.items()
    )


def for_tenants(top: Mapping[str, object], capacity: Sequence[KnownCapacity]) -> tuple[KnownCapacity, ...]:
    """Return the capacity table with each entry of a class once per tenant."""
    traffic = top.get("traffic")
    shares = tenants(traffic) if isinstance(traffic, Mapping) else {}
    if not shares:
        return tuple(capacity)
    return tuple(
        entry.model_copy(update={"class_name": name}) for entry in capacity for name in _names(entry, shares)
    )


def _names(entry: KnownCapacity, shares: Mapping[str, float]) -> list[str]:
    if entry.class_name == EVERY_CLASS:
        return [EVERY_CLASS]
    return [_name(entry.class_name, tenant) for tenant in shares]


def _name(klass: str, tenant: str) -> str:
    return tenant if klass == EVERY_CLASS else f"{klass}/{tenant}"
