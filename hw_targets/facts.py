"""Partial facts about a host, as single probes see them, and how they are put together."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields
from typing import TypeVar

FactT = TypeVar("FactT")


@dataclass(frozen=True, slots=True, kw_only=True)
class CpuFacts:
    """What a probe knows of the processor."""

    model: str | None = None
    vendor: str | None = None
    architecture: str | None = None
    sockets: int | None = None
    physical_cores: int | None = None
    logical_cpus: int | None = None
    usable_cpus: float | None = None
    isa: tuple[str, ...] = ()
    l1d_bytes: int | None = None
    l2_bytes: int | None = None
    l3_bytes: int | None = None
    numa_nodes: int | None = None
    max_frequency_hz: float | None = None
    performance_cores: int | None = None
    efficiency_cores: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryFacts:
    """What a probe knows of host memory."""

    total_bytes: int | None = None
    limit_bytes: int | None = None
    swap_bytes: int | None = None
    of_devices_bytes: int | None = None
    """Part of the total that lies on NUMA nodes without CPUs: device memory or CXL."""
    dimm_channels: int | None = None
    dimm_type: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemFacts:
    """What a probe knows of the host as a whole."""

    hostname: str | None = None
    os: str | None = None
    maker: str | None = None
    product: str | None = None
    hypervisor: str | None = None
    virtualized: bool | None = None
    container: bool | None = None
    container_runtime: str | None = None
    cloud_instance: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """One accelerator, or one part of it, as one probe sees it.

    Attributes
    ----------
    place : str
        What sightings of the same accelerator share: its PCI address, or a device node.
    part : int or None
        Number of an addressable part; None for the whole.
    slice : str or None
        Name of a part that is a slice of a device rather than a device of its own
        (MIG, compute partition, vGPU, SR-IOV function): whole-device figures do not apply.
    refusal : str or None
        Why a program cannot use it.
    """

    place: str
    part: int | None = None
    slice: str | None = None
    name: str | None = None
    vendor: str | None = None
    kind: str | None = None
    pci_id: str | None = None
    pci_address: str | None = None
    driver: str | None = None
    memory_bytes: int | None = None
    memory_reserved_bytes: int | None = None
    shares_host_memory: bool | None = None
    host_pool_bytes: int | None = None
    """Host memory that the driver lets the device use beyond its own (AMD's GTT)."""
    memory_bandwidth_bytes_per_s: float | None = None
    """From the highest memory clock and the bus width that the driver tells."""
    ecc: bool | None = None
    isa: str | None = None
    compute_units: int | None = None
    numa_node: int | None = None
    link: str | None = None
    peers: tuple[tuple[str, str], ...] = ()
    """Places of devices with a link of their own to this one, and its name."""
    pcie_path: tuple[str, ...] = ()
    """Bridges between the root and the device, the root first."""
    power_limit_w: float | None = None
    uuid: str | None = None
    refusal: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """All that one probe has to say."""

    cpu: CpuFacts = field(default_factory=CpuFacts)
    memory: MemoryFacts = field(default_factory=MemoryFacts)
    system: SystemFacts = field(default_factory=SystemFacts)
    devices: tuple[Sighting, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One addressable device with all that is known of it, and who saw it."""

    facts: Sighting
    seen_by: tuple[str, ...]


WHOLE_ONLY = ("memory_bytes", "memory_reserved_bytes", "compute_units", "power_limit_w", "uuid",
              "memory_bandwidth_bytes_per_s", "host_pool_bytes")  # fmt: skip
"""What is true of a whole device and not of a part of it."""


def first_known(facts: Sequence[FactT]) -> FactT:
    """Return one record with each field from the first record that knows it."""
    known = {}
    for one in fields(facts[0]):  # type: ignore[arg-type]
        values = [getattr(fact, one.name) for fact in facts]
        known[one.name] = next((value for value in values if value not in (None, ())), values[0])
    return type(facts[0])(**known)


def devices(sightings: Iterable[tuple[str, Sighting]]) -> tuple[Seen, ...]:
    """Put sightings of the same device together; parts stand for the whole they belong to.

    Parameters
    ----------
    sightings : iterable of (probe name, Sighting)
        The most trusted probes first.

    Returns
    -------
    tuple of Seen
        One for each addressable device, in the order of first sight.
    """
    by_place: dict[str, list[tuple[str, Sighting]]] = {}
    for probe, sighting in sightings:
        by_place.setdefault(sighting.place, []).append((probe, sighting))
    return tuple(seen for group in by_place.values() for seen in _addressable(group))


def _addressable(group: list[tuple[str, Sighting]]) -> Iterable[Seen]:
    wholes = [(probe, sighting) for probe, sighting in group if sighting.part is None]
    parts = sorted({sighting.part for _, sighting in group if sighting.part is not None})
    if not parts:
        yield _seen(wholes)
        return
    stripped = [(probe, _without_whole_figures(sighting)) for probe, sighting in wholes]
    for part in parts:
        yield _seen([one for one in group if one[1].part == part] + stripped)


def _seen(group: list[tuple[str, Sighting]]) -> Seen:
    return Seen(
        facts=first_known([sighting for _, sighting in group]),
        seen_by=tuple(dict.fromkeys(probe for probe, _ in group)),
    )


def _without_whole_figures(sighting: Sighting) -> Sighting:
    kept = {one.name: getattr(sighting, one.name) for one in fields(sighting) if one.name not in WHOLE_ONLY}
    return Sighting(**kept)
