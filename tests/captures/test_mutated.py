"""Whatever a captured host's files say, the probe answers, quickly, with a valid record."""

import sys
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hw_targets.machine import Machine
from hw_targets.probe import probe_machine
from tests.captures import unpack

HOSTS = (
    "mi250x-4", "h100-mig-7", "docker-cgroup-v1", "container-nested-v2", "raspberry-pi-5",
    "tenstorrent-n300-2", "mac-studio-m2-ultra",
)  # fmt: skip
"""Small ones that between them have files of every probe."""
LONGEST_S = 20.0
"""No timing test: a probe that hangs would need far longer."""

ABSURD = (
    b"", b"\0" * 64, b"-1", b"9223372036854775807", b"9" * 400, b"0-999999", b"max", b"0x", b"\xff\xfe\x00",
    b"nan", b"0-0-0", b"1e400", b"{" * 5000, b"\n" * 5000, b"-9223372036854775808 100000", b"0", b"1 0",
    b"cpu " * 1000,
)  # fmt: skip
"""Empty, binary, negative, enormous and malformed contents."""
CHANGES = st.sampled_from(["absurd", "cut", "remove", "flip", "folder", "loop", "double"])


def _change(place: Path, how: str, draw: st.DataObject) -> None:
    if not place.is_file() or place.is_symlink():
        return
    data = place.read_bytes()
    place.unlink()
    if how == "absurd":
        place.write_bytes(draw.draw(st.sampled_from(ABSURD)))
    elif how == "cut":
        place.write_bytes(data[: draw.draw(st.integers(0, len(data)))])
    elif how == "flip":
        at = draw.draw(st.integers(0, max(len(data) - 1, 0)))
        place.write_bytes(data[:at] + draw.draw(st.binary(min_size=1, max_size=4)) + data[at + 1 :])
    elif how == "double":
        place.write_bytes(data + data)
    elif how == "folder":
        place.mkdir()
    elif how == "loop":
        place.symlink_to(place.name)
    # "remove": the file has vanished


@pytest.fixture(scope="module")
def roots(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Unpacked hosts; a test puts back what it changes."""
    base = tmp_path_factory.mktemp("mutated")
    return {
        name: unpack.unpack((unpack.HOSTS / f"{name}.txt").read_text(encoding="utf-8"), base / name)
        for name in HOSTS
    }


def _restore(place: Path, data: bytes) -> None:
    if place.is_dir() and not place.is_symlink():
        place.rmdir()
    else:
        place.unlink(missing_ok=True)
    place.write_bytes(data)


@pytest.mark.skipif(sys.platform == "win32", reason="captured hosts hold names that Windows forbids")
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(name=st.sampled_from(HOSTS), draw=st.data())
def test_the_probe_always_answers(roots: dict[str, Path], name: str, draw: st.DataObject) -> None:
    root = roots[name]
    files = sorted(place for place in root.rglob("*") if place.is_file() and not place.is_symlink())
    chosen = draw.draw(st.lists(st.tuples(st.sampled_from(files), CHANGES), min_size=1, max_size=6))
    before = {place: place.read_bytes() for place, _ in chosen}
    try:
        for place, how in chosen:
            _change(place, how, draw)
        started = time.monotonic()
        machine = probe_machine(root)
        assert time.monotonic() - started < LONGEST_S
        assert not [note for note in machine.notes if "failed" in note], machine.notes
        assert Machine.parse(machine.model_dump(mode="json"), where="round trip") == machine
        _no_absurd_figures(machine)
    finally:
        for place, data in before.items():
            _restore(place, data)


def _no_absurd_figures(machine: Machine) -> None:
    for size in (machine.memory.total_bytes, machine.memory.usable_bytes):
        assert size is None or size > 0
    assert machine.cpu.usable_cpus is None or machine.cpu.usable_cpus > 0
    for device in machine.devices:
        assert device.memory_bytes is None or 0 < device.memory_bytes < 2**60
        assert device.catalog_id is None or device.partition is None
