"""The shipped catalog: every row is whole, in range, sourced, and read without losing a digit."""

import re
import tomllib
from datetime import date
from pathlib import Path

import pytest

from hw_targets import catalog
from hw_targets.catalog import shelf as shelves
from hw_targets.catalog.check import doubts
from hw_targets.device import Device, DeviceKind
from tonnage.errors import UnknownName

SHIPPED = shelves.shelf(with_user=False)
DEVICES = [SHIPPED.device(name) for name in SHIPPED.device_blocks]
INSTANCES = SHIPPED.instances
RAW = {
    name: block
    for path in sorted((shelves.SHIPPED / "devices").glob("*.toml"))
    for name, block in tomllib.loads(path.read_text(encoding="utf-8")).items()
}
by_id = pytest.mark.parametrize("device", DEVICES, ids=lambda device: device.id)

SHARED_PCI_IDS = {
    "1002:740c": "MI250 and MI250X: told apart by compute units",
    "1002:73bf": "Navi 21: told apart by compute units",
    "1002:744c": "Navi 31: told apart by memory and compute units",
    "1002:7550": "Navi 48: told apart by compute units",
    "1e52:faca": "Grayskull boards: the driver of this line tells no board type",
    "1e52:401e": "Wormhole boards: told apart by tt_card_type",
    "1e52:b140": "Blackhole boards: told apart by tt_card_type",
    "17cb:a100": "Cloud AI 100 boards: nothing on the bus tells them apart",
    "19e5:d802": "Ascend 910B1 to B4: nothing on the bus tells them apart",
}
"""Ids that several devices share, and what resolves them."""


def test_the_whole_catalog_is_there() -> None:
    assert len(DEVICES) == 164
    assert len(INSTANCES) == 135
    vendors = {device.vendor for device in DEVICES}
    assert {
        "NVIDIA", "AMD", "Intel", "Apple", "Google", "AWS", "Groq", "Cerebras", "Tenstorrent", "Microsoft",
        "Qualcomm", "SambaNova", "Huawei", "Meta",
    } <= vendors  # fmt: skip


@by_id
def test_device_has_sources_and_a_date(device: Device) -> None:
    assert device.sources
    for key in device.sources:
        source = catalog.source(key)
        assert source.title != key or key.startswith("https://"), f"{key} is in no sources.toml"
    assert re.fullmatch(r"\d{4}-\d{2}(-\d{2})?", device.retrieved or "")


@by_id
def test_device_figures_are_in_range(device: Device) -> None:
    assert doubts(device) == []
    if device.memory_bandwidth_bytes_per_s is not None:
        low, high = (1e13, 1e17) if device.memory_type == "SRAM" else (2e10, 2e13)
        assert low <= device.memory_bandwidth_bytes_per_s <= high
    if device.memory_bytes is not None:
        assert 1e8 <= device.memory_bytes <= 2e12
    if device.tdp_w is not None and device.kind is not DeviceKind.WAFER:
        assert 5 <= device.tdp_w <= 2500
    if device.year is not None:
        assert 2016 <= device.year <= date.today().year


@by_id
def test_rates_of_formats_fit_together(device: Device) -> None:
    """Dense peaks: on GPUs FP8 doubles BF16 at most, elsewhere a halving is at most four times as fast.

    Parts that are excepted by name: B300 and GB300 cut INT8 for FP4, V100's INT8 is a
    vector rate, and Gaudi 3 runs FP16 at a quarter of BF16.
    """
    peak = device.peak
    fp8_most = 2.6 if device.kind in (DeviceKind.GPU, DeviceKind.APU) else 4.1
    pairs = [(peak.bf16, peak.fp8, (1.0, fp8_most)), (peak.fp8, peak.fp4, (1.0, 4.1))]
    if device.id != "intel-gaudi3":
        pairs.append((peak.fp16, peak.bf16, (0.5, 1.0)))
    if device.id not in ("nvidia-b300-sxm-288gb", "nvidia-gb300-288gb") and "v100" not in device.id:
        pairs.append((peak.fp16, peak.int8, (0.9, 4.2)))
    for wide, narrow, (low, high) in pairs:
        if wide is not None and narrow is not None:
            assert low * 0.98 <= narrow / wide <= high, (
                f"{narrow / 1e12} is not {low} to {high} times {wide / 1e12}"
            )


@by_id
def test_record_says_what_its_block_says(device: Device) -> None:
    """Independent reading: plain tomllib, decimal units spelled out here."""
    block = RAW[device.id]
    share = block["devices_per_card"] if block.get("figures_per") == "card" else 1
    assert (device.name, device.vendor) == (block["name"], block["vendor"])
    if "memory_gb" in block:
        assert device.memory_bytes == pytest.approx(block["memory_gb"] * 10**9 / share, rel=1e-12)
    if "memory_bandwidth_gbytes_per_s" in block:
        told = block["memory_bandwidth_gbytes_per_s"] * 10**9 / share
        assert device.memory_bandwidth_bytes_per_s == pytest.approx(told, rel=1e-12)
    for fmt, rate in device.peak:
        told = block.get(f"{fmt}_tflop_per_s")
        assert (rate is None) == (told is None)
        assert rate is None or rate == pytest.approx(told * 10**12 / share, rel=1e-12)


@by_id
def test_headline_is_what_parsing_says(device: Device) -> None:
    line = next(one for one in SHIPPED.headlines if one.id == device.id)
    assert line.name == device.name
    assert line.pci_ids == device.pci_ids
    assert line.memory_type == (device.memory_type or "")


@pytest.mark.parametrize(
    "device", [one for one in DEVICES if one.kind is DeviceKind.CPU], ids=lambda one: one.id
)
def test_cpu_bandwidth_is_channels_times_rate(device: Device) -> None:
    """8 bytes per transfer and channel: DDR5-4800 x12 is 460.8 GB/s."""
    told = re.match(r"DDR\d-(\d+)(?: / \S+)? x(\d+)", device.memory_type or "")
    if told is None or device.memory_bandwidth_bytes_per_s is None:
        pytest.skip("rate or channels are not published")
    expected = int(told[1]) * 1e6 * 8 * int(told[2])
    assert device.memory_bandwidth_bytes_per_s == pytest.approx(expected, rel=0.001)
    assert device.memory_channels == int(told[2])


def test_shared_pci_ids_are_all_explained() -> None:
    shared = {pci_id for pci_id, ids in SHIPPED.pci_index.items() if len(ids) > 1}
    assert shared == set(SHARED_PCI_IDS)


def test_pci_ids_belong_to_their_vendor() -> None:
    vendors = {"NVIDIA": "10de", "AMD": "1002", "Google": "1ae0", "AWS": "1d0f", "Tenstorrent": "1e52"}
    for device in DEVICES:
        for pci_id in device.pci_ids:
            assert pci_id.startswith(vendors.get(device.vendor, ""))


def test_cards_of_several_devices_say_what_one_is() -> None:
    mi250x = catalog.get("amd-mi250x")
    assert (mi250x.devices_per_card, mi250x.memory_bytes) == (2, 64e9)
    assert mi250x.peak.bf16 == pytest.approx(383e12 / 2, rel=0.01)
    a16 = catalog.get("nvidia-a16")
    assert (a16.devices_per_card, a16.memory_bytes) == (4, 16e9)


def test_targets_not_sold_by_the_card_say_how_they_are_sold() -> None:
    for name in ("groq-lpu-v1", "cerebras-wse-3", "google-tpu-v5p", "google-tpu-v7x", "microsoft-maia-100"):
        assert catalog.get(name).sold_as, name
    assert catalog.get("google-tpu-v5p").minimum_devices == 4
    groq = catalog.get("groq-lpu-v1")
    assert groq.memory_bytes == pytest.approx(0.23e9) and groq.minimum_devices == 8


def test_instances_are_priced_dated_and_of_known_devices() -> None:
    assert len({one.id for one in INSTANCES}) == len(INSTANCES)
    for one in INSTANCES:
        assert one.device_id is None or catalog.why_not(one.device_id) is None
        assert (one.device_id is None) == (one.device_count is None)
        assert one.source and re.fullmatch(r"\d{4}-\d{2}(-\d{2})?", one.as_of or "")
        for price in (one.on_demand_usd_per_h, one.reserved_usd_per_h, one.spot_usd_per_h):
            assert price is None or 0.05 < price < 500
        if one.on_demand_usd_per_h and one.reserved_usd_per_h:
            assert one.reserved_usd_per_h < one.on_demand_usd_per_h


def test_doubtful_price_carries_its_mark() -> None:
    (trn2,) = [one for one in INSTANCES if one.name == "trn2.48xlarge"]
    assert trn2.unverified == ("on_demand_usd_per_h",)
    assert "rent_usd_per_h" in catalog.get("aws-trainium2").unverified


def test_instances_of_one_device() -> None:
    found = catalog.instances("amd-mi300x")
    assert [one.id for one in found] == ["Azure/Standard_ND96isr_MI300X_v5@eastus2"]


def test_unknown_device_lists_near_ones() -> None:
    with pytest.raises(UnknownName, match="nvidia-h100-sxm5-80gb"):
        catalog.get("nvidia-h100-sxm5")
    assert catalog.why_not("nvidia-l4") is None
    assert "near names" in (catalog.why_not("nvidia-l4s") or "")


def test_matching_globs() -> None:
    assert catalog.matching("nvidia-h100-*") == (
        "nvidia-h100-sxm5-80gb", "nvidia-h100-pcie-80gb", "nvidia-h100-nvl-94gb",
    )  # fmt: skip
    assert catalog.matching("nothing-*") == ()


def test_no_workplace_words_in_the_data() -> None:
    for path in Path(shelves.SHIPPED).rglob("*.toml"):
        assert not re.search(r"/work/|/tmp/|\bindexed\b|file id", path.read_text(encoding="utf-8")), path
