"""What a running unit costs: as the user says, else the cheapest way to rent the same."""

from planner.audit.fleet_file import Running
from planner.fleet.supply.money import lots, units_of
from workloads.scenario import Purchase, Scenario


def unit_usd_per_h(one: Running, scenario: Scenario) -> float | None:
    """Return the price of one unit [USD/h], None if nobody asks one for its device."""
    if one.usd_per_h is not None:
        return one.usd_per_h
    what = one.deployment
    offered = [
        units_of(lot, what.devices, pool=what.device)
        for lot in lots(what.device, scenario)
        if lot.purchase is not Purchase.OWNED
    ]
    return min((way.usd_per_h / way.units for way in offered if way is not None), default=None)
