"""The front door: help, versions, exit codes, one line per refusal, and nothing heavy behind it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import tonnage
from tonnage.cli import VERBS, main

HEAVY = ("torch", "onnxruntime", "numba", "matplotlib", "scipy", "numpy", "typst")


def test_help_lists_every_verb(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    shown = capsys.readouterr().out
    assert all(f"\n  {verb} " in shown for verb in VERBS)


def test_a_bare_command_shows_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    assert "Commands:" in capsys.readouterr().out


def test_version_is_the_package_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"tonnage {tonnage.__version__}\n"


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([verb, "--help"]) == 0
    assert f"Usage: tonnage {verb}" in capsys.readouterr().out


@pytest.mark.parametrize("words", [["sail"], ["probe", "--nope"], ["probe", "extra"], ["report"], ["fit"]])
def test_a_wrong_command_line_is_one_line_and_exit_two(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("tonnage: ")
    assert said.err.count("\n") == 1


def loaded_by(words: str) -> set[str]:
    """Top-level packages that a fresh process has loaded after one command."""
    show = "print('|'.join(sys.modules), file=sys.stderr)"
    code = f"import sys; from tonnage.cli import main; main({words}); {show}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return {name.split(".")[0] for name in done.stderr.strip().splitlines()[-1].split("|")}


@pytest.mark.parametrize("words", ["['--help']", "['probe', '--json']", "['probe']"])
def test_help_and_probe_load_nothing_heavy(words: str) -> None:
    loaded = loaded_by(words)
    assert "tonnage" in loaded
    assert not loaded.intersection(HEAVY)


@pytest.mark.parametrize("verb", ["probe", "doctor"])
@pytest.mark.parametrize("flags", [[], ["--json"]])
def test_a_bare_command_runs_without_the_parser(verb: str, flags: list[str]) -> None:
    assert "typer" not in loaded_by(repr([verb, *flags]))
    assert "typer" in loaded_by(repr([verb, *flags, "--help"]))


def test_a_name_that_the_terminal_lacks_is_no_crash(tmp_path: Path) -> None:
    host = tmp_path / "host"
    (host / "proc/sys/kernel").mkdir(parents=True)
    (host / "proc/sys/kernel/hostname").write_text("机器-ü\n", encoding="utf-8")
    command = [sys.executable, "-m", "tonnage", "probe", "--root", str(host)]
    ascii_only = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    done = subprocess.run(command, capture_output=True, env=ascii_only, check=True)
    assert b"??-?" in done.stdout


def test_the_library_has_the_verbs_of_the_command() -> None:
    assert set(VERBS) - {"catalog", "quickstart", "calibrate", "doctor", "import", "traffic"} <= set(
        dir(tonnage)
    )
    with pytest.raises(AttributeError, match="no attribute 'sail'"):
        _ = tonnage.sail


def test_signs_that_a_terminal_lacks_are_spelt_in_its_own_letters(tmp_path: Path) -> None:
    words = ["predict", "--device", "nvidia-l4", "--model", "llama-3.1-8b"]
    done = subprocess.run(
        [sys.executable, "-m", "tonnage", *words],
        capture_output=True,
        check=True,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
    )
    assert b" on 1 x nvidia-l4" in done.stdout
    assert b"?" not in done.stdout


@pytest.mark.parametrize("words", ["", "interrupted; half is in a.json"])
def test_an_interrupt_is_one_line(
    words: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*_: object) -> None:
        raise KeyboardInterrupt(words)

    monkeypatch.setattr("workloads.samples.names", stopped)
    assert main(["traffic", "no-such-sample"]) == 130
    assert capsys.readouterr().err == f"tonnage: {words or 'interrupted'}\n"
