"""A table of the report on the terminal."""

from rich.table import Table as Grid

from reports.content import Kind, Table
from reports.terminal.console import table


def of_content(content: Table, *, title: str | None = None) -> Grid:
    """Return a table of the report as one of the terminal."""
    marks = {Kind.NUMBER: ">", Kind.NAME: "!"}
    headings = [f"{marks.get(column.kind, '')}{column.title}" for column in content.columns]
    grid = table(content.title if title is None else title, *headings)
    for row in content.rows:
        grid.add_row(*row)
    return grid
