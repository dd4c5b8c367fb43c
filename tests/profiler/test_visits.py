"""In which order trials are visited: what each needs, and what the weather is good for."""

import pytest

from profiler.backends.backend import Backend
from profiler.kernels.kernel import Point
from profiler.profile import Measurement, Pass
from profiler.statistics import quantiles
from profiler.store import Store
from profiler.sweep import Trial
from profiler.visits import MOST_PASSES, PASSES, Visits
from tonnage.registry import Registry

READ_BYTES_PER_S = 50e9


class Fake(Backend):
    name = "fake"
    modules = ()
    features = frozenset()

    def start(self, threads):
        """Nothing to start."""

    def versions(self):
        return {}

    def prepare(self, point, inputs, copies):
        raise AssertionError("the measurer is a fake, too")


class Clock:
    """Stands still but for visits."""

    at_s = 0.0

    def now_s(self):
        return self.at_s


class Gauge:
    def __init__(self, *, calm):
        self._calm = calm

    def calm(self):
        return self._calm


class Kept:
    def again_s(self, key):
        return 0.0


class Measurer:
    """Tells which sizes are visited; `doubts` are what each one's passes are called, in turn."""

    mean_setup_s = 0.0
    kept = Kept()

    def __init__(self, clock, doubts, *, gauge=None, limited=(), call_s=1e-3):
        self.clock, self.doubts, self.gauge, self.limited = clock, doubts, gauge, limited
        self.call_s = call_s
        self.visited = []

    def measure(self, point, kernel, backend, *, share_s, patience_s):
        size = point.shape["size_bytes"]
        self.visited.append(size)
        self.clock.at_s += share_s
        left = self.doubts.get(size, [])
        why = left.pop(0) if left else None
        samples = (self.call_s,) * 8
        beside = Pass(at_s=self.clock.at_s, samples=8, why_unsteady=why, read_bytes_per_s=READ_BYTES_PER_S)
        moved = 0.9 if size in self.limited else 0.01
        return Measurement(
            kernel=point.kernel, backend=backend.name, device="cpu", dtype=point.dtype,
            shape=dict(point.shape), flop=0.0, bytes=moved * READ_BYTES_PER_S * self.call_s,
            samples_s=samples, time_s=quantiles(samples), stable=why is None, why_unstable=why,
            passes=(beside,),
        )  # fmt: skip


@pytest.fixture
def visit():
    """Return a function that visits trials by size, and what it visited."""

    def run(sizes, doubts=None, *, budget_s=1000.0, **rest):
        clock, registry = Clock(), Registry("backend")
        registry.add("fake", Fake())
        measurer = Measurer(clock, doubts or {}, **rest)
        visits = Visits(measurer, Store(None), clock, budget_s=budget_s, start_s=0.0, backends=registry)
        points = [Point(kernel="copy", dtype="fp32", shape={"size_bytes": size}) for size in sizes]
        visits.first([Trial(point=point, backend="fake") for point in points], [])
        visits.again()
        return measurer.visited

    return run


def test_steady_trials_have_all_their_passes(visit):
    visited = visit([1, 2, 3])
    assert sorted(visited) == sorted([1, 2, 3] * PASSES)


def test_what_two_passes_left_unsteady_comes_before_the_third_pass_of_the_others(visit):
    visited = visit([1, 2, 3], {2: ["shaky", "shaky", None, None]})
    # Twice each, then the shaky one until two of its passes are steady, then the others once more.
    assert sorted(visited[:6]) == [1, 1, 2, 2, 3, 3]
    assert visited[6:8] == [2, 2]
    assert sorted(visited[8:]) == [1, 3]


def test_what_stays_unsteady_does_not_go_on_for_ever(visit):
    visited = visit([1, 2], {2: ["shaky"] * 100})
    assert visited.count(2) == MOST_PASSES
    assert visited.count(1) == PASSES


@pytest.mark.parametrize(("calm", "order"), [(True, [3, 4, 1, 2]), (False, [1, 2, 3, 4])])
def test_what_memory_limits_is_visited_while_memory_gives_its_best(visit, calm, order):
    doubts = {size: ["shaky", None, None] for size in (1, 2, 3, 4)}
    visited = visit([1, 2, 3, 4], doubts, gauge=Gauge(calm=calm), limited=(3, 4))
    assert visited[8:12] == order


def test_the_others_are_visited_too_once_those_that_the_weather_fits_are_done(visit):
    visited = visit([1, 2], {1: ["shaky", None, None]}, gauge=Gauge(calm=True), limited=(2,))
    assert visited.count(1) == PASSES


def test_a_call_that_outlasts_its_share_is_not_visited_beyond_its_passes(visit):
    visited = visit([1, 2], {2: ["only 1 samples"] * 100}, call_s=5.0)
    assert visited.count(2) == PASSES
