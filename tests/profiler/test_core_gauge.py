"""What the cores give: read on one fixed loop, waited for, and never waited for too long."""

import itertools
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from profiler.core_gauge import BURST_TURNS, BURSTS, CALM_FRAC, FEWEST_READINGS, CoreGauge, best_of


class Cores:
    """Cores whose speed is told; time passes only while they turn."""

    def __init__(self, speeds):
        self.now_s, self.speeds = 0.0, itertools.chain(speeds, itertools.repeat(speeds[-1]))
        self.bursts = 0

    def clock_s(self):
        return self.now_s

    def loop(self, turns):
        if self.bursts % BURSTS == 0:
            self.speed = next(self.speeds)
        self.bursts += 1
        self.now_s += turns / self.speed


def gauge(*speeds):
    cores = Cores(speeds)
    return CoreGauge(1, loop=cores.loop, clock_s=cores.clock_s)


@pytest.mark.parametrize("speed", [1e8, 3e9])
def test_a_reading_is_the_speed_of_the_cores(speed):
    assert gauge(speed).read() == pytest.approx(speed)


def test_a_reading_is_the_sum_over_threads():
    def loop(turns):
        time.sleep(2e-3)

    alone, both = (CoreGauge(threads, loop=loop).read() for threads in (1, 4))
    assert alone <= BURST_TURNS / 2e-3
    assert both > 2 * alone


def test_waits_until_the_cores_are_calm():
    shared = [1e9] * FEWEST_READINGS + [0.5e9, 0.6e9, 0.7e9, 0.99e9, 1e9]
    found = gauge(*shared)
    for _ in range(FEWEST_READINGS):
        assert found.await_calm(10.0) == pytest.approx(1e9)
    assert found.await_calm(10.0) == pytest.approx(0.99e9)
    assert found.firsts[-1] == pytest.approx(0.5e9)


def test_gives_up_when_patience_is_out():
    found = gauge(*[1e9] * FEWEST_READINGS, 0.5e9)
    for _ in range(FEWEST_READINGS):
        found.await_calm(0.0)
    assert found.await_calm(0.01) == pytest.approx(0.5e9)
    assert found.best() == pytest.approx(1e9, rel=0.5)


@given(st.lists(st.floats(1.0, 1e12), max_size=30))
def test_the_best_is_one_that_was_nearly_seen(readings):
    best = best_of(readings)
    if len(readings) < FEWEST_READINGS:
        assert best is None
    else:
        assert min(readings) <= best <= max(readings)
        assert np.mean(np.array(readings) <= best * (1 + 1e-12)) >= 0.9 * (len(readings) - 1) / len(readings)


def test_the_compiled_loop_takes_time_in_proportion_to_its_turns():
    numba = pytest.importorskip("numba")
    assert numba
    from profiler.backends.compiled import busy

    once, often = np.arange(6), np.arange(6)
    busy.turn(once, 12)
    for _ in range(3):
        busy.turn(often, 4)
    assert (once == often).all()
    assert len(set(once.tolist())) > 1
    assert CALM_FRAC < 1
