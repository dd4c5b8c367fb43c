"""What steps run on: a catalog device by its datasheet, or a profiled machine by its laws."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np

from hw_targets import catalog
from hw_targets.device import Device
from planner.laws.cost_model import CostModel, Law
from planner.laws.fit import fit_profile
from planner.serving.step.graph_time import Tables
from planner.serving.step.peaks import BALANCE_FLOP_PER_BYTE, peaks
from profiler.profile import Profile
from tonnage.errors import OutsideRange
from tonnage.evidence import Evidence
from tonnage.files import read_json, upgraded
from tonnage.openable import is_file

FALLBACKS = {
    "fp4": ("bf16", "fp16"),
    "int4": ("fp16", "bf16"),
    "fp8": ("bf16", "fp16"),
    "int8": ("fp16", "bf16"),
    "bf16": ("fp16", "fp32", "tf32", "fp8", "int8"),
    "fp16": ("bf16", "fp32", "tf32", "fp8", "int8"),
    "tf32": ("fp32", "bf16", "fp16"),
    "fp32": ("bf16", "fp16"),
}
"""What runs the arithmetic where a dtype is not native: the next wider one first."""

LANE_BYTES_PER_S = {3: 0.985e9, 4: 1.969e9, 5: 3.938e9, 6: 7.563e9}
"""PCI Express payload rate of one lane, one direction (PCI-SIG base specifications)."""
_DEFAULT_PCIE = (4, 16)
USUAL_FLOP_PER_J = 0.5e12
"""16-bit peak per watt from which strain is counted: desktop cards of 2020 to 2022."""
_NOT_MEMORY = (
    "cache_read",
    "launch",
    "all_reduce",
    "all_gather",
    "all_to_all",
    "host_to_device",
    "device_to_host",
)
"""Measured kernels whose bandwidth is that of a cache or a link."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One device with everything that step times need.

    Attributes
    ----------
    id : str
        Catalog id or path of the profile.
    peak : dict
        Dense peaks by dtype [flop/s]; never empty.
    link_bytes_per_s : float
        Towards the other devices of the node, one direction.
    laws : tuple of Law
        Fitted on this very machine; empty where only the datasheet is known.
    graph : Tables or None
        Of llama.cpp's graph nodes on this very machine.
    """

    id: str
    name: str
    kind: str
    vendor: str
    memory_class: str
    link_class: str
    memory_bytes: float | None
    bandwidth_bytes_per_s: float
    peak: dict[str, float]
    link_bytes_per_s: float
    max_devices_per_node: int | None = None
    generation: str = "-"
    strain: float = 0.0
    """ln of the 16-bit peak per watt over `USUAL_FLOP_PER_J`; 0 where no power is published."""
    laws: tuple[Law, ...] = ()
    graph: Tables | None = None
    evidence: Evidence = Evidence.TRANSFERRED
    notes: tuple[str, ...] = field(default=())

    def peak_flop_per_s(self, dtype: str) -> float:
        """Peak for arithmetic asked for in `dtype`, in the next wider one where it is not native."""
        return self.peak[self.computes_in(dtype)]

    def computes_in(self, dtype: str) -> str:
        """Return what runs arithmetic asked for in `dtype`: itself where it is native."""
        for candidate in (dtype, *FALLBACKS.get(dtype, ())):
            if candidate in self.peak:
                return candidate
        return max(self.peak, key=lambda name: self.peak[name])

    @property
    def vector_flop_per_s(self) -> float:
        """Rate of ordinary vector arithmetic, which unpacks weights."""
        return self.peak.get("fp32") or 0.05 * max(self.peak.values())

    @property
    def is_measured(self) -> bool:
        """Laws were fitted on this machine."""
        return bool(self.laws) or self.graph is not None


@lru_cache(maxsize=512)
def target(device: str) -> Target:
    """Return the target for a catalog id, a profile, or a fitted cost model.

    Raises
    ------
    UnknownName
        If it is no id and no such file; near ids are listed.
    OutsideRange
        If the catalog has no memory bandwidth for it.
    """
    if device.endswith(".json") or is_file(device):
        return _from_file(Path(device))
    return from_device(catalog.get(device))


def from_device(device: Device) -> Target:
    """Target of a device known by its datasheet alone."""
    bandwidth = device.memory_bandwidth_bytes_per_s
    if bandwidth is None:
        raise OutsideRange(
            f"device '{device.id}': the catalog has no memory bandwidth (bytes/s) for it, so nothing can be "
            "predicted; give a profile of it instead (tonnage bench)"
        )
    peak, notes = peaks(device, bandwidth)
    return Target(
        id=device.id,
        name=device.name,
        kind=device.kind.value,
        vendor=device.vendor.lower(),
        memory_class=memory_class(device),
        link_class=link_class(device),
        memory_bytes=_memory(device),
        bandwidth_bytes_per_s=bandwidth,
        peak=peak,
        link_bytes_per_s=_link(device),
        max_devices_per_node=device.max_devices_per_node,
        generation=generation(device),
        strain=_strain(device, peak),
        evidence=Evidence.ASSUMED if notes else Evidence.TRANSFERRED,
        notes=notes,
    )


def generation(device: Device) -> str:
    """Architecture of a device by the first words of its catalog entry: hopper, ada, rdna3 ..."""
    if device.vendor.lower() == "apple":
        return " ".join(device.id.split("-")[:2])
    return (device.architecture or "-").lower().split()[0]


def _strain(device: Device, peak: dict[str, float]) -> float:
    if device.tdp_w is None or "fp16" not in peak:
        return 0.0
    return float(np.log(half_peak(peak) / device.tdp_w / USUAL_FLOP_PER_J))


def half_peak(peak: dict[str, float]) -> float:
    """16-bit rate with 16-bit sums: half the 8-bit one where products are summed in 32 bits at half rate."""
    return max(peak.get("fp16", 0.0), peak.get("int8", 0.0) / 2)


def _memory(device: Device) -> float | None:
    """Return what a program can allocate.

    HBM stacks and GDDR chips are made in GiB and sold as GB: drivers of 80 GB cards report 81 559 MiB
    (H100) to 81 920 MiB (A100), those of 24 GB ones 24 564 MiB (RTX 4090), 0.995 to 1 of as many GiB.
    """
    made_in_gib = memory_class(device) in ("hbm", "gddr")
    if device.usable_memory_bytes is None and device.memory_bytes and made_in_gib:
        return 0.995 * device.memory_bytes * 2.0**30 / 1e9
    return device.capacity_bytes


def memory_class(device: Device) -> str:
    """Class of memory by its type: its controllers and clocks set what a small read reaches."""
    text = (device.memory_type or "").lower()
    for name in ("hbm", "lpddr", "gddr", "sram", "ddr"):
        if name in text:
            return name
    return "unknown"


def link_class(device: Device) -> str:
    """Class of link among devices."""
    text = (device.link.name if device.link else "").lower()
    for name in ("nvlink", "nvswitch", "infinity", "pcie", "ici", "ethernet", "gbe"):
        if name in text:
            return "nvlink" if name == "nvswitch" else "pcie" if "bridge" in text else name
    return "none"


def _link(device: Device) -> float:
    """Link bandwidth; bridges join pairs, so larger groups go through PCI Express."""
    pcie = LANE_BYTES_PER_S.get(device.pcie_generation or _DEFAULT_PCIE[0], LANE_BYTES_PER_S[4]) * (
        device.pcie_lanes or _DEFAULT_PCIE[1]
    )
    if (
        device.link is None
        or device.link.bandwidth_bytes_per_s is None
        or "bridge" in device.link.name.lower()
    ):
        return pcie
    return device.link.bandwidth_bytes_per_s


def _from_file(path: Path) -> Target:
    data = read_json(path)
    kind = data.get("format") if isinstance(data, dict) else None
    if kind == CostModel.FORMAT:
        return from_model(
            CostModel.parse(upgraded(data, CostModel, where=str(path)), where=str(path)), id=str(path)
        )
    data = upgraded(data if isinstance(data, dict) else {}, Profile, where=str(path))
    return from_model(fit_profile(Profile.parse(data, where=str(path)), name=str(path)), id=str(path))


def from_model(model: CostModel, *, id: str) -> Target:
    """Target of a machine whose laws were fitted.

    Raises
    ------
    OutsideRange
        If the model has neither a bandwidth nor a law of a memory kernel.
    """
    bandwidth = model.memory_bandwidth_bytes_per_s or _best(
        law.bandwidth_bytes_per_s for law in model.laws if law.kernel not in _NOT_MEMORY
    )
    if bandwidth is None:
        raise OutsideRange(
            f"{id}: no memory bandwidth (bytes/s) was measured; bench the copy or triad kernel"
        )
    peak = dict(model.peak_flop_per_s)
    for law in model.laws:
        if law.kernel == "gemm" and law.peak_flop_per_s:
            peak[law.dtype] = max(peak.get(law.dtype, 0.0), law.peak_flop_per_s)
    declared = _declared(model)
    return Target(
        id=id,
        name=model.name,
        kind=model.kind,
        vendor="measured" if declared is None else declared.vendor.lower(),
        memory_class=_class_of_memory(model.kind) if declared is None else memory_class(declared),
        link_class="none" if declared is None else link_class(declared),
        memory_bytes=model.memory_bytes,
        bandwidth_bytes_per_s=bandwidth,
        peak=peak or {"fp32": BALANCE_FLOP_PER_BYTE["cpu"] * bandwidth},
        link_bytes_per_s=LANE_BYTES_PER_S[4] * 16 if declared is None else _link(declared),
        laws=model.laws,
        graph=Tables(model.tables, model.step_s or 0.0) if model.tables else None,
        evidence=Evidence.FITTED,
        notes=model.notes,
    )


def _declared(model: CostModel) -> Device | None:
    """Return the catalog device behind imported kernel times: it says how its devices are linked."""
    return catalog.get(model.device) if model.kind != "cpu" and model.device in catalog.names() else None


def _class_of_memory(kind: str) -> str:
    return "ddr" if kind == "cpu" else "unknown"


def _best(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None and np.isfinite(value)]
    return max(known, default=None)
