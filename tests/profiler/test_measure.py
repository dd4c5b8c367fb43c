"""What happens between the check of a kernel and its timing."""

import numpy as np
import pytest

from profiler.backends import BACKENDS
from profiler.clock import Stopwatch
from profiler.conditions import ConditionsReader
from profiler.core_gauge import CoreGauge
from profiler.kernels import KERNELS
from profiler.kernels.kernel import Point
from profiler.measure import Measurer


class Readings(CoreGauge):
    """A gauge whose readings are told."""

    def __init__(self, *readings):
        super().__init__(1, loop=lambda turns: None)
        self.told = list(readings)

    def read(self):
        return self.told.pop(0)


def test_a_pass_holds_what_the_cores_gave_before_and_after_it(machine):
    measurer = Measurer(machine, Stopwatch.calibrated(), ConditionsReader(), keep_bytes=2**20)
    point = Point(kernel="copy", dtype="fp32", shape={"size_bytes": 2**16})
    kernel, backend = KERNELS.get("copy"), BACKENDS.get("numpy")
    alone = measurer.measure(point, kernel, backend, share_s=0.01)
    assert alone.passes[0].core_turns_per_s is None
    measurer.cores = Readings(1e9, 0.5e9)
    assert measurer.measure(point, kernel, backend, share_s=0.01).passes[0].core_turns_per_s == 0.75e9


def test_a_visit_waits_for_calm_cores_only_as_long_as_it_may(machine):
    measurer = Measurer(machine, Stopwatch.calibrated(), ConditionsReader(), keep_bytes=2**20)
    point = Point(kernel="copy", dtype="fp32", shape={"size_bytes": 2**16})
    kernel, backend = KERNELS.get("copy"), BACKENDS.get("numpy")
    measurer.cores = Readings(*np.repeat(1e9, 10), 0.5e9, 0.5e9, 1e9, 1e9, 0.5e9, 0.5e9)
    for _ in range(5):
        measurer.measure(point, kernel, backend, share_s=0.01)
    for patience_s, given in ((10.0, 1e9), (0.0, 0.5e9)):
        found = measurer.measure(point, kernel, backend, share_s=0.01, patience_s=patience_s)
        assert found.passes[0].core_turns_per_s == pytest.approx(given)


def test_one_trial_that_took_seconds_to_lay_out_leaves_time_to_the_others(machine):
    measurer = Measurer(machine, Stopwatch.calibrated(), ConditionsReader())
    assert measurer.mean_setup_s == 0.0
    measurer.setup_s += [0.05, 0.1, 0.15]
    assert measurer.mean_setup_s == pytest.approx(0.1)
    measurer.setup_s += [0.1] * 6 + [11.0]
    assert measurer.mean_setup_s <= 0.3
