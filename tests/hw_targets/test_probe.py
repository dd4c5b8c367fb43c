"""The probes together: they merge, they survive each other, and the live host agrees with the interpreter."""

import os
import time
from pathlib import Path

import psutil
import pytest

from hw_targets import facts, probe
from hw_targets.assemble import machine
from hw_targets.facts import CpuFacts, Facts, Sighting, SystemFacts
from hw_targets.host import Host
from hw_targets.probe import Answer, probe_machine
from hw_targets.probes import PROBES, amd
from tonnage.errors import FileProblem, ProbeUnavailable

NOTHING = Answer(name="none", facts=Facts(), time_s=0)


def test_the_live_host_agrees_with_the_interpreter() -> None:
    seen = probe_machine()
    assert seen.memory.total_bytes == psutil.virtual_memory().total
    assert seen.cpu.logical_cpus == os.cpu_count()
    if hasattr(os, "sched_getaffinity"):
        assert seen.cpu.usable_cpus is not None
        assert seen.cpu.usable_cpus <= len(os.sched_getaffinity(0))


def test_an_empty_root_is_still_a_machine(tmp_path: Path) -> None:
    seen = probe_machine(tmp_path)
    assert seen.devices == ()
    assert seen.memory.total_bytes is None and seen.cpu.model is None
    assert seen.cpu.why_not
    assert any("there is no captured host in it" in note for note in seen.notes)
    (tmp_path / "proc").mkdir()
    assert not any("captured host" in note for note in probe_machine(tmp_path).notes)


def test_a_root_that_is_no_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileProblem, match="no such folder"):
        probe_machine(tmp_path / "none")


def test_a_probe_that_fails_leaves_a_note_and_the_others_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(host: Host) -> Facts:
        raise ZeroDivisionError("oops")

    def missing(host: Host) -> Facts:
        raise ProbeUnavailable("library X is not there")

    (tmp_path / "proc").mkdir()
    (tmp_path / "proc" / "meminfo").write_text("MemTotal:       1024 kB\n")
    monkeypatch.setattr(probe, "PROBES", {"broken": broken, "missing": missing, "memory": PROBES["memory"]})
    seen = probe_machine(tmp_path)
    assert seen.memory.total_bytes == 2**20
    assert "probe broken failed: ZeroDivisionError: oops" in seen.notes
    assert "probe missing: library X is not there" in seen.notes


def test_a_probe_that_hangs_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def hang(host: Host) -> Facts:
        time.sleep(3)
        return Facts()

    def late(host: Host) -> Facts:
        return Facts(cpu=CpuFacts(model="after the hang"))

    monkeypatch.setattr(probe, "PROBES", {"hang": hang, "late": late})
    monkeypatch.setattr(probe, "PROBE_S", 0.1)
    seen = probe_machine(tmp_path)
    assert seen.cpu.model == "after the hang"
    assert any("probe hang: no answer within" in note for note in seen.notes)


def test_the_most_trusted_probe_decides() -> None:
    (seen,) = facts.devices(
        [
            ("driver", Sighting(place="a", memory_bytes=10)),
            ("bus", Sighting(place="a", memory_bytes=99, pci_id="10de:0001")),
        ]
    )
    assert (seen.facts.memory_bytes, seen.facts.pci_id) == (10, "10de:0001")
    assert seen.seen_by == ("driver", "bus")


def test_parts_never_inherit_the_figures_of_the_whole() -> None:
    parts = facts.devices(
        [
            ("driver", Sighting(place="a", part=0, slice="x")),
            (
                "driver",
                Sighting(place="a", memory_bytes=99, compute_units=8, power_limit_w=300.0, vendor="V"),
            ),
        ]
    )
    (part,) = parts
    assert part.facts.vendor == "V"
    assert (part.facts.memory_bytes, part.facts.compute_units, part.facts.power_limit_w) == (None, None, None)


@pytest.mark.parametrize(
    ("version", "target"),
    [(90402, "gfx942"), (90010, "gfx90a"), (90500, "gfx950"), (110501, "gfx1151"), (0, None)],
)
def test_gfx_targets(version: int, target: str | None) -> None:
    assert amd.gfx_target(version) == target


def test_wsl2_shows_a_gpu_once() -> None:
    card = Facts(devices=(Sighting(place="0000:01:00.0", name="NVIDIA L4"),))
    adapter = Facts(devices=(Sighting(place="8a75:00:00.0", vendor="Microsoft"),))
    told = [Answer(name="nvml", facts=card, time_s=0), Answer(name="pci", facts=adapter, time_s=0)]
    assert [one.name for one in machine(told, live=False, environment={}).devices] == ["NVIDIA L4"]
    assert len(machine(told[1:], live=False, environment={}).devices) == 1


def test_variables_that_hide_devices_are_told_on_the_live_host_only() -> None:
    hiding = {"CUDA_VISIBLE_DEVICES": "1"}
    live = machine([NOTHING], live=True, environment=hiding)
    assert live.notes == ("CUDA_VISIBLE_DEVICES='1' hides devices from programs that honour it",)
    assert machine([NOTHING], live=False, environment=hiding).notes == ()


def test_cloud_instance_with_a_device_missing_is_told() -> None:
    system = SystemFacts(cloud_instance="AWS/g5.12xlarge")
    found = machine([Answer(name="system", facts=Facts(system=system), time_s=0)], live=False, environment={})
    assert found.notes == ("AWS/g5.12xlarge comes with 4 x nvidia-a10g, but 0 are seen from here",)
