"""The one look of everything that is printed for people: console, tables, evidence words, intervals."""

import os
import sys
from collections.abc import Sequence
from dataclasses import replace

from rich import box
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from reports.numbers import interval
from reports.terminal.fitted_table import ANY_WIDTH, FittedTable
from reports.terminal.word_wrap import wrapped
from tonnage.evidence import Evidence

__all__ = ["console", "evidence", "interval", "note", "print_fitted", "prose", "table"]

PIPED_WIDTH = 120
"""Columns when stdout is no terminal and COLUMNS says nothing."""

LEAST_WIDTH = 24
"""Columns below which words would be cut to letters."""

PROSE_WIDTH = 100
"""Columns beyond which sentences are hard to read."""

EVIDENCE_STYLES = {
    Evidence.MEASURED: "bold green",
    Evidence.FITTED: "green",
    Evidence.EXTRAPOLATED: "yellow",
    Evidence.TRANSFERRED: "cyan",
    Evidence.DATASHEET: "blue",
    Evidence.ASSUMED: "magenta",
}


def console() -> Console:
    """Return a console on today's stdout: no guessing of numbers, plain text when piped."""
    width = _told_width() or (None if sys.stdout.isatty() else PIPED_WIDTH)
    others = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
    return Console(highlight=False, markup=False, emoji=False, width=width, _environ=others)


def _told_width() -> int | None:
    """Return what COLUMNS says, if that is a width."""
    told = os.environ.get("COLUMNS", "")
    is_width = told.isascii() and told.isdigit() and int(told[:9]) > 0
    return max(int(told[:9]), LEAST_WIDTH) if is_width else None


def table(title: str, *columns: str) -> Table:
    """Return an empty table in the common style.

    Parameters
    ----------
    title : str
        Stands above it, flush left; empty for none.
    *columns : str
        Headings. One that starts with ">" is right-aligned, for numbers; one that
        starts with "!" is never wrapped, for names. Add rows of `str` or `Text`.
    """
    grid = FittedTable(
        title=Text(title, style="bold") if title else None,
        box=box.SIMPLE_HEAD,
        header_style="dim",
        pad_edge=False,
        padding=(0, 1),
        show_edge=False,
    )
    for column in columns:
        numeric, name = column.startswith(">"), column.startswith("!")
        grid.add_column(
            Text(column.lstrip(">!")),
            justify="right" if numeric else "left",
            no_wrap=numeric or name,
            overflow="fold",
        )
    return grid


def print_fitted(grid: Table, *, without: Sequence[str]) -> None:
    """Print a table; on a narrow terminal some columns stay out, so that no figure is cut.

    Parameters
    ----------
    grid : Table
        As `table` returns it, of columns that are never wrapped.
    without : sequence of str
        Headings of columns that may stay out, the first one first.
    """
    out = console()
    left_out = []
    for heading in without:
        if _width(grid, out) <= out.width:
            break
        kept = [column for column in grid.columns if str(column.header) != heading]
        grid.columns = [replace(column, _index=index) for index, column in enumerate(kept)]
        left_out.append(heading)
    out.width = max(out.width, _width(grid, out))  # a line too long is better than a figure cut off
    out.print(grid)
    if left_out:
        prose(note(f"left out for want of width: {', '.join(left_out)}"))


def prose(text: str | Text, *, style: str = "") -> None:
    """Print a sentence or two; a terminal has it broken between words, a pipe in one line."""
    out = console()
    styled = text if isinstance(text, Text) else Text(text, style=style)
    if sys.stdout.isatty() or _told_width():
        lines = wrapped(styled.plain, min(out.width, PROSE_WIDTH))
        styled = Text("\n".join(lines), style=styled.style)
    out.print(styled, soft_wrap=True)


def _width(grid: Table, out: Console) -> int:
    return Measurement.get(out, out.options.update_width(ANY_WIDTH), grid).maximum


def evidence(how: Evidence) -> Text:
    """Return the word for how a number is known, in its colour."""
    return Text(how.value, style=EVIDENCE_STYLES[how])


def note(text: str) -> Text:
    """Return a remark that stands below a table."""
    return Text(text, style="dim")
