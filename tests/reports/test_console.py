import pytest

from hw_targets.checks.finding import Checkup, finding
from hw_targets.machine import Machine
from reports.terminal.checkup import show_checkup
from reports.terminal.console import console, evidence, table
from tonnage.evidence import Evidence


def test_numbers_are_flush_right_and_markup_in_data_is_text(capsys):
    grid = table("Title", "!name", ">count")
    grid.add_row("[bold]a[/bold]", "1")
    grid.add_row("b", "1,000")
    console().print(grid)
    lines = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    first, second = (line for line in lines if "1" in line)
    assert first.startswith("[bold]a[/bold]")
    assert len(first) == len(second)


def test_every_level_of_evidence_has_a_style_of_its_own():
    styles = {str(evidence(level).style) for level in Evidence}
    assert len(styles) == len(Evidence)


def test_piped_text_holds_no_escape_codes(capsys):
    console().print(evidence(Evidence.ASSUMED))
    assert capsys.readouterr().out == "assumed\n"


@pytest.mark.parametrize(
    ("columns", "width"),
    [("40", 40), ("0", 120), ("-5", 120), ("wide", 120), ("1", 24), ("³", 120), ("", 120)],
)
def test_a_width_that_cannot_be_is_not_taken(
    monkeypatch: pytest.MonkeyPatch, columns: str, width: int
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    assert console().width == width


@pytest.mark.parametrize("columns", ["40", "120"])
def test_a_checkup_tells_why_and_what_to_do_at_any_width(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], columns: str
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    bad = finding(
        "governor", "powersave", bad=True, why="the clock follows the load", advice="set performance"
    )
    show_checkup(Checkup(machine=Machine(), findings=(bad,)))
    shown = " ".join(capsys.readouterr().out.split())
    assert all(words in shown for words in ("powersave", "the clock follows the load", "set performance"))
