"""A checkup on the terminal: what is bad first, with why and what to do."""

from rich.text import Text

from hw_targets.checks.finding import Checkup, Verdict
from reports.console import console, note, table


def show_checkup(checkup: Checkup) -> None:
    """Print all findings to stdout."""
    out = console()
    grid = table("Conditions", "!", "!what", "reading", "why it matters")
    for one in sorted(checkup.findings, key=lambda finding: finding.verdict is not Verdict.BAD):
        bad = one.verdict is Verdict.BAD
        grid.add_row(
            Text("change" if bad else "well", style="red" if bad else "green"), one.name, one.reading, one.why
        )
    out.print(grid)
    for one in checkup.bad:
        out.print(f"{one.name}: {one.advice}", soft_wrap=True)
    for doubt in checkup.machine.notes:
        out.print(note(f"Note: {doubt}"), soft_wrap=True)
    if not checkup.bad:
        out.print(note(f"{len(checkup.findings)} conditions read, nothing to change."))
