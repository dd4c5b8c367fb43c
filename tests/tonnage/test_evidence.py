"""Evidence is ordered, intervals are ordered, and both survive scaling."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tests.strategies import quantiles
from tonnage.evidence import Evidence, Quantiles, weakest

EVIDENCE = st.lists(st.sampled_from(Evidence), min_size=1)


@given(EVIDENCE)
def test_a_result_is_known_no_better_than_its_weakest_input(evidences: list[Evidence]) -> None:
    assert all(weakest(evidences).rank >= one.rank for one in evidences)
    assert weakest(evidences) in evidences


@given(st.floats(1e-6, 1e6), st.floats(0, 3))
def test_lognormal_gives_back_its_own_width(median: float, sigma_log: float) -> None:
    interval = Quantiles.lognormal(median, sigma_log)
    assert interval.p50 == median
    assert interval.sigma_log == pytest.approx(sigma_log, abs=1e-9)


@given(quantiles(), st.floats(1e-3, 1e3))
def test_scaling_keeps_order_and_relative_width(interval: Quantiles, factor: float) -> None:
    scaled = interval.scaled(factor)
    assert scaled.p50 == interval.p50 * factor
    assert scaled.sigma_log == pytest.approx(interval.sigma_log, abs=1e-9)


@pytest.mark.parametrize("three", [(2, 1, 3), (1, 3, 2), (float("nan"), 1, 2), (1, 2, float("inf"))])
def test_disordered_or_infinite_quantiles_are_refused(three: tuple[float, float, float]) -> None:
    with pytest.raises(ValidationError):
        Quantiles(p10=three[0], p50=three[1], p90=three[2])
