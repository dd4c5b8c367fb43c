"""A machine as probes saw it: CPU, memory and every device that a program can address."""

from typing import ClassVar

from pydantic import Field

from tonnage.evidence import Evidence
from tonnage.files import FileRecord, Record


class Cpu(Record):
    """The processor as this process may use it."""

    model: str | None = None
    vendor: str | None = None
    catalog_id: str | None = None
    why_not: str | None = None
    """Why no catalog id could be given."""
    architecture: str | None = None
    sockets: int | None = None
    physical_cores: int | None = None
    logical_cpus: int | None = None
    usable_cpus: float | None = None
    """Logical CPUs under affinity, cpuset and CPU quota; may be fractional."""
    isa: tuple[str, ...] = ()
    l1d_bytes: int | None = None
    l2_bytes: int | None = None
    l3_bytes: int | None = None
    """Cache totals over distinct caches of the host."""
    numa_nodes: int | None = None
    """Nodes that have CPUs."""
    max_frequency_hz: float | None = None
    performance_cores: int | None = None
    efficiency_cores: int | None = None
    """Fast and small cores of a hybrid processor."""


class Memory(Record):
    """Host memory."""

    total_bytes: int | None = None
    usable_bytes: int | None = None
    """Under the tightest cgroup limit of all ancestors."""
    swap_bytes: int | None = None
    dimm_channels: int | None = None
    """Populated channels, where the ECC driver tells."""
    dimm_type: str | None = None


class Peer(Record):
    """A device with a link of its own to another."""

    pci_address: str
    link: str
    """`xGMI`, or `NVLink x4` for four of them."""


class Accelerator(Record):
    """One device that a program can address, or a reason why it cannot."""

    name: str
    vendor: str | None = None
    kind: str | None = None
    catalog_id: str | None = None
    pci_id: str | None = None
    """`vvvv:dddd` in lower-case hex."""
    pci_address: str | None = None
    memory_bytes: int | None = None
    """As the driver reports it, else as the catalog lists it; `evidence` says which."""
    memory_reserved_bytes: int | None = None
    shares_host_memory: bool = False
    """The memory is the host's own: do not add the two."""
    memory_bandwidth_bytes_per_s: float | None = None
    """Theoretical, from the highest memory clock and the bus width that the driver tells."""
    usable: bool
    why_not: str | None = None
    """Why it is not usable, and why no catalog id could be given."""
    evidence: Evidence
    """How the memory is known: measured (told by the driver), datasheet, or assumed (identity alone)."""
    driver: str | None = None
    isa: str | None = None
    compute_units: int | None = None
    numa_node: int | None = None
    partition: str | None = None
    """MIG or compute partition, SR-IOV function: never use whole-card numbers then."""
    part_of: str | None = None
    """Catalog id of the device that a partition is a slice of."""
    ecc: bool | None = None
    link: str | None = None
    peers: tuple[Peer, ...] = ()
    """Devices that it reaches without the host; empty where none is told."""
    pcie_path: tuple[str, ...] = ()
    """PCI bridges between the root and the device, the root first: what two devices share of it, they
    share in bandwidth."""
    power_limit_w: float | None = None
    seen_by: tuple[str, ...] = ()
    """Names of the probes that saw it."""


class Machine(FileRecord):
    """What `tonnage probe` answers."""

    FORMAT: ClassVar[str] = "tonnage.machine"
    VERSION: ClassVar[int] = 1

    hostname: str | None = None
    os: str | None = None
    cpu: Cpu = Field(default_factory=Cpu)
    memory: Memory = Field(default_factory=Memory)
    devices: tuple[Accelerator, ...] = ()
    virtualized: bool = False
    hypervisor: str | None = None
    container: bool = False
    container_runtime: str | None = None
    cloud_instance: str | None = None
    notes: tuple[str, ...] = ()
    """Failed probes and doubts, each one sentence."""
