"""Files are written whole or not at all, and read with one clear line when they are broken."""

from pathlib import Path
from typing import ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tonnage.errors import FileProblem, FormatError
from tonnage.files import (
    FileRecord,
    check_writable,
    read_json,
    read_record,
    read_text,
    write_bytes,
    write_record,
)
from tonnage.openable import is_file


class Crate(FileRecord):
    FORMAT: ClassVar[str] = "test.crate"
    VERSION: ClassVar[int] = 3
    UPGRADES: ClassVar = {
        1: lambda old: {**old, "mass_kg": old["weight"]} | {"weight": None},
        2: lambda old: {key: value for key, value in old.items() if key != "weight"},
    }

    mass_kg: float


def test_old_versions_still_load(tmp_path: Path) -> None:
    path = tmp_path / "crate.json"
    path.write_text('{"format": "test.crate", "version": 1, "weight": 2.5}')
    assert read_record(path, Crate) == Crate(mass_kg=2.5)


def test_a_new_record_carries_format_and_version(tmp_path: Path) -> None:
    write_record(tmp_path / "crate.json", Crate(mass_kg=1))
    assert read_json(tmp_path / "crate.json") == {"format": "test.crate", "version": 3, "mass_kg": 1.0}


def test_a_failed_write_leaves_the_old_file_and_no_litter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "one.txt"
    write_bytes(path, b"old")

    def refuse(self: Path, target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(FileProblem, match="No space left on device"):
        write_bytes(path, b"new")
    assert path.read_bytes() == b"old"
    assert [child.name for child in tmp_path.iterdir()] == ["one.txt"]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "not valid JSON"),
        (b'{"format": "test.crate", "ver', "may be cut off"),
        (b"\xff\xfe\x00", "not a UTF-8 text file"),
        (b"[1, 2]", "holds a JSON object, this one a list"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"format": "test.crate", "version": true}', "not a positive whole number"),
        (b'{"format": "test.crate", "version": 3, "mass_kg": "x"}', "mass_kg = 'x'"),
        (b'{"format": "test.crate", "version": 3, "mass_kg": 1, "extra": 2}', "extra = 2"),
        (b'{"format": "test.crate", "version": 3, "mass_kg": NaN}', "mass_kg = nan"),
    ],
)
def test_broken_files_are_named_in_one_line(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "crate.json"
    path.write_bytes(content)
    with pytest.raises(FormatError) as problem:
        read_record(path, Crate)
    assert says in str(problem.value)
    assert str(path) in str(problem.value)
    assert "\n" not in str(problem.value)


@given(st.binary(max_size=200))
def test_no_content_crashes_the_reader(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.mktemp("fuzz") / "crate.json"
    path.write_bytes(content)
    with pytest.raises(FormatError):
        read_record(path, Crate)


def test_missing_large_and_unwritable_paths_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FileProblem, match="no such file"):
        read_text(tmp_path / "absent.json")
    (tmp_path / "large.json").write_bytes(b"x" * 11)
    with pytest.raises(FileProblem, match="more than the 10 bytes"):
        read_text(tmp_path / "large.json", max_bytes=10)
    with pytest.raises(FileProblem, match="does not exist"):
        check_writable(tmp_path / "absent" / "plan.json")
    with pytest.raises(FileProblem, match="is a folder"):
        check_writable(tmp_path)
    with pytest.raises(FileProblem, match="is a folder"):
        write_bytes(tmp_path, b"")


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="no device that never ends")
def test_a_device_that_never_ends_is_refused_after_the_most_that_is_read() -> None:
    with pytest.raises(FileProblem, match="more than the 4096 bytes"):
        read_text(Path("/dev/zero"), max_bytes=4096)


def test_lines_end_alike_whatever_system_wrote_them(tmp_path: Path) -> None:
    path = tmp_path / "windows.toml"
    path.write_bytes(b"[a]\r\nx = 1\r\n[b]\r\ny = 2\r")
    assert read_text(path) == "[a]\nx = 1\n[b]\ny = 2\n"


@pytest.mark.parametrize("name", ["a" * 5000, "x\0y", "../" * 3000, "", "no such file"])
def test_a_name_that_no_file_has_is_none_and_says_so_in_a_line(name):
    assert not is_file(name)
    with pytest.raises(FileProblem) as raised:
        read_text(name)
    assert len(str(raised.value)) < 1100
    assert str(raised.value).isprintable()


def test_a_mark_of_the_byte_order_is_no_text(tmp_path):
    path = tmp_path / "marked.json"
    path.write_bytes(b'\xef\xbb\xbf{"a": 1}')
    assert read_json(path) == {"a": 1}
