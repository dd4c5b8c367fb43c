"""What the README shows can be done: its commands exist and run."""

import re
import shlex
from pathlib import Path

import pytest

from tonnage.cli import main

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
SESSIONS = re.findall(r"^```console\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
COMMANDS = [
    line.removeprefix("$ tonnage ")
    for text in SESSIONS
    for line in text.splitlines()
    if line.startswith("$ tonnage ")
]
INSTANT = ("probe", "plan", "predict", "catalog", "fit", "report", "doctor", "simulate")


def test_the_first_block_holds_the_two_commands() -> None:
    first = re.search(r"```\w*\n(.*?)```", README, re.DOTALL)
    assert first is not None
    assert [line for line in first[1].splitlines() if line] == ["make quickstart", "make test"]


def test_the_session_shows_the_main_verbs() -> None:
    assert {"probe", "bench", "plan"} <= {command.split()[0] for command in COMMANDS}


@pytest.mark.parametrize("command", [command for command in COMMANDS if command.split()[0] in INSTANT])
def test_the_session_runs(command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    profile = ROOT / "tests" / "captures" / "profiles" / "epyc-2cpu.json"
    (tmp_path / "profile.json").write_bytes(profile.read_bytes())
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    monkeypatch.chdir(tmp_path)
    if "plan.json" in command and not command.startswith("plan"):
        assert main(["plan", "examples/chat.toml", "-o", "plan.json"]) == 0
    assert main(shlex.split(command)) == 0


@pytest.mark.parametrize("target", re.findall(r"\]\((?!http)([^)#]+)", README))
def test_links_point_to_files(target: str) -> None:
    assert (ROOT / target).exists()
