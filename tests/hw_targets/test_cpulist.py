"""Sets of CPUs as ranges behave like sets."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hw_targets import cpulist

CPUS = st.sets(st.integers(0, 300), max_size=60)


@given(CPUS)
def test_ranges_hold_what_was_put_in(cpus: set[int]) -> None:
    ranges = cpulist.of(cpus)
    assert set(cpulist.members(ranges, at_most=1000)) == cpus
    assert cpulist.count(ranges) == len(cpus)
    written = ",".join(f"{first}-{last}" if first != last else str(first) for first, last in ranges)
    assert cpulist.parse(written) == ranges


@given(CPUS, CPUS)
def test_common_is_the_intersection(left: set[int], right: set[int]) -> None:
    shared = cpulist.common(cpulist.of(left), cpulist.of(right))
    assert set(cpulist.members(shared, at_most=1000)) == left & right


def test_a_million_cpus_cost_nothing() -> None:
    ranges = cpulist.parse("0-999999")
    assert ranges is not None and cpulist.count(ranges) == 1_000_000
    assert len(list(cpulist.members(ranges, at_most=64))) == 64


@pytest.mark.parametrize("text", ["a", "1-", "-1", "3-1", "1;2", "0-99999999999"])
def test_other_notations_are_refused(text: str) -> None:
    assert cpulist.parse(text) is None


def test_empty_is_no_cpu_and_missing_is_unknown() -> None:
    assert cpulist.parse("") == ()
    assert cpulist.parse(None) is None
