"""The stopwatch on a clock that a test moves."""

from itertools import repeat

import pytest

from profiler.clock import Stopwatch, read_overhead_s
from tests.profiler.fake_time import FakeTime


def test_overhead_is_what_one_reading_costs():
    assert read_overhead_s(FakeTime(read_ns=40)) == pytest.approx(40e-9)


def test_time_of_a_call_is_without_the_clocks_own_cost():
    time = FakeTime(read_ns=40)
    stopwatch = Stopwatch.calibrated(time)
    assert stopwatch.time_s(time.kernel(repeat(1000)), loops=1) == pytest.approx(1000e-9)
    assert stopwatch.time_s(time.kernel(repeat(1000)), loops=8) == pytest.approx(1000e-9)


def test_a_call_shorter_than_the_clock_is_still_positive():
    time = FakeTime(read_ns=40)
    assert Stopwatch(time, overhead_s=1e-6).time_s(time.kernel(repeat(1)), loops=1) > 0
