"""One table of units: what is written for people reads back as the same number."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tonnage import units
from tonnage.errors import InvalidInput


@given(st.floats(1e-9, 1e9), st.sampled_from(sorted(units.DURATIONS)))
def test_durations_scale_with_their_unit(number: float, unit: str) -> None:
    assert math.isclose(units.seconds(f"{number!r}{unit}"), number * units.DURATIONS[unit])


@given(st.floats(1e-6, 1e6), st.sampled_from(sorted(units.KEY_SUFFIXES)))
def test_catalog_keys_scale_to_si(number: float, suffix: str) -> None:
    key, value = units.si_key("thing" + suffix, number)
    assert key.endswith(units.SI_SUFFIXES)
    assert math.isclose(value, number * units.KEY_SUFFIXES[suffix][1])


@given(st.floats(1e-8, 1e20), st.sampled_from(["B/s", "flop/s", "s"]))
def test_human_text_keeps_three_digits(value: float, unit: str) -> None:
    number, word = units.human(value, unit).split(" ", 1)
    prefixes = {
        "n": 1e-9,
        "µ": 1e-6,
        "m": 1e-3,
        "": 1.0,
        "k": 1e3,
        "M": 1e6,
        "G": 1e9,
        "T": 1e12,
        "P": 1e15,
        "E": 1e18,
    }
    assert math.isclose(float(number) * prefixes[word.removesuffix(unit)], value, rel_tol=0.006)


def test_a_gigabyte_is_not_a_gibibyte() -> None:
    assert units.si_key("memory_gb", 1)[1] == 10**9
    assert units.si_key("memory_gib", 1)[1] == 2**30
    assert units.size_bytes("1GiB") / units.size_bytes("1GB") == pytest.approx(1.0737, abs=1e-4)


@pytest.mark.parametrize("key", ["bandwidth_gbps", "memory", "bw_gbs", "peak_tops"])
def test_keys_without_a_known_unit_are_refused(key: str) -> None:
    with pytest.raises(InvalidInput, match="ends in no known unit"):
        units.si_key(key, 1)


@pytest.mark.parametrize("text", ["", "fast", "5 parsecs", "nan", "inf", "1e999s", "5ms later", "--3"])
def test_unreadable_durations_name_the_flag_and_an_example(text: str) -> None:
    with pytest.raises(InvalidInput, match="ttft_p95"):
        units.seconds(text, name="ttft_p95")


def test_budgets_are_per_month_of_730_hours() -> None:
    assert units.usd_per_month("$20,000/month") == 20_000
    assert units.usd_per_month("1/h") == 730
    assert units.usd_per_month("12/year") == 1
    assert units.count("32k") == 32_000


def test_unknown_is_said_to_be_unknown() -> None:
    assert units.human(None, "B/s") == "unknown"
    assert units.gib(None) == "unknown"
    assert units.human(0.0, "s") == "0 s"
    assert units.human(999.9e6, "B") == "1 GB"
