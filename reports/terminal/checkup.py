"""A checkup on the terminal: what is bad first, with why and what to do."""

from rich.text import Text

from hw_targets.checks.finding import Checkup, Finding, Verdict
from reports.terminal.console import console, note, prose, table

WIDE = 80
"""Columns from which the reasons of all conditions stand beside them; else those of bad ones stand below."""


def show_checkup(checkup: Checkup) -> None:
    """Print all findings to stdout."""
    out = console()
    wide = out.width >= WIDE
    grid = table("Conditions", "!", "!what", "reading", *(["why it matters"] if wide else []))
    for one in sorted(checkup.findings, key=lambda finding: finding.verdict is not Verdict.BAD):
        bad = one.verdict is Verdict.BAD
        verdict = Text("change" if bad else "well", style="red" if bad else "green")
        grid.add_row(verdict, one.name, one.reading, *([one.why] if wide else []))
    out.print(grid)
    for one in checkup.bad:
        out.print(_advice(one, with_why=not wide), soft_wrap=wide)
    for doubt in checkup.machine.notes:
        prose(note(f"Note: {doubt}"))
    if not checkup.bad:
        out.print(note(f"{len(checkup.findings)} conditions read, nothing to change."))


def _advice(one: Finding, *, with_why: bool) -> str:
    return f"{one.name}: {one.why}; {one.advice}" if with_why else f"{one.name}: {one.advice}"
