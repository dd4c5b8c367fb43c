"""The largest load and the fewest units: closed forms, brute force, and laws."""

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from planner.audit.routing import fewest, largest

RATE = st.floats(0.1, 20.0)


@st.composite
def fleets(draw: st.DrawFn, most: int = 3) -> tuple[np.ndarray, list[int], list[float]]:
    kinds, classes = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    cell = st.just(0.0) | st.floats(0.2, 10.0)
    capacity = np.array([[draw(cell) for _ in range(classes)] for _ in range(kinds)])
    return capacity, [draw(st.integers(0, most)) for _ in range(kinds)], [draw(RATE) for _ in range(classes)]


@given(st.floats(0.1, 50), st.integers(1, 20), RATE)
def test_one_kind_and_class_carry_count_times_capacity(capacity: float, count: int, rate: float) -> None:
    found = largest(np.array([[capacity]]), [count], [rate])
    assert found.factor == pytest.approx(count * capacity / rate, rel=1e-6)
    assert found.worth[0] == pytest.approx(capacity / rate, rel=1e-6)


def test_two_kinds_that_are_each_good_at_one_class() -> None:
    """Each class on its own kind: the factor is the smaller headroom, and only that kind is worth more."""
    found = largest(np.array([[4.0, 0.0], [0.0, 3.0]]), [2, 2], [4.0, 2.0])
    assert found.factor == pytest.approx(2.0)
    assert found.worth == pytest.approx([1.0, 0.0])


@settings(max_examples=60)
@given(fleets())
def test_routing_is_within_capacity_and_more_units_never_carry_less(
    fleet: tuple[np.ndarray, list[int], list[float]],
) -> None:
    capacity, counts, rates = fleet
    found = largest(capacity, counts, rates)
    assume(found.factor > 0)
    assert found.shares.sum(axis=0) == pytest.approx(np.ones(len(rates)), rel=1e-6)
    busy = found.utilization(capacity, np.array(counts, float), np.array(rates)) * found.factor
    assert (busy <= 1 + 1e-6).all()
    assert largest(capacity, [n + 1 for n in counts], rates).factor >= found.factor - 1e-9
    halved = largest(capacity, counts, [rate / 2 for rate in rates])
    assert halved.factor == pytest.approx(2 * found.factor, rel=1e-6)


@settings(max_examples=40)
@given(fleets())
def test_worth_is_what_a_little_more_of_a_kind_adds(fleet: tuple[np.ndarray, list[int], list[float]]) -> None:
    """Duals lie between the slopes to either side."""
    capacity, counts, rates = fleet
    found = largest(capacity, counts, rates)
    assume(found.factor > 0)
    for k, count in enumerate(counts):
        assume(count > 0)
        step = 1e-4
        up = largest(capacity, [n + step * (i == k) for i, n in enumerate(counts)], rates).factor
        down = largest(capacity, [n - step * (i == k) for i, n in enumerate(counts)], rates).factor
        slopes = ((up - found.factor) / step, (found.factor - down) / step)
        tolerance = 1e-3 * max(1.0, *slopes)
        assert slopes[0] - tolerance <= found.worth[k] <= slopes[1] + tolerance


@settings(max_examples=60, deadline=None)
@given(fleets(), st.integers(0, 1), st.lists(st.floats(0.1, 5), min_size=3, max_size=3))
def test_fewest_is_the_cheapest_choice_of_all(
    fleet: tuple[np.ndarray, list[int], list[float]], spare: int, prices: list[float]
) -> None:
    capacity, counts, rates = fleet
    prices = prices[: len(counts)]
    found = fewest(capacity, counts, rates, prices, spare=spare)
    enough = []
    for kept in product(*(range(n + 1) for n in counts)):
        working = [max(n - spare, 0) for n in kept]
        margin = largest(capacity, working, rates).factor
        assume(abs(margin - 1) > 1e-4)  # on the edge both answers are right
        if margin >= 1:
            enough.append(sum(n * price for n, price in zip(kept, prices, strict=True)))
    if not enough:
        assert found is None
        return
    assert found is not None
    cost = sum(n * price for n, price in zip(found, prices, strict=True))
    assert cost == pytest.approx(min(enough), abs=0.002 * max(prices) * (sum(counts) + 1))
    assert largest(capacity, [max(n - spare, 0) for n in found], rates).factor >= 1 - 1e-6


def test_a_class_that_nobody_serves_leaves_nothing() -> None:
    found = largest(np.array([[1.0, 0.0]]), [3], [1.0, 1.0])
    assert found.factor == 0
    assert math.isnan(found.utilization(np.array([[1.0, 0.0]]), np.array([3.0]), np.array([1.0, 1.0]))[0])
