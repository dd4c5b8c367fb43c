"""A device as its vendor declares it: one catalog entry in SI units, every figure sourced."""

from enum import StrEnum

from pydantic import Field

from tonnage.files import Record


class DeviceKind(StrEnum):
    """What sort of device it is."""

    GPU = "gpu"
    APU = "apu"
    NPU = "npu"
    TPU = "tpu"
    LPU = "lpu"
    WAFER = "wafer"
    CPU = "cpu"


class PeakRates(Record):
    """Dense peak rates by number format [flop/s]; None where the format is not native or not published."""

    fp64: float | None = Field(default=None, gt=0)
    fp32: float | None = Field(default=None, gt=0)
    tf32: float | None = Field(default=None, gt=0)
    fp16: float | None = Field(default=None, gt=0)
    bf16: float | None = Field(default=None, gt=0)
    fp8: float | None = Field(default=None, gt=0)
    int8: float | None = Field(default=None, gt=0)
    fp4: float | None = Field(default=None, gt=0)
    int4: float | None = Field(default=None, gt=0)


class Link(Record):
    """How devices of one node talk to each other."""

    name: str
    bandwidth_bytes_per_s: float | None = Field(default=None, gt=0)
    """All links of one device together, one direction."""


class Device(Record):
    """One addressable device: memory, bandwidth, dense peaks, links, price.

    Attributes
    ----------
    id : str
        Catalog id, e.g. `nvidia-h100-sxm5-80gb`.
    memory_bytes : float or None
        Marketed size. None for CPUs, where the platform decides.
    usable_memory_bytes : float or None
        What a program can allocate, where a source reports it.
    peak : PeakRates
        Dense rates [flop/s].
    devices_per_card : int
        Addressable devices on one physical card: an MI250X card is two.
    devices_per_pci_function : int
        How many of them hide behind one PCI function (tiles, dies without PCIe of their own).
    minimum_devices : int
        Smallest number that is sold or can serve together.
    sold_as : str or None
        The real unit of sale where it is not the card: "slice", "appliance" ...
    price_usd : float or None
        Street price of one device. [USD]
    rent_usd_per_h : float or None
        Rent of one device, `rent_basis` says where and when. [USD/h]
    derived : tuple of str
        Fields whose figure follows from a ratio of its family, told in `notes`.
    unverified : tuple of str
        Fields whose figure nobody re-read.
    """

    id: str
    name: str
    vendor: str
    kind: DeviceKind
    architecture: str | None = None
    year: int | None = None
    memory_bytes: float | None = Field(default=None, gt=0)
    usable_memory_bytes: float | None = Field(default=None, gt=0)
    memory_type: str | None = None
    memory_channels: int | None = Field(default=None, ge=1)
    """Per socket, for CPUs."""
    memory_bandwidth_bytes_per_s: float | None = Field(default=None, gt=0)
    sram_bytes: float | None = Field(default=None, gt=0)
    peak: PeakRates = PeakRates()
    link: Link | None = None
    pcie_generation: int | None = None
    pcie_lanes: int | None = None
    max_devices_per_node: int | None = Field(default=None, ge=1)
    devices_per_card: int = Field(default=1, ge=1)
    devices_per_pci_function: int = Field(default=1, ge=1)
    minimum_devices: int = Field(default=1, ge=1)
    sold_as: str | None = None
    tdp_w: float | None = Field(default=None, gt=0)
    pci_ids: tuple[str, ...] = ()
    isa: str | None = None
    """Compute capability ("9.0"), gfx target ("gfx942") or instruction set ("x86_64")."""
    isa_features: tuple[str, ...] = ()
    """Vector and matrix extensions of a CPU, as Linux names its flags."""
    cores: int | None = Field(default=None, ge=1)
    """Physical cores of one CPU socket."""
    compute_units: float | None = Field(default=None, gt=0)
    """Compute units of AMD GPUs, by which parts of one PCI id are told apart."""
    price_usd: float | None = Field(default=None, gt=0)
    rent_usd_per_h: float | None = Field(default=None, gt=0)
    rent_basis: str | None = None
    sources: tuple[str, ...] = ()
    retrieved: str | None = None
    derived: tuple[str, ...] = ()
    unverified: tuple[str, ...] = ()
    notes: str | None = None

    @property
    def capacity_bytes(self) -> float | None:
        """Memory that planning may use: usable where known, else marketed."""
        return self.usable_memory_bytes or self.memory_bytes


class Instance(Record):
    """A rentable host: devices, CPUs, memory and its prices on one date.

    A host without a device of the catalog (a custom CPU) has neither `device_id` nor `device_count`.
    """

    provider: str
    name: str
    device_id: str | None = None
    device_count: float | None = Field(default=None, gt=0)
    vcpus: float | None = Field(default=None, gt=0)
    memory_bytes: float | None = Field(default=None, gt=0)
    on_demand_usd_per_h: float | None = Field(default=None, gt=0)
    reserved_usd_per_h: float | None = Field(default=None, gt=0)
    spot_usd_per_h: float | None = Field(default=None, gt=0)
    region: str | None = None
    as_of: str | None = None
    source: str = ""
    unverified: tuple[str, ...] = ()
    notes: str | None = None

    @property
    def id(self) -> str:
        """Provider, name and region: `AWS/g5.xlarge@us-east-1`."""
        return f"{self.provider}/{self.name}" + (f"@{self.region}" if self.region else "")
