"""What a unit of n devices costs per hour, where that price stands, and in which lots it is sold."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from hw_targets import catalog
from hw_targets.device import Device, DeviceKind, Instance
from planner.fleet.programme.problem import Priced
from planner.fleet.supply.limits import NO_LIMITS, Limits
from tonnage.errors import InvalidInput
from workloads.scenario import KnownPrice, OwnedHardware, Purchase, Scenario

PER_DEVICE_NOTE = "per GPU"
"""Price lists that quote one device of a larger host mark the row so; hosts hold any number of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lot:
    """Devices of one kind that are bought together.

    Attributes
    ----------
    devices : int or None
        Devices in the lot; None if any number can be had at `usd_per_h` each.
    usd_per_h : float
        Price of the lot, or of one device. [USD/h]
    basis : str
        Provider, instance and date of the price.
    stock : int or None
        Devices that are there, None for what can be rented without limit.
    available_frac : float
        Part of what is bought that can be counted on.
    term_years : float or None
        For how long a reservation binds, where it is known.
    power_w : float or None
        What one device draws from the site of the scenario; None for what stands elsewhere.
    place : str or None
        Where it stands: what is in one place is taken to share a network; None if nobody says.
    """

    purchase: Purchase
    devices: int | None
    usd_per_h: float
    basis: str
    stock: int | None = None
    available_frac: float = 1.0
    term_years: float | None = None
    power_w: float | None = None
    place: str | None = None


OWN_SITE, OWN_PRICES = "own site", "own prices"


def lots(device: str, scenario: Scenario) -> tuple[Lot, ...]:
    """Return every way to get hold of a device; none if no price is known.

    The user's own prices of a device beat the catalog. Hardware that is owned is
    always among the ways; what is rented follows `candidates.purchase` and
    `providers`.
    """
    owned = tuple(
        _owned(item, scenario) for item in scenario.candidates.owned if device in (item.device, item.profile)
    )
    priced = tuple(_priced(price) for price in scenario.prices if price.device == device)
    if not priced and device in catalog.names():
        priced = tuple(_rented(catalog.get(device), scenario))
    reserve = scenario.candidates.spot_reserve_frac
    return (
        *owned,
        *(
            replace(lot, available_frac=1 - reserve) if lot.purchase is Purchase.SPOT else lot
            for lot in priced
        ),
    )


def _priced(price: KnownPrice) -> Lot:
    way = "" if price.purchase is Purchase.ON_DEMAND else f" {price.purchase}"
    term = "" if price.term_years is None else f" for {price.term_years:g} years"
    return Lot(
        purchase=price.purchase,
        devices=None,
        usd_per_h=price.usd_per_h,
        basis=f"the scenario's own{way} price{term}, {price.usd_per_h:g} USD/h per device",
        term_years=price.term_years,
        place=OWN_PRICES,
    )


def _owned(item: OwnedHardware, scenario: Scenario) -> Lot:
    """Return what one owned device costs: upkeep, loss of worth, and power for every hour at its limit.

    Raises
    ------
    InvalidInput
        If power has a price or a limit and nobody knows what the device draws.
    """
    site, name = scenario.site, item.device or item.profile or ""
    power_w = item.power_w if item.power_w is not None else tdp_w(name)
    matters = site.usd_per_kwh > 0 or site.power_w is not None or site.rack_power_w is not None
    if power_w is None and matters:
        raise InvalidInput(
            f"candidates.owned: nobody says what {name} draws, but power has a price or a limit; "
            "give its power_w"
        )
    power = (power_w or 0.0) / 1e3 * site.pue * site.usd_per_kwh
    usd_per_h = item.usd_per_h + item.amortisation_usd_per_h + power
    parts = [
        f"{part:.3g} {what}"
        for part, what in ((item.amortisation_usd_per_h, "loss of worth"), (power, "power"))
        if part
    ]
    made_of = f" ({', '.join(parts)})" if parts else ""
    return Lot(
        purchase=Purchase.OWNED,
        devices=None,
        usd_per_h=usd_per_h,
        basis=f"owned, {usd_per_h:.4g} USD/h each to run{made_of}",
        stock=item.count,
        power_w=power_w,
        place=OWN_SITE,
    )


def tdp_w(device: str) -> float | None:
    """Return the thermal limit of a catalog device [W], None if it is not known."""
    return catalog.get(device).tdp_w if device in catalog.names() else None


def _rented(device: Device, scenario: Scenario) -> Iterable[Lot]:
    instances = catalog.instances(device.id)
    for instance in instances:
        if _allowed(instance.provider, scenario.candidates.providers):
            yield from _of_instance(device, instance, scenario.candidates.purchase)
    if not instances and device.rent_usd_per_h and Purchase.ON_DEMAND in scenario.candidates.purchase:
        yield Lot(
            purchase=Purchase.ON_DEMAND,
            devices=None,
            usd_per_h=device.rent_usd_per_h,
            basis=device.rent_basis or "catalog",
        )


def _allowed(provider: str, globs: tuple[str, ...] | None) -> bool:
    return globs is None or any(fnmatchcase(provider.lower(), glob.lower()) for glob in globs)


def _of_instance(device: Device, instance: Instance, ways: Iterable[Purchase]) -> Iterable[Lot]:
    prices = {
        Purchase.ON_DEMAND: instance.on_demand_usd_per_h,
        Purchase.RESERVED: instance.reserved_usd_per_h,
        Purchase.SPOT: instance.spot_usd_per_h,
    }
    count = int(instance.device_count or 0)
    any_number = PER_DEVICE_NOTE in (instance.notes or "") or device.kind is DeviceKind.TPU
    for way in ways:
        price = prices.get(way)
        if price is not None and count >= 1:
            yield Lot(
                purchase=way,
                devices=None if any_number and count == 1 else count,
                usd_per_h=price,
                basis=_basis(instance, way),
                place=f"{instance.provider} {instance.region or ''}".strip(),
            )


def _basis(instance: Instance, way: Purchase) -> str:
    where = f" {instance.region}" if instance.region else ""
    when = f", {instance.as_of}" if instance.as_of else ""
    return f"{instance.provider} {instance.name}{where} {way}{when}"


def units_of(lot: Lot, devices_per_unit: int, *, pool: str, limits: Limits = NO_LIMITS) -> Priced | None:
    """Return the purchase of units that a lot allows, None if a unit does not fit in it.

    A unit does not span hosts: a lot of 8 holds 4 units of 2, one unit of 5, and
    what is left over is paid for all the same.

    Parameters
    ----------
    pool : str
        Name of the stock that owned hardware draws from.
    limits : Limits
        Quotas and limits of the site.
    """
    if lot.devices is not None and lot.devices < devices_per_unit:
        return None
    devices = devices_per_unit if lot.devices is None else lot.devices
    units = devices // devices_per_unit
    note = (
        ""
        if units == 1 and devices == devices_per_unit
        else f" ({devices} devices at {lot.usd_per_h:g} USD/h)"
    )
    priced = Priced(
        label=lot.basis + note,
        usd_per_h=lot.usd_per_h * (devices_per_unit if lot.devices is None else 1),
        units=units,
        available_frac=lot.available_frac,
        committed=lot.purchase.is_committed,
        draws=limits.draws(pool, lot.purchase, devices=devices, power_w=lot.power_w),
    )
    return priced if lot.stock is None else replace(priced, pool=pool, pool_use=devices_per_unit)


def beats(one: Priced, other: Priced) -> bool:
    """Tell whether one way to buy a unit, as often as needed, brings as much for no more money.

    What is limited neither beats nor is beaten, as there may not be enough of it;
    nor does what is bought for good beat what is not, nor does what may be taken away.
    """
    if one.pool is not None or other.pool is not None or one.draws or other.draws:
        return False
    if one.available_frac != other.available_frac or (one.committed and not other.committed):
        return False
    times = math.ceil(other.units / one.units)
    return times * one.usd_per_h <= other.usd_per_h
