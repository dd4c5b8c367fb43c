"""The answers of all probes become one machine: merged, matched to the catalog, limits applied."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Protocol

from hw_targets import facts as merging
from hw_targets.catalog.shelf import Shelf, shelf
from hw_targets.device import Device, DeviceKind
from hw_targets.facts import CpuFacts, Facts, MemoryFacts, Seen, SystemFacts
from hw_targets.machine import Accelerator, Cpu, Machine, Memory, Peer
from hw_targets.match import Match, match
from hw_targets.match_cpu import match_cpu
from tonnage.errors import TonnageError
from tonnage.evidence import Evidence

VISIBILITY = (
    "CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES",
    "ZE_AFFINITY_MASK", "HABANA_VISIBLE_DEVICES", "ASCEND_RT_VISIBLE_DEVICES", "NEURON_RT_VISIBLE_CORES",
    "TPU_VISIBLE_CHIPS",
)  # fmt: skip
"""Variables that hide devices from programs, but not from the driver."""
STAND_IN = "Microsoft"
"""Maker of the adapter by which WSL2 shows a GPU of the Windows host."""
COHERENT = "Grace"
"""In the architecture of devices whose memory the kernel lists among its own NUMA nodes."""


class Told(Protocol):
    """What one probe said."""

    @property
    def name(self) -> str: ...  # noqa: D102

    @property
    def facts(self) -> Facts: ...  # noqa: D102


def machine(answers: Sequence[Told], *, live: bool, environment: Mapping[str, str]) -> Machine:
    """Build the machine record.

    Parameters
    ----------
    answers : sequence
        Name and facts of every probe, the most trusted first.
    live : bool
        Whether the environment belongs to the observed host.
    environment : mapping
        Variables of this process.
    """
    opened, notes = _catalog()
    for answer in answers:
        notes += answer.facts.notes
    cpu = merging.first_known([answer.facts.cpu for answer in answers])
    memory = merging.first_known([answer.facts.memory for answer in answers])
    system = merging.first_known([answer.facts.system for answer in answers])
    seen = merging.devices((answer.name, one) for answer in answers for one in answer.facts.devices)
    matched = [(one, match(one.facts, opened)) for one in _without_stand_ins(seen)]
    coherent = any(COHERENT in (found.device.architecture or "") for _, found in matched if found.device)
    host_memory = _memory(memory, coherent=coherent)
    devices = tuple(device for one, found in matched for device in _accelerators(one, found, host_memory))
    if live:
        notes += _hidden(environment)
    return Machine(
        hostname=system.hostname,
        os=system.os,
        cpu=_cpu(cpu, system, opened),
        memory=host_memory,
        devices=devices,
        virtualized=bool(system.virtualized),
        hypervisor=system.hypervisor,
        container=bool(system.container),
        container_runtime=system.container_runtime,
        cloud_instance=system.cloud_instance,
        notes=(*notes, *_doubts(system, devices, opened)),
    )


def _without_stand_ins(seen: Sequence[Seen]) -> list[Seen]:
    """Under WSL2 a GPU is Microsoft's adapter on the bus and itself in its vendor's library: keep that."""
    told = any("nvml" in one.seen_by for one in seen)
    return [one for one in seen if not (told and one.facts.vendor == STAND_IN)]


def _catalog() -> tuple[Shelf, tuple[str, ...]]:
    """Return the catalog, without the user's files if those cannot be read."""
    try:
        opened = shelf()
        for device_id in opened.corrected:
            opened.device(device_id)
        return opened, ()
    except TonnageError as problem:
        return shelf(with_user=False), (f"your own catalog files are left out: {problem}",)


def _cpu(cpu: CpuFacts, system: SystemFacts, opened: Shelf) -> Cpu:
    catalog_id, why_not = match_cpu(cpu, system, opened)
    known = {name: getattr(cpu, name) for name in CpuFacts.__dataclass_fields__}
    if cpu.usable_cpus is None:
        known["usable_cpus"] = cpu.logical_cpus
    return Cpu(**known, catalog_id=catalog_id, why_not=why_not)


def _memory(memory: MemoryFacts, *, coherent: bool) -> Memory:
    """Apply the limits; device memory that the kernel counts as its own is taken out."""
    total = memory.total_bytes
    if total is not None and coherent and memory.of_devices_bytes:
        total = max(total - memory.of_devices_bytes, 0) or total
    limits = [one for one in (total, memory.limit_bytes) if one is not None]
    return Memory(
        total_bytes=total,
        usable_bytes=min(limits, default=None),
        swap_bytes=memory.swap_bytes,
        dimm_channels=memory.dimm_channels,
        dimm_type=memory.dimm_type,
    )


def _accelerators(one: Seen, found: Match, host: Memory) -> Iterator[Accelerator]:
    """Yield the devices that a program can address behind one sighting."""
    behind = found.device.devices_per_pci_function if found.is_whole and found.device else 1
    if one.facts.part is not None:
        behind = 1
    for _ in range(behind):
        yield _accelerator(one, found, host, share=behind)


def _accelerator(one: Seen, found: Match, host: Memory, *, share: int) -> Accelerator:
    facts, device = one.facts, found.device if found.is_whole else None
    unified = bool(facts.shares_host_memory) or (device is not None and device.kind is DeviceKind.APU)
    memory_bytes, evidence = _device_memory(one, device, host, unified=unified)
    if facts.memory_bytes is not None and not unified:
        memory_bytes = facts.memory_bytes // share
    reasons = [reason for reason in (facts.refusal, found.why_not) if reason]
    return Accelerator(
        name=_shown_name(one, found),
        vendor=facts.vendor or (device.vendor if device else None),
        kind=device.kind.value if device else facts.kind,
        catalog_id=found.catalog_id,
        pci_id=facts.pci_id,
        pci_address=facts.pci_address,
        memory_bytes=memory_bytes,
        memory_reserved_bytes=facts.memory_reserved_bytes,
        shares_host_memory=unified,
        memory_bandwidth_bytes_per_s=facts.memory_bandwidth_bytes_per_s,
        usable=facts.refusal is None,
        why_not="; ".join(reasons) or None,
        evidence=evidence,
        driver=facts.driver,
        isa=facts.isa or (device.isa if device else None),
        compute_units=facts.compute_units,
        numa_node=facts.numa_node,
        partition=facts.slice,
        part_of=found.device.id if found.device and not found.is_whole else None,
        ecc=facts.ecc,
        link=facts.link,
        peers=tuple(Peer(pci_address=place, link=link) for place, link in facts.peers),
        pcie_path=facts.pcie_path,
        power_limit_w=facts.power_limit_w,
        seen_by=one.seen_by,
    )


def _device_memory(
    one: Seen, device: Device | None, host: Memory, *, unified: bool
) -> tuple[int | None, Evidence]:
    """Return the memory of a device and how it is known.

    Unified memory is what the driver grants of the host's (AMD: carve-out plus
    GTT; Apple: the wired limit), else all that this process may use of it.
    """
    told = one.facts.memory_bytes
    if unified and (told is None or one.facts.host_pool_bytes):
        pool = one.facts.host_pool_bytes
        size = (told or 0) + pool if pool else host.usable_bytes
        return size, Evidence.MEASURED if size is not None else Evidence.ASSUMED
    if told is not None:
        return told, Evidence.MEASURED
    if device is not None and device.capacity_bytes:
        return int(device.capacity_bytes), Evidence.DATASHEET
    return None, Evidence.ASSUMED


def _shown_name(one: Seen, found: Match) -> str:
    """Prefer what a driver calls it over what the PCI table calls it, and the catalog over a bare id."""
    name = one.facts.name
    if found.device is not None and (name is None or one.seen_by == ("pci",) or ":" in name):
        name = found.device.name
    name = name or one.facts.pci_id or "unnamed accelerator"
    return f"{name} ({one.facts.slice})" if one.facts.slice and one.facts.slice not in name else name


def _hidden(environment: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(
        f"{variable}={environment[variable]!r} hides devices from programs that honour it"
        for variable in VISIBILITY
        if variable in environment
    )


def _doubts(system: SystemFacts, devices: Iterable[Accelerator], opened: Shelf) -> Iterator[str]:
    """Compare with what the cloud says of its instance."""
    prefix = f"{system.cloud_instance}@"
    listed = [name for name in opened.instance_blocks if system.cloud_instance and name.startswith(prefix)]
    if not listed:
        return
    block = opened.instance_blocks[listed[0]][-1][listed[0]]
    expected, count = block.get("device"), block.get("device_count")
    counted = sum(1 for device in devices if device.catalog_id == expected)
    if expected not in opened.device_blocks or opened.device(expected).kind is DeviceKind.CPU:
        return
    if counted != count:
        yield f"{system.cloud_instance} comes with {count} x {expected}, but {counted} are seen from here"
