"""`probe`, `doctor` and `catalog` as a user meets them: data on stdout, one line for a mistake."""

import json
from pathlib import Path

import pytest

from hw_targets.machine import Machine
from tests.captures import unpack
from tonnage.cli import main


@pytest.fixture(scope="module")
def captured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A host whose accelerators are partly refused."""
    text = (unpack.HOSTS / "unknown-accelerator.txt").read_text(encoding="utf-8")
    return unpack.unpack(text, tmp_path_factory.mktemp("captured"))


def test_probe_prints_the_machine_record(captured: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["probe", "--json", "--root", str(captured)]) == 0
    out, err = capsys.readouterr()
    machine = Machine.parse(json.loads(out), where="stdout")
    assert err == ""
    assert machine.hostname == "lab"
    told = json.loads(out)
    assert {
        "format",
        "version",
        "hostname",
        "cpu",
        "memory",
        "devices",
        "virtualized",
        "container",
        "notes",
    } <= set(told)
    assert {"model", "vendor", "catalog_id", "physical_cores", "usable_cpus", "isa", "l1d_bytes", "l2_bytes",
            "l3_bytes", "numa_nodes"} <= set(told["cpu"])  # fmt: skip
    assert {"name", "vendor", "kind", "catalog_id", "pci_id", "pci_address", "memory_bytes", "usable",
            "why_not", "evidence"} <= set(told["devices"][0])  # fmt: skip


def test_probe_for_people_says_why_a_device_is_refused(
    captured: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["probe", "--root", str(captured)]) == 0
    out = capsys.readouterr().out
    assert "unknown accelerator 1fab:0001" in out
    assert "no known vendor" in out


def test_probe_writes_the_record_it_prints(
    captured: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "machine.json"
    assert main(["probe", "--json", "--root", str(captured), "-o", str(path)]) == 0
    assert json.loads(path.read_text()) == json.loads(capsys.readouterr().out)


def test_doctor_names_what_to_change(
    captured: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = tmp_path / "checkup.json"
    assert main(["doctor", "--json", "--root", str(captured), "--report", str(report)]) == 0
    told = json.loads(capsys.readouterr().out)
    bad = [finding for finding in told["findings"] if finding["verdict"] == "bad"]
    assert [finding["name"] for finding in bad] == ["device", "device"]
    assert all(finding["advice"] and finding["why"] for finding in bad)
    filed = json.loads(report.read_text())
    assert filed["machine"]["hostname"] is None
    assert "lab" not in report.read_text()


def test_doctor_for_people(captured: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--root", str(captured)]) == 0
    assert "driver nouveau is bound" in capsys.readouterr().out


def test_catalog_lists_filters_and_shows(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["catalog", "devices", "--json", "--vendor", "amd", "--min-memory", "190GB"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [one["id"] for one in told] == ["amd-mi300x", "amd-mi325x", "amd-mi350x", "amd-mi355x"]
    assert main(["catalog", "show", "RTX 4090 24GB", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["id"] == "nvidia-rtx-4090" and shown["sources"][0]["title"]
    assert [one["provider"] for one in shown["instances"]] == ["RunPod"]
    assert main(["catalog", "instances", "amd-mi300x"]) == 0
    assert "Standard_ND96isr_MI300X_v5" in capsys.readouterr().out
    assert main(["catalog", "show", "amd-mi250x"]) == 0
    assert "1 of 2 on a card" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["probe", "--root", "/nowhere/at/all"], "no such folder"),
        (["catalog", "show", "H200"], "may be any of nvidia-h200-sxm-141gb"),
        (["catalog", "show", "nvidia-l4s"], "near names"),
        (["catalog", "check", "/nowhere/devices.toml"], "no such file"),
        (["catalog", "devices", "--min-memory", "lots"], "cannot be read in bytes"),
    ],
)
def test_a_mistake_is_one_line(words: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1 and says in err


def test_check_names_every_problem(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "devices.toml"
    path.write_text(
        "[a]\nname = 'A'\nvendor = 'V'\nkind = 'toaster'\n[b]\nname = 'B'\nvendor = 'V'\nkind = 3\n"
    )
    assert main(["catalog", "check", str(path)]) == 2
    err = capsys.readouterr().err
    assert "line 4: [a]: kind" in err and "line 8: [b]: kind" in err
    path.write_text("[a]\nname = 'A'\nvendor = 'V'\nkind = 'gpu'\n")
    assert main(["catalog", "check", str(path)]) == 0
