"""Captured hosts become the machines that they are."""

import tomllib
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from hw_targets import catalog
from hw_targets.machine import Accelerator, Machine
from hw_targets.probe import probe_machine
from tests.captures import unpack
from tonnage.files import read_record, write_record

HERE = Path(__file__).parent
EXPECTED: dict[str, dict[str, Any]] = tomllib.loads((HERE / "expected.toml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def machines(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Machine]:
    """Every captured host, probed once."""
    root = tmp_path_factory.mktemp("hosts")
    found = {}
    for name in unpack.names():
        text = (unpack.HOSTS / f"{name}.txt").read_text(encoding="utf-8")
        found[name] = probe_machine(unpack.unpack(text, root / name))
    return found


def test_every_capture_says_what_it_must_become() -> None:
    assert sorted(EXPECTED) == unpack.names()
    assert len(EXPECTED) >= 16


def _fields(device: Accelerator, expected: dict[str, Any]) -> dict[str, Any]:
    told = device.model_dump(mode="json")
    return {key: told[key] for key in expected if key not in ("count", "why")}


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_captured_host_is_recognised(name: str, machines: dict[str, Machine]) -> None:
    expected, machine = EXPECTED[name], machines[name]
    told = machine.model_dump(mode="json")
    for key, value in expected.items():
        if key == "devices":
            continue
        seen = {one: told[key][one] for one in value} if isinstance(value, dict) else told[key]
        assert seen == value, key
    wanted = [device for device in expected["devices"] for _ in range(device.get("count", 1))]
    assert len(machine.devices) == len(wanted)
    for device, fields in zip(machine.devices, wanted, strict=True):
        assert _fields(device, fields) == {key: fields[key] for key in fields if key not in ("count", "why")}
        assert fields.get("why", "") in (device.why_not or "")
        if "catalog_id" not in fields:
            assert device.catalog_id is None


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_what_holds_for_every_machine(name: str, machines: dict[str, Machine], tmp_path: Path) -> None:
    machine = machines[name]
    assert not [note for note in machine.notes if "failed" in note]
    for device in machine.devices:
        assert device.why_not or (device.usable and device.catalog_id), "a refusal needs its reason"
        assert device.catalog_id is None or device.partition is None, "a slice is not the whole device"
        assert device.catalog_id is None or device.catalog_id in catalog.names()
    for usable, total in [(machine.memory.usable_bytes, machine.memory.total_bytes)]:
        assert usable is None or total is None or usable <= total
    if machine.cpu.usable_cpus is not None and machine.cpu.logical_cpus is not None:
        assert 0 < machine.cpu.usable_cpus <= machine.cpu.logical_cpus
    write_record(tmp_path / "machine.json", machine)
    assert read_record(tmp_path / "machine.json", Machine) == machine


def test_partitions_add_up_to_the_cards_they_are_cut_from(machines: dict[str, Machine]) -> None:
    whole, parts = machines["mi300x-8-spx"], machines["mi300x-8-cpx"]
    assert sum(device.compute_units or 0 for device in whole.devices) == sum(
        device.compute_units or 0 for device in parts.devices
    )
    by_card = groupby(sorted(device.pci_address or "" for device in parts.devices))
    assert [len(list(group)) for _, group in by_card] == [8] * 8


def test_every_capture_says_what_host_it_is() -> None:
    for name in unpack.names():
        text = (unpack.HOSTS / f"{name}.txt").read_text(encoding="utf-8")
        assert len(text.partition("@")[0].strip()) > 20, name
        assert f"`{name}`" in (HERE / "README.md").read_text(encoding="utf-8"), (
            f"README does not tell of {name}"
        )
