"""A table that keeps its words whole on a narrow terminal: it wraps, moves together, or becomes a list."""

from collections.abc import Sequence
from copy import copy

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from reports.terminal.word_wrap import line_count, longest_part, wrapped

__all__ = ["ANY_WIDTH", "FittedTable", "lowest"]

ANY_WIDTH = 10_000
"""Columns that every table fits in."""

TALL = 3
"""The power to which the lines of a cell count when columns are shared out."""

PADDINGS = {3: (0, 1, 0, 1), 2: (0, 1, 0, 0), 1: (0, 0, 0, 0)}
"""The padding of cells by the columns between two of them, one of which is the table's own."""


class FittedTable(Table):
    """A table whose columns are as wide as the console allows, without a word cut in two.

    Where all of it fits, it is printed as it is. Else text wraps between words, so that the table
    is low; then cells move together; then names break after hyphens; and where even that is too wide,
    every row is a list of its headings and values. Columns that are set to `no_wrap` keep their cells
    in one line, as long as no name must be broken.
    """

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        body = copy(self)
        if isinstance(self.title, Text):  # as wide as the console, however narrow the table is
            yield _lines(self.title, options.max_width, False)
            body.title = None
        yield from body._below_title(console, options)

    def _below_title(self, console: Console, options: ConsoleOptions) -> RenderResult:
        natural = Measurement.get(console, options.update_width(ANY_WIDTH), self).maximum
        if not self.columns or natural <= options.max_width:
            yield from super().__rich_console__(console, options)
            return
        fitted = self._wrapped(options.max_width) or self._listed(options.max_width)
        yield from fitted.__rich_console__(console, options.update_width(options.max_width))

    def _wrapped(self, width: int) -> Table | None:
        """Return the same table with every cell in lines that fit; None where no such lines are."""
        columns = [[column.header, *column.cells] for column in self.columns]
        natural = [max(map(_width, cells)) for cells in columns]
        for gap, names in ((3, False), (2, False), (1, False), (2, True), (1, True)):
            least = [
                max(1, *(_least(cell, names, column.no_wrap and row > 0) for row, cell in enumerate(cells)))
                for column, cells in zip(self.columns, columns, strict=True)
            ]
            room = width - gap * (len(columns) - 1)
            if sum(least) <= room:
                heights = [
                    [_height(cells, width, names) for width in range(must, max(would, must) + 1)]
                    for cells, must, would in zip(columns, least, natural, strict=True)
                ]
                extra = lowest(heights, room - sum(least))
                return self._at([a + b for a, b in zip(least, extra, strict=True)], gap, names)
        return None

    def _at(self, widths: Sequence[int], gap: int, names: bool) -> Table:
        table = self._bare(padding=PADDINGS[gap])
        cells = []
        for column, width in zip(self.columns, widths, strict=True):
            header, *rest = (_lines(cell, width, names) for cell in (column.header, *column.cells))
            table.add_column(header, justify=column.justify, width=width)
            cells.append(rest)
        for row in zip(*cells, strict=True):
            table.add_row(*row)
        return table

    def _listed(self, width: int) -> Table:
        """Return one line for each heading and value, and an empty one between rows."""
        table = self._bare(padding=PADDINGS[2], show_header=False)
        heading = min(max(_width(column.header) for column in self.columns), width // 2 - 1)
        value = width - heading - 2
        table.add_column(width=heading, style="dim", overflow="fold")
        table.add_column(width=value, overflow="fold")
        for row in zip(*(column.cells for column in self.columns), strict=True):
            if table.row_count:
                table.add_row("", "")
            for column, cell in zip(self.columns, row, strict=True):
                if _width(cell):
                    table.add_row(_lines(column.header, heading, True), _lines(cell, value, True))
        return table

    def _bare(self, *, padding: tuple[int, int, int, int], show_header: bool = True) -> Table:
        return Table(
            box=self.box,
            header_style=self.header_style,
            pad_edge=False,
            padding=padding,
            show_edge=False,
            show_header=show_header,
        )


def lowest(heights: Sequence[Sequence[float]], room: int) -> list[int]:
    """Return how many columns each takes beyond its least, so that the sum of heights is least.

    Parameters
    ----------
    heights : sequence of sequence of float
        For each column of the table, how high it is with 0, 1, 2 ... columns more than its least.
    room : int
        What all together may take.

    Notes
    -----
    Exact: a dynamic programme over the columns of the table.
    """
    best: list[tuple[float, list[int]]] = [(0.0, [])] * (room + 1)
    for one in heights:
        best = [
            min(
                (best[have - extra][0] + height, [*best[have - extra][1], extra])
                for extra, height in enumerate(one[: have + 1])
            )
            for have in range(room + 1)
        ]
    return best[room][1]


def _height(cells: Sequence[RenderableType], width: int, names: bool) -> float:
    """Return how high the cells of a column are: one tall cell is worse than several that wrap once."""
    lines = (line_count(_plain(cell), width, names=names) for cell in cells)
    return float(sum(one**TALL for one in lines))


def _plain(cell: RenderableType) -> str:
    return cell.plain if isinstance(cell, Text) else str(cell)


def _width(cell: RenderableType) -> int:
    return max(map(len, _plain(cell).splitlines()), default=0)


def _least(cell: RenderableType, names: bool, whole: bool) -> int:
    return _width(cell) if whole and not names else longest_part(_plain(cell), names=names)


def _lines(cell: RenderableType, width: int, names: bool) -> Text:
    """Return a cell in lines of at most `width`; a `Text` that must be broken keeps its style as a whole."""
    if isinstance(cell, Text) and _width(cell) <= width:
        return cell
    text = "\n".join(wrapped(_plain(cell), width, names=names))
    return Text(text, style=cell.style if isinstance(cell, Text) else "")
