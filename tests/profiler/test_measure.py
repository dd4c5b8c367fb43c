"""What happens between the check of a kernel and its timing."""

import numpy as np
import pytest

from profiler.backends import BACKENDS
from profiler.backends.backend import Backend
from profiler.clock import Stopwatch
from profiler.conditions import ConditionsReader
from profiler.core_gauge import CoreGauge
from profiler.kernels import KERNELS
from profiler.kernels.kernel import Point
from profiler.measure import Measurer, Refused


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


class Counting(Backend):
    """Tells how many copies it is asked for, and goes no further."""

    name, modules, features = "counting", (), frozenset()

    def start(self, threads):
        """Nothing to start."""

    def versions(self):
        return {}

    def prepare(self, point, inputs, copies):
        self.copies = copies
        raise RuntimeError("counted")


@pytest.mark.parametrize(
    ("kernel", "dtype", "format", "shape"),
    [
        ("gemm", "int8", None, {"m": 1, "n": 256, "k": 512}),
        ("quant_matmul", "int8", "INT4_G128", {"m": 1, "n": 256, "k": 1024}),
        ("ggml_matmul", "int8", "Q4_0", {"m": 1, "n": 256, "k": 1024}),
        ("ggml_matvecs", "int8", "Q8_0", {"batch": 8, "n": 128, "k": 2048}),
    ],
)
def test_copies_of_a_small_matrix_pass_the_last_level_cache(machine, kernel, dtype, format, shape):
    l3_bytes = 32 * 2**20
    roomy = machine.model_copy(update={"cpu": machine.cpu.model_copy(update={"l3_bytes": l3_bytes})})
    point, backend = Point(kernel=kernel, dtype=dtype, format=format, shape=shape), Counting()
    measurer = Measurer(roomy, Stopwatch.calibrated(), ConditionsReader())
    with pytest.raises(Refused, match="counted"):
        measurer.measure(point, KERNELS.get(kernel), backend, share_s=0.01)
    assert backend.copies * KERNELS.get(kernel).work(point).bytes >= 3 * l3_bytes
