"""Break-even of scenarios whose capacities are given: pairs by hand, the curve against its parts."""

import pytest

from planner.break_even.make import break_even
from planner.break_even.record import BreakEven
from reports.figures.break_even import describe, draw_curve
from tests.planner.fleet.known import scenario
from workloads.offers import offers
from workloads.scenario import Scenario


def asked(**values: object) -> Scenario:
    return scenario(
        {"chat": 10.0},
        {"nvidia-l4": {"chat": 2.0}, "nvidia-h100-sxm5-80gb": {"chat": 20.0}},
        {"nvidia-l4": 1.0, "nvidia-h100-sxm5-80gb": 5.0},
        **values,  # type: ignore[arg-type]
    )


@pytest.fixture(scope="module")
def found() -> BreakEven:
    return break_even(asked())


def test_pairs_follow_from_prices_alone(found: BreakEven) -> None:
    """500 tokens in and 200 out at the list price against 5 USD/h for 20 requests/s."""
    pair = found.pairs[0]
    offer = next(
        one
        for one in offers()
        if (one.provider, one.model) == (pair.provider, pair.api_model) and one.is_current
    )
    per_request = 500 * (offer.input_usd_per_token or 0) + 200 * (offer.output_usd_per_token or 0)
    assert "nvidia-h100" in pair.own
    assert pair.unit_requests_per_s == pytest.approx(20.0)
    assert pair.api_usd_per_mtok == pytest.approx(per_request / 700e-6)
    assert pair.own_usd_per_mtok == pytest.approx(5.0 / (20 * 3600 * 700e-6))
    assert pair.utilization == pytest.approx(5.0 / (20 * 3600 * per_request))
    # The L4, at a fifth of the price, is the first to pay off if it ever does.
    first = 1.0 / 3600 / per_request
    expected = first if first <= 2.0 else (5.0 / 3600 / per_request if pair.utilization <= 1 else None)
    assert pair.first_requests_per_s == (None if expected is None else pytest.approx(expected))
    assert pair.same_model


def test_the_mix_never_costs_more_than_either(found: BreakEven) -> None:
    assert len(found.curve) > 10
    for point in found.curve:
        assert point.own_usd_per_month is not None
        assert point.api_usd_per_month is not None
        assert point.mix_usd_per_month is not None
        either = min(point.own_usd_per_month, point.api_usd_per_month)
        assert point.mix_usd_per_month <= either * 1.011  # the curve is solved to 1 %
    own = [point.own_usd_per_month or 0.0 for point in found.curve]
    assert own == sorted(own)


def test_the_curve_crosses_where_the_pair_says(found: BreakEven) -> None:
    first = found.pairs[0].first_requests_per_s
    for point in found.curve:
        if first is not None and point.requests_per_s < first * 0.99:
            assert (point.own_usd_per_month or 0.0) > (point.api_usd_per_month or 0.0)


def test_the_figure_shows_both_and_says_where_they_cross(found: BreakEven) -> None:
    drawn = draw_curve(found)
    assert drawn is not None
    text = drawn.decode()
    assert "requests per second" in text
    assert "cheapest mix" in text
    assert found.pairs[0].provider in describe(found)
    assert draw_curve(found.model_copy(update={"curve": ()})) is None


def test_peaks_and_spares_move_it_up(found: BreakEven) -> None:
    base = asked()
    peaky = base.model_copy(
        update={"classes": tuple(each.model_copy(update={"peak_to_mean": 2.0}) for each in base.classes)}
    )
    assert break_even(peaky).pairs[0].utilization == pytest.approx(2 * found.pairs[0].utilization)
    spared = break_even(asked(spare_units=1)).pairs[0].first_requests_per_s
    if spared is not None and found.pairs[0].first_requests_per_s is not None:
        assert spared > found.pairs[0].first_requests_per_s
