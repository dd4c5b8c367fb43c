"""What NVML reports becomes sightings; a query that a device does not support costs its answer only."""

import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from hw_targets import facts
from hw_targets.catalog.shelf import shelf
from hw_targets.host import Host
from hw_targets.match import match
from hw_targets.probes import nvml
from tonnage.errors import ProbeUnavailable


class NVMLError(Exception):
    """As pynvml raises it."""


class FakeNvml(ModuleType):
    """The library as a module: a device is a dict of query name -> answer; the rest is unsupported."""

    NVMLError = NVMLError
    NVML_CLOCK_MEM = 2
    NVML_NVLINK_MAX_LINKS = 18
    nvmlMemory_v2 = 0x02000028  # noqa: N815 - the library's own name

    def __init__(self, devices: list[dict[str, Any]], *, answers: bool = True) -> None:
        super().__init__("pynvml")
        self._devices, self._answers = devices, answers

    def nvmlInit(self) -> None:
        if not self._answers:
            raise NVMLError("Driver Not Loaded")

    def nvmlShutdown(self) -> None:
        pass

    def nvmlDeviceGetCount(self) -> int:
        return len(self._devices)

    def nvmlDeviceGetHandleByIndex(self, index: int) -> dict[str, Any]:
        return self._devices[index]

    def nvmlDeviceGetMigDeviceHandleByIndex(self, handle: dict[str, Any], index: int) -> dict[str, Any]:
        parts: list[dict[str, Any]] = handle.get("parts", [])
        if index >= len(parts):
            raise NVMLError("Not Found")
        return parts[index]

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("nvmlDeviceGet"):
            raise AttributeError(name)

        def query(handle: dict[str, Any], *arguments: Any) -> Any:
            key = name.removeprefix("nvmlDeviceGet")
            if key not in handle:
                raise NVMLError("Not Supported")
            return handle[key]

        return query


H100 = {
    "PciInfo": SimpleNamespace(busId=b"00000000:62:00.0", pciDeviceId=0x233010DE),
    "Name": "NVIDIA H100 80GB HBM3",
    "MemoryInfo": SimpleNamespace(total=85520809984, reserved=564985856),
    "CudaComputeCapability": (9, 0),
    "MaxClockInfo": 2619,
    "MemoryBusWidth": 5120,
    "PowerManagementLimit": 700000,
    "NumGpuCores": 16896,
    "EccMode": (1, 1),
    "NvLinkState": 1,
    "NvLinkVersion": 4,
    "UUID": "GPU-1",
    "MigMode": (0, 0),
    "VirtualizationMode": 0,
}


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Put a library with these devices in place of pynvml, and signs of its hardware on the host."""

    def install(devices: list[dict[str, Any]], *, answers: bool = True) -> Host:
        monkeypatch.setitem(sys.modules, "pynvml", FakeNvml(devices, answers=answers))
        monkeypatch.setattr(nvml, "MARKS", ("/",))
        return Host()

    return install


def test_a_whole_device(library: Any) -> None:
    (seen,) = nvml.probe(library([H100])).devices
    assert (seen.pci_address, seen.pci_id) == ("0000:62:00.0", "10de:2330")
    assert (seen.memory_bytes, seen.memory_reserved_bytes) == (85520809984, 564985856)
    assert seen.memory_bandwidth_bytes_per_s == pytest.approx(3.352e12, rel=1e-3)
    assert (seen.isa, seen.compute_units, seen.power_limit_w, seen.ecc) == ("9.0", 132, 700.0, True)
    assert seen.link == "NVLink x18 (version 4)"
    assert match(seen, shelf(with_user=False)).catalog_id == "nvidia-h100-sxm5-80gb"


def test_mig_instances_stand_for_the_device(library: Any) -> None:
    part = {
        "Name": "NVIDIA H100 80GB HBM3 MIG 1g.10gb",
        "MemoryInfo": SimpleNamespace(total=10468982784, reserved=12582912),
        "Attributes": SimpleNamespace(multiprocessorCount=16),
    }
    split = {**H100, "MigMode": (1, 1), "MaxMigDeviceCount": 7, "parts": [part, part]}
    sightings = nvml.probe(library([split])).devices
    merged = facts.devices(("nvml", one) for one in sightings)
    assert [one.facts.slice for one in merged] == ["MIG 1g.10gb", "MIG 1g.10gb"]
    assert {one.facts.memory_bytes for one in merged} == {10468982784}
    assert {one.facts.compute_units for one in merged} == {16}
    assert {one.facts.power_limit_w for one in merged} == {None}


def test_unified_memory_reports_no_size(library: Any) -> None:
    gb10 = {
        "PciInfo": SimpleNamespace(busId="0000000F:01:00.0", pciDeviceId=0x2E1210DE),
        "Name": "NVIDIA GB10",
    }
    (seen,) = nvml.probe(library([gb10])).devices
    assert seen.memory_bytes is None
    assert seen.pci_address == "000f:01:00.0"
    assert match(seen, shelf(with_user=False)).catalog_id == "nvidia-gb10-dgx-spark"


def test_a_jetson_is_named_by_its_device_tree(library: Any) -> None:
    orin = {"PciInfo": SimpleNamespace(busId="00000000:00:00.0", pciDeviceId=0), "Name": "Orin (nvgpu)"}
    board = facts.Sighting(place="tegra", name="NVIDIA Jetson AGX Orin", vendor="NVIDIA")
    sightings = [("nvml", one) for one in nvml.probe(library([orin])).devices]
    (seen,) = facts.devices([*sightings, ("nvidia", board)])
    assert match(seen.facts, shelf(with_user=False)).catalog_id == "nvidia-jetson-agx-orin-64gb"


def test_a_vgpu_is_a_slice(library: Any) -> None:
    guest = {**H100, "Name": "NVIDIA H100-20C", "VirtualizationMode": 2}
    (seen,) = nvml.probe(library([guest])).devices
    assert seen.slice == "vGPU 20C"
    assert match(seen, shelf(with_user=False)).catalog_id is None


def test_a_device_that_answers_nothing_is_still_there(library: Any) -> None:
    (seen,) = nvml.probe(library([{}])).devices
    assert seen.vendor == "NVIDIA" and seen.memory_bytes is None


def test_hardware_without_driver_is_said_so(library: Any) -> None:
    with pytest.raises(ProbeUnavailable, match="is the NVIDIA driver installed"):
        nvml.probe(library([], answers=False))


def test_captured_hosts_never_ask_the_library(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", None)
    (tmp_path / "dev").mkdir()
    (tmp_path / "dev" / "nvidiactl").write_text("")
    assert nvml.probe(Host(tmp_path)).devices == ()


@pytest.mark.gpu
def test_the_library_and_the_probe_agree_on_a_real_gpu() -> None:
    import pynvml

    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError as problem:
        pytest.skip(f"no NVIDIA GPU answers here ({problem})")
    sightings = [one for one in nvml.probe(Host()).devices if one.part is None]
    assert len(sightings) == pynvml.nvmlDeviceGetCount()
    for index, seen in enumerate(sightings):
        handle = pynvml.nvmlDeviceGetHandleByIndex(index)
        assert seen.memory_bytes == pynvml.nvmlDeviceGetMemoryInfo(handle).total
    pynvml.nvmlShutdown()
