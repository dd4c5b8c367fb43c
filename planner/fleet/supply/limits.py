"""Limits besides the stock of owned hardware: quotas, power and room of the site."""

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from workloads.scenario import Inventory, Purchase, Scenario, Site

POWER, ROOM = "power of the site", "room in the racks"

Draws = tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a scenario limits, by name, and what purchases take of it."""

    inventory: tuple[Inventory, ...]
    site: Site

    def amounts(self) -> Mapping[str, float]:
        """Return name -> what there is [devices, W]."""
        found = {_quota(item): float(item.count) for item in self.inventory}
        racks = self.site.racks or 0
        power = [self.site.power_w]
        power += [racks * self.site.rack_power_w] if self.site.rack_power_w is not None else []
        known = [limit for limit in power if limit is not None]
        if known:
            found[POWER] = min(known)
        if self.site.rack_devices is not None:
            found[ROOM] = float(racks * self.site.rack_devices)
        return found

    def draws(self, device: str, purchase: Purchase, *, devices: int, power_w: float | None) -> Draws:
        """Return what one purchase of so many devices takes of each limit.

        Parameters
        ----------
        power_w : float or None
            What one of them draws from the site; None for what stands elsewhere.
        """
        if not self.inventory and purchase is not Purchase.OWNED:
            return ()
        found = [
            (_quota(item), float(devices))
            for item in self.inventory
            if fnmatchcase(device.lower(), item.device.lower()) and item.purchase in (None, purchase)
        ]
        if purchase is Purchase.OWNED:
            names = self.amounts()
            found += [(POWER, devices * (power_w or 0.0))] if POWER in names else []
            found += [(ROOM, float(devices))] if ROOM in names else []
        return tuple(found)


NO_LIMITS = Limits(inventory=(), site=Site())


def limits_of(scenario: Scenario) -> Limits:
    """Return the limits of a scenario."""
    return Limits(inventory=scenario.inventory, site=scenario.site)


def _quota(item: Inventory) -> str:
    way = "" if item.purchase is None else f" {item.purchase}"
    return f"quota of {item.device}{way}"
