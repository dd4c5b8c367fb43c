"""A device is named by what tells it apart, or refused with the reason; never guessed."""

from dataclasses import replace

import pytest

from hw_targets.catalog.shelf import shelf
from hw_targets.facts import CpuFacts, Sighting, SystemFacts
from hw_targets.match import match
from hw_targets.match_cpu import match_cpu

SHELF = shelf(with_user=False)
MIB = 2**20


def seen(pci_id: str | None = None, **facts: object) -> Sighting:
    """One sighting with these facts."""
    return replace(Sighting(place="0000:01:00.0", pci_id=pci_id), **facts)


@pytest.mark.parametrize(
    ("pci_id", "memory_mib", "device_id"),
    [
        ("10de:2330", 81559, "nvidia-h100-sxm5-80gb"),
        ("10de:2335", 143771, "nvidia-h200-sxm-141gb"),
        ("10de:2901", 183359, "nvidia-b200-sxm-180gb"),
        ("10de:3182", 275040, "nvidia-b300-sxm-288gb"),
        ("10de:26b9", 46068, "nvidia-l40s"),
        ("10de:27b8", 23034, "nvidia-l4"),
        ("10de:2204", 24576, "nvidia-rtx-3090"),
        ("10de:1eb8", 15360, "nvidia-t4"),
        ("10de:2bb5", 97887, "nvidia-rtx-pro-6000-blackwell-server"),
    ],
)
def test_sizes_that_drivers_report_match(pci_id: str, memory_mib: int, device_id: str) -> None:
    """Printed sizes are never the reported ones; both name the same part."""
    assert match(seen(pci_id, memory_bytes=memory_mib * MIB), SHELF).catalog_id == device_id


def test_half_the_memory_is_another_part() -> None:
    found = match(seen("10de:2d04", memory_bytes=8151 * MIB), SHELF)
    assert found.catalog_id is None
    assert "nvidia-rtx-5060-ti-16gb (16 GB)" in (found.why_not or "")


@pytest.mark.parametrize(
    ("pci_id", "facts", "device_id"),
    [
        ("1002:744c", {"memory_bytes": 20 * 2**30, "compute_units": 84}, "amd-rx-7900-xt"),
        ("1002:744c", {"memory_bytes": 24 * 2**30, "compute_units": 96}, "amd-rx-7900-xtx"),
        ("1002:744c", {"memory_bytes": 16 * 2**30, "compute_units": 80}, None),
        ("1002:7550", {"compute_units": 56}, "amd-rx-9070"),
        ("1002:7550", {"compute_units": 64}, "amd-rx-9070-xt"),
        ("1002:7550", {}, None),
        ("1002:740c", {"compute_units": 104}, "amd-mi250"),
        ("1002:740c", {"compute_units": 110}, "amd-mi250x"),
        ("1002:73bf", {"compute_units": 72}, "amd-rx-6800-xt"),
        ("1e52:b140", {"name": "Tenstorrent p150a"}, "tenstorrent-blackhole-p150"),
        ("1e52:b140", {}, None),
        ("19e5:d802", {}, None),
    ],
)
def test_one_id_several_parts(pci_id: str, facts: dict[str, object], device_id: str | None) -> None:
    found = match(seen(pci_id, **facts), SHELF)
    assert found.catalog_id == device_id
    assert (found.why_not is None) == (device_id is not None)


def test_name_decides_where_no_bus_tells() -> None:
    assert match(seen(name="Apple M3 Max (30-core GPU)", vendor="Apple"), SHELF).catalog_id is None
    assert match(seen(name="Apple M2 Ultra", vendor="Apple"), SHELF).catalog_id == "apple-m2-ultra"
    assert match(seen(name="NVIDIA GB10", vendor="NVIDIA"), SHELF).catalog_id == "nvidia-gb10-dgx-spark"


def test_a_name_of_another_vendor_is_no_match() -> None:
    assert match(seen(name="L4", vendor="AMD"), SHELF).catalog_id is None


def test_unlisted_id_says_what_to_do() -> None:
    found = match(seen("10de:ffff", name="NVIDIA 10de:ffff", vendor="NVIDIA"), SHELF)
    assert found.catalog_id is None
    assert "10de:ffff is in no catalog; describe" in (found.why_not or "")


def test_a_slice_is_never_the_whole() -> None:
    found = match(seen("10de:2330", slice="MIG 1g.10gb", part=0, memory_bytes=10 * 2**30), SHELF)
    assert found.catalog_id is None
    assert found.device is not None and found.device.id == "nvidia-h100-sxm5-80gb"


@pytest.mark.parametrize(
    ("model", "device_id"),
    [
        ("AMD EPYC 9654 96-Core Processor", "amd-epyc-9654"),
        ("AMD EPYC 7763 64-Core Processor", "amd-epyc-7763"),
        ("INTEL(R) XEON(R) PLATINUM 8592+", "intel-xeon-8592plus"),
        ("Intel(R) Xeon(R) Platinum 8380 CPU @ 2.30GHz", "intel-xeon-8380"),
        ("Intel(R) Xeon(R) 6980P", "intel-xeon-6980p"),
        ("AMD EPYC", None),
        ("AMD EPYC-Genoa Processor", None),
        ("AMD EPYC 9R14", None),
        ("Intel(R) Xeon(R) Platinum 8488C", None),
        ("AMD Ryzen 9 7950X 16-Core Processor", "amd-ryzen-9-7950x"),
        ("AMD Ryzen 9 9950X 16-Core Processor", None),
        (None, None),
    ],
)
def test_processors_by_their_model(model: str | None, device_id: str | None) -> None:
    found, why_not = match_cpu(CpuFacts(model=model), SystemFacts(virtualized=True), SHELF)
    assert found == device_id
    assert (why_not is None) == (device_id is not None)


def test_arm_cores_are_named_by_their_host() -> None:
    core = CpuFacts(model="Arm Neoverse V2", physical_cores=72)
    assert match_cpu(core, SystemFacts(maker="Amazon EC2"), SHELF)[0] == "aws-graviton4"
    assert match_cpu(core, SystemFacts(virtualized=False), SHELF)[0] == "nvidia-grace-72c"
    assert match_cpu(core, SystemFacts(maker="Google", virtualized=True), SHELF)[0] is None
