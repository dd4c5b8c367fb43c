"""Prices: whose, for how many devices, and in which lots."""

import pytest

from hw_targets import catalog
from planner.fleet.supply.money import Lot, lots, units_of
from workloads.scenario import Candidates, KnownPrice, OwnedHardware, Purchase, Scenario, TrafficClass

TRAFFIC = (TrafficClass(requests_per_s=1, prompt_tokens=1, output_tokens=1),)
H100 = "nvidia-h100-sxm5-80gb"


def asked(**candidates: object) -> Scenario:
    return Scenario(classes=TRAFFIC, candidates=Candidates(**candidates))


def test_the_users_price_beats_the_catalog() -> None:
    scenario = asked().model_copy(update={"prices": (KnownPrice(device=H100, usd_per_h=1.23),)})
    (lot,) = lots(H100, scenario)
    assert units_of(lot, 4, pool=H100).usd_per_h == pytest.approx(4 * 1.23)


def test_every_instance_of_the_catalog_is_a_lot() -> None:
    found = {(lot.devices, lot.usd_per_h) for lot in lots(H100, asked())}
    for instance in catalog.instances(H100):
        if instance.on_demand_usd_per_h and "per GPU" not in (instance.notes or ""):
            assert (instance.device_count, instance.on_demand_usd_per_h) in found
    assert all(H100 not in lot.basis and lot.basis for lot in lots(H100, asked()))


def test_providers_and_purchases_narrow_the_lots() -> None:
    assert {lot.basis.split()[0] for lot in lots(H100, asked(providers=("aws",)))} == {"AWS"}
    assert {lot.purchase for lot in lots(H100, asked(purchase=(Purchase.SPOT,)))} <= {Purchase.SPOT}
    assert lots("apple-m2-ultra", asked()) == ()


def test_owned_hardware_is_a_stock() -> None:
    lot, *_ = lots(H100, asked(owned=(OwnedHardware(device=H100, count=3, usd_per_h=0.5),)))
    priced = units_of(lot, 2, pool=H100)
    assert (lot.stock, priced.pool, priced.pool_use, priced.usd_per_h) == (3, H100, 2, 1.0)


@pytest.mark.parametrize(
    ("devices", "size", "units"), [(8, 1, 8), (8, 2, 4), (8, 5, 1), (8, 8, 1), (8, 16, None), (1, 2, None)]
)
def test_units_do_not_span_hosts(devices: int, size: int, units: int | None) -> None:
    lot = Lot(purchase=Purchase.ON_DEMAND, devices=devices, usd_per_h=32.0, basis="a host")
    priced = units_of(lot, size, pool="")
    assert (priced.units if priced else None) == units
    assert priced is None or priced.usd_per_h == 32.0
