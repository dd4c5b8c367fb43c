"""Where chains of models pay, on the terminal: by volume, by a person's price, by success."""

from planner.break_even.record import TaskEven
from reports.tables import task_even
from reports.terminal.console import console, note, prose
from reports.terminal.content import of_content


def show_task_even(found: TaskEven) -> None:
    """Print what a right end costs beside a person and the strongest model to stdout."""
    out = console()
    prose(task_even.verdict(found), style="bold")
    for line in task_even.sentences(found):
        prose(note(line))
    for one in task_even.tables(found):
        out.print()
        out.print(of_content(one))
    out.print()
