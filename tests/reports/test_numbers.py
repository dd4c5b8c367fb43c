import doctest

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports import numbers
from tonnage.evidence import Quantiles

AMOUNTS = st.floats(1e-6, 1e12)


def test_the_examples_in_the_docstrings_hold():
    assert doctest.testmod(numbers).failed == 0


@given(AMOUNTS)
def test_money_is_shown_to_three_digits_at_least_or_to_the_dollar(amount):
    shown = float(numbers.usd(amount).replace("$", "").replace(",", ""))
    assert shown == pytest.approx(amount, rel=6e-3, abs=0.5 if amount >= 1000 else 0)


@given(st.lists(AMOUNTS, min_size=1, max_size=5))
def test_no_amount_of_a_column_is_shown_as_nothing(amounts):
    assert all(float(text.replace("$", "").replace(",", "")) > 0 for text in numbers.usd_column(amounts))


@given(st.lists(st.floats(1e-9, 1e3), min_size=3, max_size=3).map(sorted), st.sampled_from(["s", "tokens/s"]))
def test_an_interval_shows_its_median_and_both_ends_on_one_scale(three, unit):
    low, middle, high = three
    text = numbers.interval(Quantiles(p10=low, p50=middle, p90=high), unit)
    if low == high:
        assert "(" not in text
        return
    shown, _, ends = text.partition(" (")
    scale = middle / float(shown.partition(" ")[0].replace(",", ""))
    first, last = (float(end.replace(",", "")) for end in ends.rstrip(")").split(" to "))
    assert first * scale == pytest.approx(low, rel=0.06, abs=0.006 * middle)
    assert last * scale == pytest.approx(high, rel=0.06, abs=0.006 * middle)


def test_unknown_numbers_say_so():
    assert {numbers.usd(None), numbers.percent(None), numbers.count(None), numbers.interval(None, "s")} == {
        "unknown"
    }
