"""What happens between the check of a kernel and its timing."""

import threading
import time

import numpy as np
import pytest

from profiler.backends import BACKENDS
from profiler.clock import Stopwatch
from profiler.conditions import ConditionsReader
from profiler.core_gauge import CoreGauge
from profiler.kernels import KERNELS
from profiler.kernels.kernel import Point
from profiler.measure import Measurer, settle


def test_settle_returns_at_once_when_nothing_runs():
    start = time.monotonic()
    settle(longest_s=5.0)
    assert time.monotonic() - start < 2.0


def test_settle_waits_for_a_thread_that_still_runs_but_not_forever():
    stop = threading.Event()

    def spin():
        while not stop.is_set():
            pass

    spinner = threading.Thread(target=spin)
    spinner.start()
    try:
        start = time.monotonic()
        settle(longest_s=0.2)
        waited_s = time.monotonic() - start
    finally:
        stop.set()
        spinner.join()
    assert waited_s >= 0.2


def test_settle_outlasts_the_workers_of_a_library():
    end = time.monotonic() + 0.15

    def finish():
        while time.monotonic() < end:
            pass

    worker = threading.Thread(target=finish)
    worker.start()
    settle(longest_s=5.0)
    assert time.monotonic() >= end - 0.05
    worker.join()


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
