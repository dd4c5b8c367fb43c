"""Where whole units cross a price per request: against enumeration, and laws."""

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from planner.break_even.crossing import crossing

PRICE = st.floats(0.1, 20.0)
LOAD = st.floats(0.01, 3.0)


def own_cost(load: float, *, usd_per_h: float, full_at: float, spare: int) -> float:
    return usd_per_h * (math.ceil(load / full_at - 1e-9) + spare)


@given(PRICE, LOAD, PRICE, st.integers(0, 2))
def test_crossings_are_those_of_enumeration(p: float, full_at: float, api: float, spare: int) -> None:
    """Over a fine grid of loads, units pay off nowhere before `first` and everywhere from `always` on."""
    found = crossing(usd_per_h=p, full_at=full_at, api_usd_per_h=api, spare=spare)
    assert found.utilization == pytest.approx(p / (api * full_at))
    assume(abs(found.utilization - 1) > 1e-3)
    if found.utilization > 1:
        assert (found.first, found.always) == (None, None)
        return
    assert found.first is not None
    assert found.always is not None
    assert found.first <= found.always
    top = min(1.5 * found.always, 400 * full_at)
    for step in range(1, 400):
        load = top * step / 400
        pays = own_cost(load, usd_per_h=p, full_at=full_at, spare=spare) <= api * load * (1 + 1e-9)
        if load < found.first * (1 - 1e-6):
            assert not pays
        if load > found.always * (1 + 1e-6):
            assert pays
    at = found.first
    assert own_cost(at, usd_per_h=p, full_at=full_at, spare=spare) <= api * at * (1 + 1e-5)


@given(PRICE, LOAD, PRICE)
def test_always_is_no_later_than_it_must_be(p: float, full_at: float, api: float) -> None:
    """Just below it, units cost more, unless it is the first crossing."""
    found = crossing(usd_per_h=p, full_at=full_at, api_usd_per_h=api)
    assume(found.utilization < 0.99)
    assert found.always is not None
    before = found.always * (1 - 1e-6)
    assert own_cost(before, usd_per_h=p, full_at=full_at, spare=0) > api * before


def test_half_a_unit_pays_for_itself_at_a_utilisation_of_a_half() -> None:
    found = crossing(usd_per_h=1.0, full_at=2.0, api_usd_per_h=1.0)
    assert (found.utilization, found.first, found.always) == (0.5, 1.0, 1.0)


def test_spares_are_paid_for_as_well() -> None:
    """One spare: two units at 1 USD/h pay off where the API charges 2 USD/h."""
    assert crossing(usd_per_h=1.0, full_at=10.0, api_usd_per_h=1.0, spare=1).first == pytest.approx(2.0)


def test_a_free_offer_is_never_beaten() -> None:
    assert crossing(usd_per_h=1.0, full_at=1.0, api_usd_per_h=0.0).first is None
