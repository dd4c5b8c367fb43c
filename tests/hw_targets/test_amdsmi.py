"""What ROCm's library reports becomes sightings; where it is missing or broken, the other probes go on."""

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from hw_targets import facts
from hw_targets.host import Host
from hw_targets.probes import amdsmi
from tonnage.errors import ProbeUnavailable


class FakeLibrary(ModuleType):
    """The library as a module: a handle is a dict of query name -> answer; the rest is unsupported."""

    def __init__(self, devices: list[dict[str, Any]], *, answers: bool = True) -> None:
        super().__init__("amdsmi")
        self.devices, self.answers = devices, answers
        self.__spec__ = object()  # type: ignore[assignment] # find_spec wants one

    def amdsmi_init(self) -> None:
        if not self.answers:
            raise RuntimeError("Error code: 34 | AMDSMI_STATUS_NOT_INIT")

    def amdsmi_shut_down(self) -> None:
        pass

    def amdsmi_get_processor_handles(self) -> list[dict[str, Any]]:
        return self.devices

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("amdsmi_get_"):
            raise AttributeError(name)

        def query(handle: dict[str, Any]) -> Any:
            if name.removeprefix("amdsmi_get_") not in handle:
                raise RuntimeError("AMDSMI_STATUS_NOT_SUPPORTED")
            return handle[name.removeprefix("amdsmi_get_")]

        return query


MI300X = {
    "gpu_device_bdf": "0000:C1:00.0",
    "gpu_asic_info": {"market_name": "AMD Instinct MI300X OAM", "num_compute_units": 304},
    "power_cap_info": {"power_cap": 750_000_000},
    "gpu_ecc_enabled": 0x1F,
}
BARE = {
    "gpu_device_bdf": "0000:c6:00.0",
    "gpu_asic_info": {"market_name": "0x74a1", "num_compute_units": 0xFFFF_FFFF},
    "power_cap_info": {"power_cap": 750},
}


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> Host:
    """A live host that looks as if it had an AMD GPU and its compute driver."""
    monkeypatch.setattr(amdsmi, "functions_of", lambda host, vendor: ("0000:c1:00.0",))
    monkeypatch.setattr(Host, "exists", lambda self, path: path == "/dev/kfd")
    return Host()


def installed(monkeypatch: pytest.MonkeyPatch, library: FakeLibrary) -> None:
    monkeypatch.setitem(sys.modules, "amdsmi", library)


def test_answers_are_kept_in_si_and_the_unknown_is_left_out(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed(monkeypatch, FakeLibrary([MI300X, BARE, {"gpu_device_bdf": "N/A"}]))
    known, bare = amdsmi.probe(host).devices
    assert (known.place, known.name, known.compute_units) == ("0000:c1:00.0", "AMD Instinct MI300X OAM", 304)
    assert (known.power_limit_w, known.ecc) == (pytest.approx(750.0), True)
    assert (bare.name, bare.compute_units, bare.power_limit_w, bare.ecc) == (None, None, None, None)


def test_sysfs_fills_in_what_the_library_does_not_tell(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    installed(monkeypatch, FakeLibrary([BARE]))
    sysfs = facts.Sighting(place="0000:c6:00.0", name="MI300X", power_limit_w=750.0)
    (seen,) = facts.devices([("amdsmi", amdsmi.probe(host).devices[0]), ("amd", sysfs)])
    assert (seen.facts.name, seen.facts.power_limit_w) == ("MI300X", 750.0)
    assert seen.seen_by == ("amdsmi", "amd")


def test_a_library_that_does_not_answer_is_a_note(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    installed(monkeypatch, FakeLibrary([], answers=False))
    with pytest.raises(ProbeUnavailable, match="does not answer"):
        amdsmi.probe(host)


def test_the_build_that_raises_at_import_is_a_note(
    host: Host, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "amdsmi").mkdir()
    (tmp_path / "amdsmi" / "__init__.py").write_text("import os\nos.environ['ROCM_PATH_THAT_NOBODY_SET']\n")
    monkeypatch.delitem(sys.modules, "amdsmi", raising=False)
    monkeypatch.syspath_prepend(str(tmp_path))
    before = list(sys.path)
    with pytest.raises(ProbeUnavailable, match="cannot be loaded \\(KeyError"):
        amdsmi.probe(host)
    assert sys.path == before


def test_nothing_is_asked_of_captured_hosts_and_of_hosts_without_the_driver(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    installed(monkeypatch, FakeLibrary([MI300X]))
    assert amdsmi.probe(Host(tmp_path)) == facts.Facts()
    monkeypatch.setattr(Host, "exists", lambda self, path: False)
    assert amdsmi.probe(Host()) == facts.Facts()
