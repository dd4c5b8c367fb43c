"""NVIDIA devices as the driver's library NVML reports them: memory, partitions, clocks, limits, links."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from hw_targets.facts import Facts, Sighting
from hw_targets.host import Host
from hw_targets.probes.nvidia import TEGRA, slice_of_name
from hw_targets.probes.pci import functions_of
from tonnage.errors import ProbeUnavailable

MARKS = ("/proc/driver/nvidia", "/dev/nvidiactl", "/dev/dxg", "/dev/nvhost-gpu")
INTEGRATED = "(nvgpu)"
"""In the name of a Jetson's GPU, whose board only the device tree tells."""
VGPU_GUEST = 2
"""NVML_GPU_VIRTUALIZATION_MODE_VGPU: the device is a vGPU inside a virtual machine."""


def probe(host: Host) -> Facts:
    """Ask NVML about every device; only on a live host that shows signs of NVIDIA hardware.

    Raises
    ------
    ProbeUnavailable
        If there is NVIDIA hardware, but no driver library that answers.
    """
    if not host.live or not (any(host.exists(mark) for mark in MARKS) or functions_of(host, "10de")):
        return Facts()
    import pynvml as nvml

    try:
        nvml.nvmlInit()
    except nvml.NVMLError as problem:
        raise ProbeUnavailable(f"NVML does not answer ({problem}); is the NVIDIA driver installed?") from None
    try:
        found: list[Sighting] = []
        for index in range(nvml.nvmlDeviceGetCount()):
            found += _device(nvml, index)
        return Facts(devices=_with_peers(found))
    except nvml.NVMLError as problem:
        raise ProbeUnavailable(f"NVML stopped answering ({problem})") from None
    finally:
        nvml.nvmlShutdown()


def _ask(nvml: Any, query: Callable[..., Any], *arguments: Any) -> Any:
    """Return one answer, or None if this device, driver or library does not support the query."""
    try:
        return query(*arguments)
    except (nvml.NVMLError, AttributeError):
        return None


def _device(nvml: Any, index: int) -> list[Sighting]:
    handle = _ask(nvml, nvml.nvmlDeviceGetHandleByIndex, index)
    if handle is None:
        return [Sighting(place=f"nvml{index}", vendor="NVIDIA", kind="gpu", refusal="NVML cannot open it")]
    pci = _ask(nvml, nvml.nvmlDeviceGetPciInfo, handle)
    address = _address(pci.busId) if pci is not None else None
    name = _text(_ask(nvml, nvml.nvmlDeviceGetName, handle))
    integrated = INTEGRATED in (name or "")
    vgpu, _ = slice_of_name(name)
    if _ask(nvml, nvml.nvmlDeviceGetVirtualizationMode, handle) == VGPU_GUEST:
        vgpu = vgpu or "vGPU"
    total, reserved = _memory(nvml, handle)
    limit_mw = _ask(nvml, nvml.nvmlDeviceGetPowerManagementLimit, handle)
    capability = _ask(nvml, nvml.nvmlDeviceGetCudaComputeCapability, handle)
    ecc = _ask(nvml, nvml.nvmlDeviceGetEccMode, handle)
    device = Sighting(
        place=TEGRA if integrated else address or f"nvml{index}",
        part=0 if vgpu else None,
        slice=vgpu,
        name=None if integrated else name,
        vendor="NVIDIA",
        pci_id=_pci_id(pci.pciDeviceId) if pci is not None and not integrated else None,
        pci_address=None if integrated else address,
        driver="nvidia",
        memory_bytes=total,
        memory_reserved_bytes=reserved,
        memory_bandwidth_bytes_per_s=_bandwidth_bytes_per_s(nvml, handle),
        ecc=bool(ecc[0]) if ecc else None,
        isa=f"{capability[0]}.{capability[1]}" if capability else None,
        compute_units=_multiprocessors(nvml, handle),
        link=_link(nvml, handle),
        peers=_peers(nvml, handle),
        power_limit_w=limit_mw / 1000 if limit_mw else None,
        uuid=_text(_ask(nvml, nvml.nvmlDeviceGetUUID, handle)),
    )
    return [device, *_mig(nvml, handle, device)]


def _mig(nvml: Any, handle: Any, device: Sighting) -> list[Sighting]:
    """Return the MIG instances of a device: each has its own memory and share of the device."""
    mode = _ask(nvml, nvml.nvmlDeviceGetMigMode, handle)
    if not mode or not mode[0]:
        return []
    found = []
    for index in range(_ask(nvml, nvml.nvmlDeviceGetMaxMigDeviceCount, handle) or 0):
        part = _ask(nvml, nvml.nvmlDeviceGetMigDeviceHandleByIndex, handle, index)
        if part is None:
            continue
        total, reserved = _memory(nvml, part)
        name = _text(_ask(nvml, nvml.nvmlDeviceGetName, part)) or ""
        attributes = _ask(nvml, nvml.nvmlDeviceGetAttributes, part)
        found.append(
            Sighting(
                place=device.place,
                part=index,
                slice=f"MIG {name.split(' MIG ')[-1]}" if " MIG " in name else "MIG",
                memory_bytes=total,
                memory_reserved_bytes=reserved,
                compute_units=getattr(attributes, "multiprocessorCount", None),
                uuid=_text(_ask(nvml, nvml.nvmlDeviceGetUUID, part)),
            )
        )
    return found


def _memory(nvml: Any, handle: Any) -> tuple[int | None, int | None]:
    """Return total and reserved memory [bytes]; unified-memory devices answer 0 or nothing."""
    second = getattr(nvml, "nvmlMemory_v2", None)
    info = _ask(nvml, nvml.nvmlDeviceGetMemoryInfo, handle, second) if second is not None else None
    info = info if info is not None else _ask(nvml, nvml.nvmlDeviceGetMemoryInfo, handle)
    if info is None:
        return None, None
    return int(info.total) or None, getattr(info, "reserved", None)


def _bandwidth_bytes_per_s(nvml: Any, handle: Any) -> float | None:
    """Return highest memory clock x 2 (double data rate) x bus width / 8."""
    clock_mhz = _ask(nvml, nvml.nvmlDeviceGetMaxClockInfo, handle, nvml.NVML_CLOCK_MEM)
    width_bits = _ask(nvml, nvml.nvmlDeviceGetMemoryBusWidth, handle)
    return clock_mhz * 1e6 * 2 * width_bits / 8 if clock_mhz and width_bits else None


def _multiprocessors(nvml: Any, handle: Any) -> int | None:
    cores = _ask(nvml, nvml.nvmlDeviceGetNumGpuCores, handle)
    capability = _ask(nvml, nvml.nvmlDeviceGetCudaComputeCapability, handle)
    per_unit = CORES_PER_MULTIPROCESSOR.get(tuple(capability)) if capability else None
    return cores // per_unit if cores and per_unit else None


CORES_PER_MULTIPROCESSOR = {
    (7, 0): 64, (7, 2): 64, (7, 5): 64, (8, 0): 64, (8, 6): 128, (8, 7): 128, (8, 9): 128,
    (9, 0): 128, (10, 0): 128, (10, 3): 128, (11, 0): 128, (12, 0): 128, (12, 1): 128,
}  # fmt: skip
"""FP32 cores of one SM by compute capability: NVIDIA cuda-samples helper_cuda.h."""


def _link(nvml: Any, handle: Any) -> str | None:
    """Return NVLinks that are up, else the best PCIe link of the device."""
    links = range(getattr(nvml, "NVML_NVLINK_MAX_LINKS", 18))
    up = sum(1 for link in links if _ask(nvml, nvml.nvmlDeviceGetNvLinkState, handle, link) == 1)
    if up:
        version = _ask(nvml, nvml.nvmlDeviceGetNvLinkVersion, handle, 0)
        return f"NVLink x{up}" + (f" (version {version})" if version else "")
    generation = _ask(nvml, nvml.nvmlDeviceGetMaxPcieLinkGeneration, handle)
    width = _ask(nvml, nvml.nvmlDeviceGetMaxPcieLinkWidth, handle)
    return f"PCIe {generation}.0 x{width}" if generation and width else None


def _peers(nvml: Any, handle: Any) -> tuple[tuple[str, str], ...]:
    """Return what is at the other end of each NVLink: another GPU, or a switch."""
    ends: Counter[str] = Counter()
    for link in range(getattr(nvml, "NVML_NVLINK_MAX_LINKS", 18)):
        if _ask(nvml, nvml.nvmlDeviceGetNvLinkState, handle, link) != 1:
            continue
        remote = _ask(nvml, nvml.nvmlDeviceGetNvLinkRemotePciInfo, handle, link)
        if remote is not None:
            ends[_address(remote.busId)] += 1
    return tuple((address, f"NVLink x{count}") for address, count in ends.items())


def _with_peers(found: list[Sighting]) -> tuple[Sighting, ...]:
    """Keep peers that are GPUs; links that end elsewhere end in a switch, behind which all others are."""
    gpus = {one.place for one in found}
    switched = {one.place for one in found if any(place not in gpus for place, _ in one.peers)}
    return tuple(replace(one, peers=_reached(one, gpus, switched)) for one in found)


def _reached(one: Sighting, gpus: set[str], switched: set[str]) -> tuple[tuple[str, str], ...]:
    direct = [(place, link) for place, link in one.peers if place in gpus]
    behind = sorted(switched - {one.place}) if one.place in switched and one.peers else []
    return (*direct, *((place, "NVLink through a switch") for place in behind))


def _address(bus_id: str | bytes) -> str:
    """Return `0000:62:00.0` from NVML's `00000000:62:00.0`."""
    domain, _, rest = (_text(bus_id) or "").lower().partition(":")
    return f"{domain[-4:]}:{rest}"


def _pci_id(device_and_vendor: int) -> str:
    return f"{device_and_vendor & 0xFFFF:04x}:{device_and_vendor >> 16:04x}"


def _text(value: str | bytes | None) -> str | None:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value
