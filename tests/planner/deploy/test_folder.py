"""A bundle is written whole or not at all."""

import os
from pathlib import Path

import pytest

from planner.deploy.bundle import bundle
from planner.deploy.folder import write
from tests.planner.deploy.plans import mixed, plan, unit
from tonnage.cli import main
from tonnage.errors import FileProblem
from tonnage.files import write_record


def test_all_files_are_there_and_scripts_run(tmp_path: Path) -> None:
    made = bundle(plan(unit()))
    folder = write(made, tmp_path / "out")
    there = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert there == set(made.files)
    assert all(os.access(folder / path, os.X_OK) == (path in made.programs) for path in made.files)
    assert list(tmp_path.iterdir()) == [folder]


def test_an_older_folder_stays_unless_forced(tmp_path: Path) -> None:
    folder = write(bundle(plan(unit())), tmp_path / "out")
    (folder / "mine.txt").write_text("x")
    with pytest.raises(FileProblem, match="--force"):
        write(bundle(plan(unit(count=5))), folder)
    assert (folder / "mine.txt").exists()
    write(bundle(plan(unit(count=5))), folder, force=True)
    assert not (folder / "mine.txt").exists()
    assert "replicas: 5" in next((folder / "kubernetes").glob("llama*.yaml")).read_text()
    assert list(tmp_path.iterdir()) == [folder]


def test_force_leaves_folders_of_others_alone(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "thesis.tex").write_text("x")
    with pytest.raises(FileProblem, match="was not written by this command"):
        write(bundle(plan(unit())), tmp_path / "home", force=True)
    assert (tmp_path / "home" / "thesis.tex").exists()


def test_a_failed_write_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write(bundle(plan(unit())), tmp_path / "out")
    before = (folder / "README.md").read_text()

    def full(self: Path, text: str, **_: object) -> int:
        if self.name == "README.md":
            raise OSError(28, "No space left on device")
        return len(text)

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(FileProblem, match="No space left"):
        write(bundle(plan(unit(count=9))), folder, force=True)
    assert (folder / "README.md").read_text() == before
    assert list(tmp_path.iterdir()) == [folder]


def test_the_command_says_in_one_line_what_is_wrong(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "plan.json"
    write_record(path, plan(unit()))
    assert main(["deploy", str(path), "-o", str(tmp_path / "out")]) == 0
    assert "README.md" in capsys.readouterr().err
    for words, said in (
        (["-o", str(tmp_path / "out")], "--force"),
        (["-o", str(tmp_path / "no" / "out")], "does not exist"),
        (["-o", str(tmp_path / "new"), "--image", "vllm"], "ENGINE=IMAGE|NAME=VALUE"),
        (["-o", str(tmp_path / "new"), "--weights", "gpt:FP8=x"], "llama-3.1-8b:FP8"),
    ):
        assert main(["deploy", str(path), *words]) == 2
        shown = capsys.readouterr()
        assert shown.out == ""
        assert any(part in shown.err for part in said.split("|"))
        assert shown.err.count("\n") == 1
        assert not (tmp_path / "new").exists()
    write_record(path, plan())
    assert main(["deploy", str(path), "-o", str(tmp_path / "new")]) == 3


def test_a_host_is_told_its_devices_and_two_kinds_want_two_hosts() -> None:
    one = bundle(plan(unit(count=2))).files["README.md"]
    two = bundle(mixed()).files["README.md"]
    assert "One host with all 2 x" in one
    assert "One host" not in two and "one for each kind of device" in two
