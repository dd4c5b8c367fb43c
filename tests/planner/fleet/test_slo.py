"""Confidence and probability: inverse to each other, and exact at the quantiles given."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.fleet.supply.slo import all_hold, at_confidence, probability
from tonnage.evidence import Quantiles

capacities = st.tuples(st.floats(0.1, 10), st.floats(1.05, 3), st.floats(1.05, 3)).map(
    lambda t: Quantiles(p10=t[0] / t[1], p50=t[0], p90=t[0] * t[2])
)


@given(capacities)
def test_quantiles_are_met_exactly(capacity: Quantiles) -> None:
    assert at_confidence(capacity, 0.5) == pytest.approx(capacity.p50)
    assert at_confidence(capacity, 0.9) == pytest.approx(capacity.p10)
    assert probability(capacity, needed=capacity.p10) == pytest.approx(0.9)
    assert probability(capacity, needed=capacity.p50) == pytest.approx(0.5)
    assert probability(capacity, needed=capacity.p90) == pytest.approx(0.1)


@given(capacities, st.floats(0.5, 0.999))
def test_probability_inverts_confidence(capacity: Quantiles, confidence: float) -> None:
    assert probability(capacity, needed=at_confidence(capacity, confidence)) == pytest.approx(confidence)


@given(capacities, st.floats(0.01, 20), st.floats(1, 3))
def test_more_load_is_never_more_likely(capacity: Quantiles, needed: float, factor: float) -> None:
    assert probability(capacity, needed=needed * factor) <= probability(capacity, needed=needed) + 1e-12


def test_a_known_capacity_holds_or_does_not() -> None:
    exact = Quantiles.exactly(5.0)
    assert at_confidence(exact, 0.99) == 5.0
    assert (probability(exact, needed=5.0), probability(exact, needed=5.1)) == (1.0, 0.0)


def test_a_lower_tail_that_reaches_zero_is_cautious() -> None:
    unsure = Quantiles(p10=0.0, p50=4.0, p90=8.0)
    assert at_confidence(unsure, 0.9) == 0.0
    assert 0.0 < at_confidence(unsure, 0.7) < 4.0
    assert probability(unsure, needed=2.0) == pytest.approx(0.7)


def test_kinds_hold_together_less_often_than_each() -> None:
    assert all_hold([0.9, 0.9]) == pytest.approx(0.81)
    assert all_hold([]) == 1.0
