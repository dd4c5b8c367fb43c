"""Whole plans over a day, with purchases, limits, growth and objectives: closed forms and laws."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.fleet.plan import make_plan
from planner.fleet.records.plan_record import Plan
from tests.planner.fleet.known import scenario, traffic
from tonnage.errors import InvalidInput
from workloads.profile import normalised
from workloads.scenario import (
    Availability,
    Budget,
    Growth,
    Inventory,
    KnownPrice,
    Objective,
    OwnedHardware,
    Purchase,
    Scenario,
    Site,
)

A10G, L4, H100 = "nvidia-a10g", "nvidia-l4", "nvidia-h100-sxm5-80gb"
DAY_AND_NIGHT = normalised([1.0, 3.0], where="test")  # 0.5 and 1.5 times the mean


def asked(rate: float = 20.0, profile: tuple[float, ...] = DAY_AND_NIGHT, **values: object) -> Scenario:
    plain = scenario(
        {},
        {A10G: {"all": 5.0}},
        {A10G: 1.0},
        classes=(traffic("all", rate, profile=profile),),
    )
    return plain.model_copy(update=values)


def prices(**usd_per_h: float) -> tuple[KnownPrice, ...]:
    ways = {"on_demand": Purchase.ON_DEMAND, "reserved": Purchase.RESERVED, "spot": Purchase.SPOT}
    return tuple(KnownPrice(device=A10G, usd_per_h=usd, purchase=ways[way]) for way, usd in usd_per_h.items())


def counts(plan: Plan) -> dict[str, int]:
    return {unit.purchase: unit.count for unit in plan.units}


def test_rented_units_follow_the_load() -> None:
    plan = make_plan(asked())
    (unit,) = plan.units
    assert (unit.count, unit.count_by_period) == (6, (2, 6))
    assert plan.cost_usd_per_h == pytest.approx(4.0)
    assert [period.units for period in plan.periods] == [2, 6]
    assert sum(p.usd_per_h for p in plan.periods) / 2 == pytest.approx(plan.cost_usd_per_h)
    assert plan.proven_optimal


@pytest.mark.parametrize(
    ("reserved", "expected", "cost"),
    [(0.4, {"reserved": 6}, 2.4), (0.6, {"reserved": 2, "on-demand": 4}, 3.2), (1.1, {"on-demand": 6}, 4.0)],
)
def test_the_base_load_is_reserved_where_that_pays(
    reserved: float, expected: dict[str, int], cost: float
) -> None:
    """The peak lasts half of the time: reserving for it pays below half the price."""
    plan = make_plan(asked(prices=prices(on_demand=1.0, reserved=reserved)))
    assert counts(plan) == expected
    assert plan.cost_usd_per_h == pytest.approx(cost)
    assert sum(unit.share["all"] for unit in plan.units) == pytest.approx(1.0)


def test_a_part_of_spot_capacity_does_not_count() -> None:
    """Of 10 % less usable units, 30 requests/s need 6.67, so 7."""
    plan = make_plan(asked(prices=prices(spot=0.3)))
    assert plan.units[0].count_by_period == (3, 7)
    assert any("taken back" in line for line in plan.assumptions)


def test_owned_hardware_costs_its_loss_of_worth_and_its_power() -> None:
    hardware = OwnedHardware(
        device=A10G, count=6, price_usd=8760.0, years=2.0, residual_frac=0.5, power_w=500.0
    )
    owning = asked().candidates.model_copy(update={"owned": (hardware,)})
    plan = make_plan(asked(candidates=owning, site=Site(usd_per_kwh=0.2, pue=1.5), prices=()))
    each = 8760 * 0.5 / (2 * 8760) + 0.5 * 0.2 * 1.5
    assert counts(plan)["owned"] == 6
    assert plan.cost_usd_per_h == pytest.approx(6 * each)


def test_power_and_racks_limit_what_is_owned_alone() -> None:
    hardware = OwnedHardware(device=A10G, count=6, power_w=500.0)
    owning = asked().candidates.model_copy(update={"owned": (hardware,)})
    for site, owned in (
        (Site(power_w=1600.0), 3),
        (Site(racks=1, rack_devices=4), 4),
        (Site(racks=2, rack_power_w=500), 2),
    ):
        plan = make_plan(asked(candidates=owning, site=site))
        assert counts(plan) == {"owned": owned, "on-demand": 6 - owned}


def test_a_quota_sends_the_rest_elsewhere_or_nowhere() -> None:
    quota = Inventory(device="nvidia-*", count=4, purchase=Purchase.RESERVED)
    both = prices(on_demand=1.0, reserved=0.4)
    assert counts(make_plan(asked(prices=both, inventory=(quota,)))) == {"reserved": 4, "on-demand": 2}
    short = make_plan(asked(inventory=(Inventory(device=A10G, count=5),)))
    assert not short.feasible
    (load,) = [row for row in short.relaxations if row.constraint == "traffic.requests_per_s"]
    assert load.needed == pytest.approx(20 * 25 / 30, rel=1e-4)


@pytest.mark.parametrize(("domains", "failing", "units"), [(3, 1, (3, 9)), (2, 1, (4, 12)), (4, 2, (4, 12))])
def test_the_load_is_carried_when_domains_fail(domains: int, failing: int, units: tuple[int, int]) -> None:
    available = Availability(domains=domains, spare_domains=failing)
    plan = make_plan(asked(availability=available))
    assert plan.units[0].count_by_period == units
    for n, needed in zip(units, (2, 6), strict=True):
        spread = sorted(n // domains + (d < n % domains) for d in range(domains))
        assert sum(spread[: domains - failing]) >= needed


def test_growth_sizes_for_the_last_month_and_tells_the_cost_of_each() -> None:
    plan = make_plan(asked(10.0, (), growth=Growth(per_month_frac=1.0, months=2)))
    assert plan.units[0].count == 8
    assert [round(row.cost_usd_per_month / 730) for row in plan.growth] == [2, 4, 8]
    reserved = make_plan(
        asked(10.0, (), prices=prices(reserved=0.5), growth=Growth(per_month_frac=1.0, months=2))
    )
    assert [row.cost_usd_per_month / 730 for row in reserved.growth] == pytest.approx([1.0, 2.0, 4.0])
    assert [row.added for row in reserved.growth] == [
        (f"{n} x {A10G} reserved: llama-3.1-8b BF16",) for n in (2, 2, 4)
    ]


def test_what_is_reserved_early_is_weighed_over_all_months() -> None:
    """A falling load: eight units reserved for the first month would stand idle in the last."""
    falling = Growth(per_month_frac=-0.5, months=2)
    plan = make_plan(asked(40.0, (), prices=prices(on_demand=1.0, reserved=0.6), growth=falling))
    costs = [row.cost_usd_per_month / 730 for row in plan.growth]
    # Of 8, 4 and 2 units at work, 4 are worth reserving: two months in three, at 0.6 of the price.
    assert costs == pytest.approx([4 * 0.6 + 4, 4 * 0.6, 4 * 0.6])
    alone = [row.alone_usd_per_month for row in plan.growth]
    assert alone == pytest.approx([8 * 0.6 * 730] * 3)
    assert "month by month" in plan.assumptions[-1]


def test_the_most_load_within_a_budget() -> None:
    plan = make_plan(asked(10.0, (), objective=Objective.LOAD, budget=Budget(usd_per_month=7.5 * 730)))
    assert plan.load_frac == pytest.approx(3.5, rel=1e-4)
    assert (plan.units[0].count, plan.objective) == (7, "load")
    with pytest.raises(InvalidInput, match="give budget"):
        make_plan(asked(objective=Objective.LOAD))


def test_the_least_energy_is_where_a_request_takes_the_fewest_joules() -> None:
    """L4: 72 W for 5 requests a second; H100: 700 W for 80, at a higher price."""
    both = scenario({"all": 10.0}, {L4: {"all": 5.0}, H100: {"all": 80.0}}, {L4: 1.0, H100: 9.0})
    cheap = make_plan(both)
    lean = make_plan(both.model_copy(update={"objective": Objective.ENERGY}))
    assert [unit.device for unit in cheap.units] == [L4]
    assert [unit.device for unit in lean.units] == [H100]
    assert cheap.energy_kwh_per_month == pytest.approx(0.072 * 2 * 730)
    assert lean.energy_kwh_per_month == pytest.approx(0.700 / 8 * 730)
    within = both.model_copy(
        update={"objective": Objective.ENERGY, "budget": Budget(usd_per_month=8.0 * 730)}
    )
    assert [unit.device for unit in make_plan(within).units] == [L4]


def cost(given: Scenario) -> float:
    found = make_plan(given).cost_usd_per_h
    assert found is not None
    return found


rates = st.floats(1.0, 60.0)
shapes = st.lists(st.floats(0.0, 5.0), min_size=2, max_size=6).filter(lambda values: sum(values) > 0.5)
reserved = st.floats(0.2, 1.2)


@settings(max_examples=10, deadline=None)
@given(rates, reserved, st.integers(2, 24))
def test_a_flat_profile_is_no_profile(rate: float, price: float, length: int) -> None:
    ways = prices(on_demand=1.0, reserved=price)
    assert cost(asked(rate, (1.0,) * length, prices=ways)) == cost(asked(rate, (), prices=ways))


@settings(max_examples=10, deadline=None)
@given(rates, shapes, reserved, st.floats(1.0, 2.0))
def test_more_load_and_fewer_ways_never_cost_less(
    rate: float, shape: list[float], price: float, factor: float
) -> None:
    profile, ways = normalised(shape, where="test"), prices(on_demand=1.0, reserved=price)
    plain = cost(asked(rate, profile, prices=ways))
    assert cost(asked(rate * factor, profile, prices=ways)) >= plain * (1 - 2e-3)
    assert cost(asked(rate, profile, prices=ways[:1])) >= plain * (1 - 2e-3)


@settings(max_examples=10, deadline=None)
@given(rates, shapes, reserved)
def test_halves_of_a_class_cost_what_the_class_costs(rate: float, shape: list[float], price: float) -> None:
    profile, ways = normalised(shape, where="test"), prices(on_demand=1.0, reserved=price)
    whole = cost(asked(rate, profile, prices=ways))
    halves = tuple(traffic(name, rate / 2, profile=profile) for name in ("a", "b"))
    split = scenario({}, {A10G: {"a": 5.0, "b": 5.0}}, {}, classes=halves)
    assert cost(split.model_copy(update={"prices": ways})) == pytest.approx(whole, rel=2e-3)
