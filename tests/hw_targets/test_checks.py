"""The doctor reads each condition, judges it, and advises only where something is bad."""

from pathlib import Path

import pytest

from hw_targets.checks import CHECKS, Verdict, check_up
from hw_targets.host import Host
from hw_targets.machine import Accelerator, Cpu, Machine, Memory
from tonnage.evidence import Evidence

CPUS = "sys/devices/system/cpu"
MACHINE = Machine(
    cpu=Cpu(logical_cpus=8, usable_cpus=8.0, numa_nodes=2),
    memory=Memory(total_bytes=2**34, usable_bytes=2**34),
    virtualized=True,
)
CARD = Accelerator(
    name="Card", vendor="NVIDIA", kind="gpu", catalog_id="nvidia-l4", pci_address="0000:01:00.0", usable=True,
    evidence=Evidence.MEASURED, power_limit_w=72.0,
)  # fmt: skip


@pytest.mark.parametrize(
    ("check", "files", "verdict", "reading"),
    [
        ("governor", {f"{CPUS}/cpu0/cpufreq/scaling_governor": "powersave"}, Verdict.BAD, "powersave"),
        ("governor", {f"{CPUS}/cpu0/cpufreq/scaling_governor": "performance"}, Verdict.WELL, "performance"),
        ("turbo", {f"{CPUS}/intel_pstate/no_turbo": "1"}, Verdict.BAD, "off"),
        ("turbo", {f"{CPUS}/cpufreq/boost": "1"}, Verdict.WELL, "on"),
        ("load", {"proc/loadavg": "6.50 3.00 1.00 3/400 12"}, Verdict.BAD, "6.50 on 8"),
        ("load", {"proc/loadavg": "0.10 3.00 1.00 3/400 12"}, Verdict.WELL, "0.10 on 8"),
        ("heat", {"sys/class/thermal/thermal_zone0/temp": "97000"}, Verdict.BAD, "97 degrees"),
        ("heat", {"sys/class/thermal/thermal_zone0/temp": "41000"}, Verdict.WELL, "41 degrees"),
        ("stolen time", {"proc/stat": "cpu  100 0 100 700 0 0 0 100 0 0"}, Verdict.BAD, "10.0%"),
        (
            "huge pages",
            {"sys/kernel/mm/transparent_hugepage/enabled": "always madvise [never]"},
            Verdict.BAD,
            "never",
        ),
        ("NUMA balancing", {"proc/sys/kernel/numa_balancing": "1"}, Verdict.BAD, "on"),
        ("NUMA balancing", {"proc/sys/kernel/numa_balancing": "0"}, Verdict.WELL, "off"),
        (
            "swap",
            {"proc/meminfo": "SwapTotal: 8388608 kB\nSwapFree: 1048576 kB"},
            Verdict.BAD,
            "7.0 GiB of 8.0 GiB",
        ),
        (
            "swap",
            {"proc/meminfo": "SwapTotal: 8388608 kB\nSwapFree: 8388608 kB"},
            Verdict.WELL,
            "0 GiB of 8.0 GiB",
        ),
        (
            "driver",
            {"proc/driver/nvidia/version": "NVRM version: Kernel Module  470.82.01  x"},
            Verdict.BAD,
            "470.82.01",
        ),
        (
            "driver",
            {"proc/driver/nvidia/version": "NVRM version: Kernel Module  570.86.15  x"},
            Verdict.WELL,
            "570.86.15",
        ),
        (
            "PCIe link",
            {
                "sys/bus/pci/devices/0000:01:00.0/max_link_width": "16",
                "sys/bus/pci/devices/0000:01:00.0/current_link_width": "4",
            },
            Verdict.BAD,
            "x4 of x16",
        ),
    ],
)
def test_condition(tmp_path: Path, check: str, files: dict[str, str], verdict: Verdict, reading: str) -> None:
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n")
    (found,) = CHECKS[check](Host(tmp_path), MACHINE.model_copy(update={"devices": (CARD,)}))
    assert found.verdict is verdict
    assert reading in found.reading
    assert (found.advice is None) == (verdict is Verdict.WELL)


@pytest.mark.parametrize(("limit_w", "verdict"), [(40.0, Verdict.BAD), (72.0, Verdict.WELL)])
def test_power_cap(tmp_path: Path, limit_w: float, verdict: Verdict) -> None:
    capped = CARD.model_copy(update={"power_limit_w": limit_w})
    (found,) = CHECKS["power cap"](Host(tmp_path), MACHINE.model_copy(update={"devices": (capped,)}))
    assert (found.verdict, found.reading) == (verdict, f"{limit_w:g} W of 72 W on Card")


def test_fractional_quota_is_bad(tmp_path: Path) -> None:
    cpu = Cpu(logical_cpus=8, usable_cpus=3.5)
    (found,) = CHECKS["quota"](Host(tmp_path), Machine(cpu=cpu))
    assert found.verdict is Verdict.BAD


def test_where_nothing_can_be_read_nothing_is_claimed(tmp_path: Path) -> None:
    assert check_up(Host(tmp_path), Machine()).findings == ()


def test_the_live_host_can_be_checked() -> None:
    from hw_targets.probe import probe_machine

    checkup = check_up(Host(), probe_machine())
    assert all(finding.reading and finding.why for finding in checkup.findings)
