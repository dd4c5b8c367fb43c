"""How devices reach each other and the host: PCI paths by nesting, NVLink and xGMI by what drivers tell."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from hw_targets.host import Host
from hw_targets.probe import probe_machine
from hw_targets.probes import nvml
from tests.captures import unpack
from tests.hw_targets.test_nvml import FakeNvml

GPU = "pci0000:40/0000:40:01.1/0000:41:00.0/0000:42:10.0/0000:43:00.0"
"""Host bridge, root port, a switch with its upstream and downstream port, the device."""


@pytest.fixture
def behind_a_switch(tmp_path: Path) -> Path:
    """One GPU of 32 GT/s x16 behind a switch whose upstream port is x8 and a root port of 16 GT/s."""
    folder = tmp_path / "sys" / "devices" / GPU
    folder.mkdir(parents=True)
    for name, text in {"vendor": "0x10de", "device": "0x2330", "class": "0x030200"}.items():
        (folder / name).write_text(text + "\n")
    ports = {
        0: ("32.0 GT/s PCIe", 16),
        1: ("32.0 GT/s PCIe", 16),
        2: ("32.0 GT/s PCIe", 8),
        3: ("16.0 GT/s", 16),
    }
    for up, (speed, width) in ports.items():
        place = folder if up == 0 else folder.parents[up - 1]
        (place / "max_link_speed").write_text(f"{speed}\n")
        (place / "max_link_width").write_text(f"{width}\n")
    bus = tmp_path / "sys" / "bus" / "pci" / "devices"
    bus.mkdir(parents=True)
    for depth in range(2, 6):
        place = "/".join(GPU.split("/")[:depth])
        (bus / Path(place).name).symlink_to(f"../../../devices/{place}")
    return tmp_path


def test_a_link_is_as_fast_as_the_slowest_port_on_the_way_to_the_root(behind_a_switch: Path) -> None:
    (device,) = probe_machine(behind_a_switch).devices
    assert device.pcie_path == ("pci0000:40", "0000:40:01.1", "0000:41:00.0", "0000:42:10.0")
    assert device.link == "PCIe 16 GT/s x8"


def test_links_in_circles_lead_nowhere(tmp_path: Path) -> None:
    (tmp_path / "sys").mkdir()
    (tmp_path / "sys" / "a").symlink_to("b")
    (tmp_path / "sys" / "b").symlink_to("a")
    assert Host(tmp_path).real("/sys/a/device") is None


@pytest.mark.parametrize(
    ("capture", "cards", "peers"), [("mi300x-8-spx", 8, 7), ("mi300x-8-cpx", 8, 7), ("mi250x-4", 8, 4)]
)
def test_peers_of_xgmi_are_mutual_and_never_oneself(
    tmp_path: Path, capture: str, cards: int, peers: int
) -> None:
    root = unpack.unpack((unpack.HOSTS / f"{capture}.txt").read_text(encoding="utf-8"), tmp_path)
    reached: dict[str | None, set[str]] = {}
    for device in probe_machine(root).devices:
        reached.setdefault(device.pci_address, set()).update(peer.pci_address for peer in device.peers)
    assert len(reached) == cards
    for address, others in reached.items():
        assert len(others) == peers and address not in others
        assert all(address in reached[other] for other in others)


def gpu(bus: str, *ends: str) -> dict[str, object]:
    """A GPU whose NVLinks end at these addresses."""
    return {"PciInfo": SimpleNamespace(busId=bus, pciDeviceId=0x233010DE), "ends": ends}


class LinkedNvml(FakeNvml):
    """Adds the queries that take the number of a link."""

    def nvmlDeviceGetNvLinkState(self, handle, link):
        if link >= len(handle["ends"]):
            raise self.NVMLError("Not Supported")
        return 1

    def nvmlDeviceGetNvLinkRemotePciInfo(self, handle, link):
        return SimpleNamespace(busId=handle["ends"][link])


def peers_of(devices: list[dict[str, object]]) -> list[tuple[tuple[str, str], ...]]:
    library = LinkedNvml(devices)
    found = [sighting for index in range(len(devices)) for sighting in nvml._device(library, index)]
    return [one.peers for one in nvml._with_peers(found)]


def test_nvlinks_between_two_gpus_are_counted() -> None:
    a, b = "00000000:0A:00.0", "00000000:0B:00.0"
    told = peers_of([gpu(a, b, b, b, b), gpu(b, a, a, a, a)])
    assert told == [(("0000:0b:00.0", "NVLink x4"),), (("0000:0a:00.0", "NVLink x4"),)]


def test_all_gpus_behind_switches_reach_each_other() -> None:
    switch, buses = "00000000:D1:00.0", [f"00000000:{n}0:00.0" for n in range(1, 5)]
    told = peers_of([gpu(bus, switch, switch) for bus in buses] + [gpu("00000000:60:00.0")])
    assert [len(peers) for peers in told] == [3, 3, 3, 3, 0]
    assert told[0][0] == ("0000:20:00.0", "NVLink through a switch")
