"""Help as a newcomer reads it: whole lines, an example for every verb that its own options allow."""

import re

import pytest

from tonnage.cli import VERBS, main


def text_of(words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    assert main(words) == 0
    return capsys.readouterr().out


def test_the_list_of_verbs_is_whole_at_eighty_columns(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    listed = text_of(["--help"], capsys).partition("Commands:")[2]
    assert {line.split()[0] for line in listed.splitlines() if line.strip()} == set(VERBS)
    assert "..." not in listed


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_shows_an_example_with_options_that_it_has(
    verb: str, capsys: pytest.CaptureFixture[str]
) -> None:
    told, _, example = " ".join(text_of([verb, "--help"], capsys).split()).partition("Example: ")
    assert example.startswith(f"tonnage {verb}")
    assert set(re.findall(r"(?<= )--?[a-z][a-z-]*", example)) <= set(re.findall(r"--?[a-z][a-z-]*", told))
