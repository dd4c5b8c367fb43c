"""PyTorch on an accelerator: CUDA, ROCm, XPU and MPS, with our own Triton kernels where Triton is there.

Not yet run on a GPU: the binding of kernels, the clock and the choice between rotation, flush and replay are
tested on CPU tensors and with fake events; `why_not` says what is missing on a host.
"""

from collections.abc import Callable, Mapping
from importlib.util import find_spec
from typing import Any

from profiler.backends.accelerator import attention, matmul, moving, recurrences
from profiler.backends.accelerator.collectives import collective, nccl
from profiler.backends.accelerator.device_clock import EventStopwatch, event_overhead_s
from profiler.backends.accelerator.gauges import Gauge, NvmlGauge
from profiler.backends.accelerator.platform import Platform
from profiler.backends.accelerator.replay import captured, cuda_graph, worth_replaying
from profiler.backends.accelerator.tensors import placing, to_numpy
from profiler.backends.backend import Backend, Feature, Prepared, rotating
from profiler.backends.torch_layers import LAYERS
from profiler.backends.torch_layers.binding import Binder
from profiler.kernels import KERNELS
from profiler.kernels.attention import is_latent
from profiler.kernels.kernel import Arrays, Point
from tonnage.errors import BackendUnavailable

BINDERS: Mapping[str, Binder] = {
    **LAYERS,
    "copy": moving.stream, "triad": moving.stream, "read": moving.stream,
    "host_to_device": moving.transfer, "device_to_host": moving.transfer, "device_to_device": moving.transfer,
    "gemm": matmul.gemm, "quant_matmul": matmul.quant_matmul, "expert_gemm": matmul.expert_gemm,
    "attention_prefill": attention.prefill, "attention_decode": attention.decode,
    "ssm_state_update": recurrences.ssm_state_update,
}  # fmt: skip
COLLECTIVES = ("all_reduce", "all_gather")
"""Of one process with several devices."""
NEVER_REPLAYED = (
    "launch", "host_to_device", "device_to_host", "device_to_device", "embedding", *COLLECTIVES
)  # fmt: skip
"""The launch is what is measured, the host takes part, or each call differs."""
NEVER_FLUSHED = ("launch", "host_to_device", "device_to_host", "device_to_device", *COLLECTIVES)
"""What they touch is not to be cold, or no cache holds it."""
FORMATS = (None, "INT8_W8A8")
"""Weight formats that torch has kernels for; others belong to other libraries."""
COLD_FACTOR = 2
"""Copies must fill the last cache this often, else it is flushed before each call."""


class TorchAccelerator(Backend):
    """What a PyTorch program gets on one kind of accelerator.

    Parameters
    ----------
    platform : Platform
        CUDA (and ROCm), XPU or MPS; tests pass the CPU.
    """

    modules: tuple[str, ...] = ("torch",)  # type: ignore[misc]

    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        self.name = f"torch-{platform.name}"  # type: ignore[misc]
        self.device = platform.device  # type: ignore[misc]
        self.features = _families()  # type: ignore[misc]
        self._overhead_s = 0.0
        self._cache_bytes: int | None = None
        self._gauge: NvmlGauge | None = None

    def runs(self, point: Point) -> bool:
        """Tell whether it has a kernel for this point: some are Triton's, some want several devices."""
        if point.kernel in COLLECTIVES:
            return self.platform.name == "cuda" and point.shape["ranks"] <= self.platform.device_count()
        return super().runs(point) and (
            point.kernel in BINDERS or point.kernel in _triton_kernels(self.platform)
        )

    def why_not(self) -> str | None:
        """Return what is missing, as far as can be told without importing torch."""
        return self.platform.why_not()

    def start(self, threads: int) -> None:
        """Look for the device and calibrate its clock.

        Raises
        ------
        BackendUnavailable
            With torch's own reason, if no device answers.
        """
        import torch

        refusal = self.platform.refusal()
        if refusal is not None:
            raise BackendUnavailable(refusal)
        torch.set_grad_enabled(False)
        self._overhead_s = event_overhead_s(self.platform.events())
        self._cache_bytes = self.platform.cache_bytes()
        self._gauge = _nvml_gauge(self.platform)

    def versions(self) -> Mapping[str, str]:
        """Return the versions of torch and of what it was built with."""
        return self.platform.versions()

    def cache_bytes(self) -> int | None:
        """Return the size of the device's last cache."""
        return self._cache_bytes

    def memory_bytes(self) -> float | None:
        """Return the memory that is free on the device."""
        return self.platform.memory_bytes()

    def gauge(self) -> Gauge | None:
        """Return what the device tells of itself now."""
        return self._gauge.read() if self._gauge is not None else None

    def prepare(self, point: Point, inputs: Arrays, copies: int) -> Prepared:
        """Bind each copy of the inputs to one call, and choose how it is timed."""
        _set_precision(point.dtype)
        bind = self._binder(point)
        tensor = placing(self.device)
        bound = [bind(point, inputs, tensor) for _ in range(copies)]
        run, calls = rotating(bound), 1
        if self._may_replay(point) and worth_replaying(self._call_s(run)):
            replayed = captured(bound, record=cuda_graph)
            run, calls = replayed or (run, calls)

        def output() -> Arrays:
            told = bind(point, inputs, tensor)()
            self.platform.synchronize()
            return {name: to_numpy(value) for name, value in told.items()}

        flush = None if calls > 1 or point.kernel in NEVER_FLUSHED else self._flush(point, copies)
        return Prepared(run=run, output=output, calls=calls, stopwatch=self._stopwatch(flush))

    def _binder(self, point: Point) -> Binder:
        """Return our own kernel where Triton can run it, else torch's."""
        if point.kernel in COLLECTIVES:
            devices = [f"{self.platform.name}:{rank}" for rank in range(point.shape["ranks"])]
            return lambda point, inputs, _: collective(point, inputs, devices, nccl())
        own = {} if is_latent(point) else _triton_kernels(self.platform)
        return own.get(point.kernel) or BINDERS[point.kernel]

    def _may_replay(self, point: Point) -> bool:
        return self.platform.has_graphs() and point.kernel not in NEVER_REPLAYED

    def _call_s(self, run: Callable[[], object]) -> float:
        """Time one call, after one that sets libraries up."""
        watch = self._stopwatch(None)
        watch.time_s(run, 1)
        return watch.time_s(run, 3)

    def _stopwatch(self, flush: Callable[[], object] | None) -> EventStopwatch:
        events = self.platform.events()
        return EventStopwatch(overhead_s=self._overhead_s, events=events, flush=flush)

    def _flush(self, point: Point, copies: int) -> Callable[[], object] | None:
        """Return what empties the last cache, where copies of the inputs do not fill it."""
        moved = KERNELS.get(point.kernel).work(point).bytes
        if not self._cache_bytes or copies * moved >= COLD_FACTOR * self._cache_bytes:
            return None
        import torch

        filler = torch.empty(COLD_FACTOR * self._cache_bytes, dtype=torch.int8, device=self.device)
        flush: Callable[[], object] = filler.zero_
        return flush


def _families() -> frozenset[Feature]:
    """Return every family of the kernels that torch or Triton has for a device."""
    families = {point.family for _, kernel in KERNELS for point in kernel.points()}
    kernels = {*BINDERS, *COLLECTIVES, "ssm_scan"}
    return frozenset(Feature(*one) for one in families if one[0] in kernels and one[2] in FORMATS)


def _set_precision(dtype: str) -> None:
    """Multiply float32 in full unless TF32 is asked for."""
    import torch

    torch.backends.cuda.matmul.allow_tf32 = dtype == "tf32"


def _triton_kernels(platform: Platform) -> Mapping[str, Binder]:
    """Return our own kernels by name; none without Triton."""
    if platform.name not in ("cuda", "xpu") or find_spec("triton") is None:
        return {}
    from profiler.backends.accelerator import triton_decode, triton_scan

    return {
        "ssm_scan": triton_scan.ssm_scan,
        "ssm_state_update": triton_scan.ssm_state_update,
        "attention_decode": triton_decode.attention_decode,
    }


def _nvml_gauge(platform: Platform) -> NvmlGauge | None:
    """Return NVML's view of the first CUDA device, where there is one."""
    if platform.name != "cuda" or find_spec("pynvml") is None:
        return None
    import pynvml
    import torch

    told: Any = torch.cuda.get_device_properties(0)
    if torch.version.hip or not hasattr(told, "pci_bus_id"):
        return None
    address = f"{told.pci_domain_id:08x}:{told.pci_bus_id:02x}:{told.pci_device_id:02x}.0"
    try:
        return NvmlGauge(pynvml, address)
    except OSError:
        return None
