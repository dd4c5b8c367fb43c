"""PyTorch on accelerators: everything but the device, on CPU tensors, fake events and a made-up library."""

from itertools import count
from types import SimpleNamespace

import numpy as np
import pytest

from profiler.backends.accelerator import platform
from profiler.backends.accelerator.collectives import collective
from profiler.backends.accelerator.device_clock import EventStopwatch, event_overhead_s
from profiler.backends.accelerator.gauges import Gauge, NvmlGauge, slowed, used_between_j
from profiler.backends.accelerator.platform import CUDA, MPS, Platform, build_of
from profiler.backends.accelerator.replay import CALLS_IN_GRAPH, captured, worth_replaying
from profiler.backends.accelerator.tensors import placing
from profiler.backends.torch_accelerator import TorchAccelerator
from profiler.clock import Stopwatch
from profiler.conditions import ConditionsReader
from profiler.kernels import KERNELS
from profiler.kernels.kernel import Point
from profiler.measure import Measurer, Refused
from profiler.sampler import Limits, sample
from tests.profiler.test_backends import SHAPES
from tonnage.errors import BackendUnavailable

CPU = Platform(name="cpu", builds=(), label="CPU")
ON_CPU = TorchAccelerator(CPU)


class FakeEvents:
    """A device that works through a queue: each kernel takes its time, the host none."""

    def __init__(self) -> None:
        self.queued_s = 0.0

    def record(self) -> float:
        self.queued_s += 2e-6
        return self.queued_s

    def elapsed_s(self, start: float, end: float) -> float:
        return end - start

    def kernel(self, time_s: float):
        def run() -> None:
            self.queued_s += time_s

        return run


@pytest.fixture(scope="module")
def started() -> TorchAccelerator:
    pytest.importorskip("torch")
    ON_CPU.start(2)
    return ON_CPU


ELSEWHERE = ("ssm_scan", "all_reduce", "all_gather")
"""What needs Triton or several devices."""
FEATURES = sorted((one for one in ON_CPU.features if one.kernel not in ELSEWHERE), key=str)


@pytest.mark.parametrize("feature", FEATURES, ids=lambda feature: "-".join(map(str, feature)))
def test_every_kernel_bound_to_cpu_tensors_agrees_with_float64(started, feature):
    kernel = KERNELS.get(feature.kernel)
    shapes = SHAPES.get(feature.kernel, [{"size_bytes": 65536}])
    for shape in shapes:
        point = Point(kernel=feature.kernel, dtype=feature.dtype, format=feature.format, shape=shape)
        inputs = kernel.inputs(point, np.random.default_rng(1))
        prepared = started.prepare(point, inputs, 2)
        for _ in range(3):
            prepared.run()
        assert kernel.error(point, inputs, prepared.output()) <= kernel.tolerance(point)
        assert prepared.stopwatch.time_s(prepared.run, 2) > 0


@pytest.mark.parametrize("name", ELSEWHERE)
def test_what_needs_triton_or_several_devices_is_not_run_on_one_cpu(name):
    assert not any(ON_CPU.runs(point) for point in KERNELS.get(name).points())


def test_collectives_run_where_there_are_devices_enough(monkeypatch):
    monkeypatch.setattr(Platform, "device_count", lambda self: 4)
    ranks = {
        point.shape["ranks"]: TorchAccelerator(CUDA).runs(point)
        for point in KERNELS.get("all_reduce").points()
    }
    assert ranks[2] and ranks[4] and not ranks[8]


def test_events_time_the_device_and_not_what_the_mark_costs():
    events = FakeEvents()
    watch = EventStopwatch(overhead_s=event_overhead_s(events), events=events)
    assert watch.time_s(events.kernel(5e-6), loops=10) == pytest.approx(5e-6)


def test_a_flush_is_queued_before_each_run_and_not_timed():
    events, order = FakeEvents(), []

    def run(name, time_s):
        def call():
            order.append(name)
            events.queued_s += time_s

        return call

    watch = EventStopwatch(overhead_s=2e-6, events=events, flush=run("flush", 1.0))
    assert watch.time_s(run("kernel", 7e-6), loops=3) == pytest.approx(7e-6)
    assert order == ["flush", "kernel"] * 3


def test_the_sampler_takes_a_device_clock():
    events = FakeEvents()
    watch = EventStopwatch(overhead_s=2e-6, events=events, ticks=count(step=50_000).__next__)
    taken = sample(events.kernel(3e-4), Limits(share_s=0.05), stopwatch=watch)
    assert isinstance(watch, Stopwatch)
    assert taken.samples_s == pytest.approx([3e-4] * len(taken.samples_s))


def test_short_calls_are_captured_all_copies_in_turn():
    seen = []
    replay, calls = captured(
        [lambda: seen.append("a"), lambda: seen.append("b"), lambda: seen.append("c")], record=lambda run: run
    )
    replay()
    assert calls == len(seen) >= CALLS_IN_GRAPH
    assert seen[:4] == ["a", "b", "c", "a"]
    assert worth_replaying(1e-6) and not worth_replaying(1e-2)


def test_what_cannot_be_captured_runs_as_it_is():
    def refuse(run):
        raise RuntimeError("operation not permitted when stream is capturing")

    assert captured([lambda: None], record=refuse) is None


@pytest.mark.parametrize(("cache_bytes", "flushed"), [(None, False), (2**12, False), (2**28, True)])
def test_a_cache_that_copies_do_not_fill_is_flushed(started, monkeypatch, cache_bytes, flushed):
    monkeypatch.setattr(started, "_cache_bytes", cache_bytes)
    point = Point(kernel="copy", dtype="fp32", shape={"size_bytes": 65536})
    inputs = KERNELS.get("copy").inputs(point, np.random.default_rng(1))
    prepared = started.prepare(point, inputs, 3)
    assert (prepared.stopwatch.flush is not None) is flushed


def test_a_build_without_the_platform_is_refused_with_what_to_install(tmp_path):
    (tmp_path / "version.py").write_text(
        "from typing import Optional\n__version__ = '2.13.0+cpu'\ncuda: Optional[str] = None\n"
        "hip: Optional[str] = '6.4'\nxpu: Optional[str] = None\n"
    )
    assert build_of(tmp_path / "version.py") == {
        "__version__": "2.13.0+cpu", "cuda": None, "hip": "6.4", "xpu": None,
    }  # fmt: skip
    assert build_of(tmp_path / "nothing.py") == {}


@pytest.mark.parametrize(("line", "refused"), [("None", True), ("'12.8'", False)])
def test_why_not_reads_the_build_without_importing_it(monkeypatch, tmp_path, line, refused):
    (tmp_path / "version.py").write_text(
        f"__version__ = '2.13.0'\ncuda: Optional[str] = {line}\nhip = None\n"
    )
    monkeypatch.setattr(platform, "find_spec", lambda name: SimpleNamespace(origin=f"{tmp_path}/__init__.py"))
    told = Platform(name="cuda", builds=("cuda", "hip"), label="CUDA or ROCm").why_not()
    assert (told is not None and "built without CUDA or ROCm" in told) is refused
    monkeypatch.setattr(platform, "find_spec", lambda name: None)
    assert CUDA.why_not() == "torch not installed: pip install 'tonnage[bench]'"


def test_why_not_names_the_device_nodes_that_are_missing(monkeypatch, tmp_path):
    (tmp_path / "version.py").write_text("cuda: Optional[str] = '12.8'\n")
    monkeypatch.setattr(platform, "find_spec", lambda name: SimpleNamespace(origin=f"{tmp_path}/__init__.py"))
    monkeypatch.setattr(platform.sys, "platform", "linux")
    here = Platform(name="cuda", builds=("cuda",), label="CUDA", nodes=("/dev/nothing", str(tmp_path)))
    assert here.why_not() is None
    gone = Platform(name="cuda", builds=("cuda",), label="CUDA", nodes=("/dev/nothing",))
    assert gone.why_not().startswith("no device node /dev/nothing")
    assert MPS.why_not() == "Metal is on macOS only"


def test_a_device_that_does_not_answer_is_refused_when_started(monkeypatch):
    api = SimpleNamespace(is_available=lambda: False)
    monkeypatch.setattr(Platform, "_api", lambda self: api)
    with pytest.raises(BackendUnavailable, match="driver, device node or permission"):
        TorchAccelerator(CUDA).start(1)


def test_a_driver_that_does_not_tell_its_sizes_leaves_them_unknown(monkeypatch):
    def refuse(index):
        raise RuntimeError("not supported on this device")

    monkeypatch.setattr(Platform, "_api", lambda self: SimpleNamespace(mem_get_info=refuse))
    assert platform.XPU.memory_bytes() is None and platform.XPU.cache_bytes() is None
    told = SimpleNamespace(L2_cache_size=50 * 2**20)
    api = SimpleNamespace(get_device_properties=lambda index: told, mem_get_info=lambda index: (2**30, 2**31))
    monkeypatch.setattr(Platform, "_api", lambda self: api)
    assert (CUDA.cache_bytes(), CUDA.memory_bytes()) == (50 * 2**20, 2.0**30)


class FakeNvml:
    """The part of pynvml that a gauge reads."""

    NVML_CLOCK_SM, NVML_TEMPERATURE_GPU = 1, 0
    nvmlClocksThrottleReasonSwPowerCap = 4  # noqa: N815
    nvmlClocksThrottleReasonHwThermalSlowdown = 64  # noqa: N815

    class NVMLError(Exception):
        """As pynvml has it."""

    def __init__(self, *, known: bool = True) -> None:
        self.known = known

    def nvmlInit(self):
        if not self.known:
            raise self.NVMLError("Driver Not Loaded")

    def nvmlDeviceGetHandleByPciBusId(self, address):
        return address

    def nvmlDeviceGetTotalEnergyConsumption(self, handle):
        return 12_500

    def nvmlDeviceGetClockInfo(self, handle, kind):
        return 1980

    def nvmlDeviceGetTemperature(self, handle, kind):
        raise self.NVMLError("Not Supported")

    def nvmlDeviceGetCurrentClocksThrottleReasons(self, handle):
        return 4 | 64


def test_a_gauge_converts_to_si_and_leaves_the_unknown_out():
    told = NvmlGauge(FakeNvml(), "00000000:01:00.0").read()
    assert told == Gauge(energy_j=12.5, clock_hz=1.98e9, slowed_by=("its power limit", "heat"))
    with pytest.raises(OSError, match="Driver Not Loaded"):
        NvmlGauge(FakeNvml(known=False), "00000000:01:00.0")


def test_a_device_that_was_slowed_down_says_by_what():
    assert slowed(None) is None and slowed(Gauge()) is None
    assert "kept down by heat and its power limit" in slowed(Gauge(slowed_by=("heat", "its power limit")))


def test_energy_is_a_difference_of_counters_and_unknown_after_a_reset():
    assert used_between_j(Gauge(energy_j=10.0), Gauge(energy_j=80.0)) == pytest.approx(70)
    assert used_between_j(Gauge(energy_j=80.0), Gauge(energy_j=1.0)) is None
    assert used_between_j(Gauge(), Gauge(energy_j=1.0)) is None
    assert used_between_j(None, None) is None


def test_a_measurement_on_a_device_uses_its_clock_its_gauge_and_its_memory(started, monkeypatch, machine):
    readings = [Gauge(energy_j=5.0), Gauge(energy_j=9.0, slowed_by=("heat",))]
    monkeypatch.setattr(started, "gauge", readings.pop)
    readings.reverse()
    monkeypatch.setattr(started, "device", "cuda:0")
    monkeypatch.setattr(started, "memory_bytes", lambda: 2.0**30)
    measurer = Measurer(machine, Stopwatch.calibrated(), ConditionsReader())
    point = Point(kernel="softmax", dtype="fp32", shape={"rows": 4, "columns": 256})
    monkeypatch.setattr("profiler.backends.torch_accelerator.placing", lambda device: placing("cpu"))
    found = measurer.measure(point, KERNELS.get("softmax"), started, share_s=0.05)
    assert found.device == "cuda:0" and found.energy_j is not None and found.energy_j > 0
    assert not found.stable and found.why_unstable is not None
    monkeypatch.setattr(started, "memory_bytes", lambda: 10.0)
    with pytest.raises(Refused, match="bytes of memory"):
        measurer.measure(point, KERNELS.get("softmax"), started, share_s=0.05)


@pytest.mark.parametrize("name", ["all_reduce", "all_gather"])
def test_collectives_over_several_devices_give_rank_0_what_the_kernel_expects(started, name):
    import torch

    def all_reduce(parts, whole):
        for one in whole:
            one.copy_(sum(parts))

    def all_gather(parts, whole):
        for one in whole:
            one.copy_(torch.cat(parts))

    kernel = KERNELS.get(name)
    point = Point(kernel=name, dtype="fp32", shape={"ranks": 4, "size_bytes": 8192})
    inputs = kernel.inputs(point, np.random.default_rng(1))
    bound = collective(point, inputs, ["cpu"] * 4, {"all_reduce": all_reduce, "all_gather": all_gather})
    output = {key: value.numpy() for key, value in bound().items()}
    assert kernel.error(point, inputs, output) <= kernel.tolerance(point)


@pytest.mark.gpu
def test_kernels_on_the_first_gpu_agree_with_float64():
    torch = pytest.importorskip("torch")
    if not torch.cuda.is_available():
        pytest.skip("torch sees no CUDA or ROCm device")
    backend = TorchAccelerator(CUDA)
    backend.start(1)
    for feature in FEATURES:
        kernel = KERNELS.get(feature.kernel)
        for shape in SHAPES.get(feature.kernel, [{"size_bytes": 65536}]):
            point = Point(kernel=feature.kernel, dtype=feature.dtype, format=feature.format, shape=shape)
            inputs = kernel.inputs(point, np.random.default_rng(1))
            prepared = backend.prepare(point, inputs, 2)
            assert kernel.error(point, inputs, prepared.output()) <= kernel.tolerance(point)
            assert prepared.stopwatch.time_s(prepared.run, 3) > 0
