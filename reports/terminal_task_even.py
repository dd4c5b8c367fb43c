"""Where chains of models pay, on the terminal: by volume, by a person's price, by success."""

from rich.table import Table as Grid

from planner.break_even.record import TaskEven
from reports.console import console, note, prose, table
from reports.content import Kind, Table
from reports.tables import task_even


def show_task_even(found: TaskEven) -> None:
    """Print what a right end costs beside a person and the strongest model to stdout."""
    out = console()
    prose(task_even.verdict(found), style="bold")
    for line in task_even.sentences(found):
        prose(note(line))
    for one in task_even.tables(found):
        out.print()
        out.print(_grid(one))
    out.print()


def _grid(content: Table) -> Grid:
    headings = (f"{'>' if column.kind is Kind.NUMBER else ''}{column.title}" for column in content.columns)
    grid = table(content.title, *headings)
    for row in content.rows:
        grid.add_row(*row)
    return grid
