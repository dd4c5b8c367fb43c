"""A user's own files add and correct devices and instances; mistakes are named by line and key."""

from pathlib import Path

import pytest

from hw_targets import catalog
from hw_targets.catalog.check import problems
from hw_targets.probe import probe_machine
from tonnage.errors import FileProblem, FormatError

NEW_DEVICE = """
[acme-npu-1]
name = "Acme NPU 1"
vendor = "Acme"
kind = "npu"
memory_gb = 32
memory_bandwidth_gbytes_per_s = 400
int8_tflop_per_s = 120
pci_ids = ["1fab:0001"]
sources = ["data sheet of 2026-10-01, page 3"]
"""
NEW_INSTANCE = """
["Rack/own-1@cellar"]
provider = "Rack"
name = "own-1"
region = "cellar"
device = "nvidia-l4"
device_count = 2
on_demand_usd_per_h = 0.40
as_of = "2026-11-01"
"""


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder of the user's own catalog files."""
    monkeypatch.setenv("TONNAGE_DATA", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return tmp_path


def test_one_block_adds_a_device(own: Path) -> None:
    (own / "devices.toml").write_text(NEW_DEVICE)
    device = catalog.get("acme-npu-1")
    assert (device.memory_bytes, device.peak.int8) == (32e9, 120e12)
    assert catalog.by_pci("1fab:0001") == (device,)
    assert catalog.resolve("acme npu").id == "acme-npu-1"


def test_one_key_corrects_a_shipped_device(own: Path) -> None:
    (own / "devices").mkdir()
    (own / "devices" / "prices.toml").write_text("[nvidia-rtx-4090]\nprice_usd = 2222\n")
    device = catalog.get("nvidia-rtx-4090")
    assert device.price_usd == 2222
    assert device.memory_bytes == 24e9


def test_one_block_adds_an_instance(own: Path) -> None:
    (own / "instances.toml").write_text(NEW_INSTANCE)
    assert "Rack/own-1@cellar" in [one.id for one in catalog.instances("nvidia-l4")]


def test_configuration_folder_is_read_and_the_variable_wins(own: Path) -> None:
    folder = own / "config" / "tonnage"
    folder.mkdir(parents=True)
    (folder / "devices.toml").write_text("[nvidia-l4]\nprice_usd = 1\ntdp_w = 70\n")
    (own / "devices.toml").write_text("[nvidia-l4]\nprice_usd = 2\n")
    assert catalog.get("nvidia-l4").price_usd == 2


def test_a_broken_file_stops_the_catalog_but_not_the_probe(own: Path, tmp_path: Path) -> None:
    (own / "devices.toml").write_text("[nvidia-l4]\ntdp_w = 'much'\n")
    with pytest.raises(FormatError, match=r"line 1: \[nvidia-l4\]: tdp_w"):
        catalog.get("nvidia-l4")
    host = tmp_path / "host"
    host.mkdir()
    machine = probe_machine(host)
    assert any("own catalog files are left out" in note for note in machine.notes)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[x]\nname = 'X'\nvendor = 'V'\nkind = 'gpu'\nmemory_gigs = 4\n", "line 5: [x]: memory_gigs"),
        ("[x]\nname = 'X'\nvendor = 'V'\nkind = 'gpu'\nmemory_gb = -4\n", "line 5: [x]: memory_gb"),
        ("[x]\nname = 'X'\nvendor = 'V'\nkind = 'toaster'\n", "line 4: [x]: kind"),
        ("[x]\nvendor = 'V'\nkind = 'gpu'\n", "line 1: [x]: name"),
        ("[x]\nname = 'X'\nvendor = 'V'\nkind = 'gpu'\nbandwidth_gbps = 4\n", "bandwidth_gbps"),
        ("[x]\nname = 'X'\nvendor = 'V'\nkind = 'gpu'\ndevices_per_card = 2\n", "figures_per"),
        (
            "[x]\nname = 'X'\nvendor = 'V'\nkind = 'gpu'\nmemory_bandwidth_bytes_per_s = 3350\n",
            "below 1 GB/s",
        ),
        (
            "[x]\nname = 'X'\nvendor = 'V'\nkind = 'gpu'\nmemory_gb = 80\nusable_memory_gb = 8\n",
            "does not fit",
        ),
        ("[x]\nname = 'X'\nname = 'Y'\n", "overwrite"),
        ("[x\n", "Expected ']'"),
        ("", "holds no block"),
        (NEW_INSTANCE.replace("nvidia-l4", "nvidia-l4z"), "line 6: [Rack/own-1@cellar]: device"),
        (NEW_INSTANCE.replace("own-1@cellar", "own-2@cellar"), "the header 'Rack/own-2@cellar'"),
        ("[a]\nname='A'\nvendor='V'\nkind='gpu'\n[a]\nname='B'\n", "stands here twice"),
    ],
)
def test_check_names_line_and_key(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "devices.toml"
    path.write_text(text)
    found = problems(path)
    assert found and says in found[0], found
    assert all("\n" not in line for line in found)


def test_check_accepts_what_can_be_used(tmp_path: Path) -> None:
    path = tmp_path / "devices.toml"
    path.write_text(NEW_DEVICE + NEW_INSTANCE + "[nvidia-l4]\nprice_usd = 3\n")
    assert problems(path) == ()


def test_check_of_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileProblem):
        problems(tmp_path / "none.toml")


def test_every_shipped_file_passes_its_own_check() -> None:
    for path in sorted(Path(catalog.__file__).parent.glob("*/*.toml")):
        assert problems(path) == (), path
