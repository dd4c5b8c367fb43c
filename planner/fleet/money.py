"""What a unit of n devices costs per hour, where that price stands, and in which lots it is sold."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase

from hw_targets import catalog
from hw_targets.device import Device, DeviceKind, Instance
from planner.fleet.problem import Priced
from workloads.scenario import Purchase, Scenario

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
    """

    purchase: Purchase
    devices: int | None
    usd_per_h: float
    basis: str
    stock: int | None = None


def lots(device: str, scenario: Scenario) -> tuple[Lot, ...]:
    """Return every way to get hold of a device; none if no price is known.

    The user's own price beats the catalog. Hardware that is owned is always
    among the ways; what is rented follows `candidates.purchase` and `providers`.
    """
    owned = tuple(
        Lot(
            purchase=Purchase.OWNED,
            devices=None,
            usd_per_h=item.usd_per_h,
            basis=f"owned, {item.usd_per_h:g} USD/h each to run",
            stock=item.count,
        )
        for item in scenario.candidates.owned
        if device in (item.device, item.profile)
    )
    for price in scenario.prices:
        if price.device == device:
            basis = f"the scenario's own price, {price.usd_per_h:g} USD/h per device"
            lot = Lot(purchase=Purchase.ON_DEMAND, devices=None, usd_per_h=price.usd_per_h, basis=basis)
            return (*owned, lot)
    if device not in catalog.names():
        return owned
    return (*owned, *_rented(catalog.get(device), scenario))


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
            )


def _basis(instance: Instance, way: Purchase) -> str:
    where = f" {instance.region}" if instance.region else ""
    when = f", {instance.as_of}" if instance.as_of else ""
    return f"{instance.provider} {instance.name}{where} {way}{when}"


def units_of(lot: Lot, devices_per_unit: int, *, pool: str) -> Priced | None:
    """Return the purchase of units that a lot allows, None if a unit does not fit in it.

    A unit does not span hosts: a lot of 8 holds 4 units of 2, one unit of 5, and
    what is left over is paid for all the same.
    """
    if lot.stock is not None:
        return Priced(
            label=lot.basis,
            usd_per_h=lot.usd_per_h * devices_per_unit,
            pool=pool,
            pool_use=devices_per_unit,
        )
    if lot.devices is None:
        return Priced(label=lot.basis, usd_per_h=lot.usd_per_h * devices_per_unit)
    if lot.devices < devices_per_unit:
        return None
    units = lot.devices // devices_per_unit
    note = "" if lot.devices == devices_per_unit else f" ({lot.devices} devices at {lot.usd_per_h:g} USD/h)"
    return Priced(label=lot.basis + note, usd_per_h=lot.usd_per_h, units=units)


def beats(one: Priced, other: Priced) -> bool:
    """Tell whether one way to buy a unit, as often as needed, brings as much for no more money.

    Hardware from a stock neither beats nor is beaten: there may not be enough of it.
    """
    if one.pool is not None or other.pool is not None:
        return False
    times = math.ceil(other.units / one.units)
    return times * one.usd_per_h <= other.usd_per_h
