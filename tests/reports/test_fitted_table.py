"""Tables and sentences on narrow terminals: every word arrives whole, no line is too long."""

import io
from itertools import product

from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from reports.terminal.console import table
from reports.terminal.fitted_table import lowest
from reports.terminal.word_wrap import KEPT, longest_part, wrapped

WORDS = st.text("abcdefghi", min_size=1, max_size=9)
CELLS = st.lists(WORDS, max_size=8).map(" ".join)
NAMES = st.lists(WORDS, min_size=1, max_size=4).map("-".join)


def printed(grid: object, width: int) -> str:
    out = io.StringIO()
    Console(file=out, width=width, highlight=False, markup=False, emoji=False).print(grid)
    return out.getvalue()


@given(st.lists(st.tuples(CELLS, WORDS, NAMES), min_size=1, max_size=5), st.integers(24, 120))
def test_every_word_arrives_whole_and_no_line_is_too_long(
    rows: list[tuple[str, str, str]], width: int
) -> None:
    grid = table("Title", "a text", ">number", "!name")
    for row in rows:
        grid.add_row(*row)
    shown = printed(grid, width)
    assert max(map(len, shown.splitlines())) <= width
    words = {word for row in rows for cell in row for word in cell.replace("-", "- ").split()}
    assert words <= set(shown.replace("-", "- ").split())


@given(CELLS, st.integers(9, 60))
def test_wrapping_changes_nothing_but_where_lines_end(text: str, width: int) -> None:
    lines = wrapped(text, width)
    assert " ".join(lines).split() == text.split()
    assert all(len(line) <= width for line in lines)


@given(NAMES, st.integers(10, 30))
def test_a_name_breaks_after_hyphens_alone(name: str, width: int) -> None:
    lines = wrapped(name, width, names=True)
    assert "".join(lines) == name
    assert all(line.endswith("-") for line in lines[:-1])
    assert max(map(len, lines)) <= max(width, longest_part(name, names=True))


def test_a_figure_stays_with_its_sign_and_its_unit() -> None:
    text = "take 25.5 % of it within 300 ms on 2 × NVIDIA H100 of 80 GB (70 to 85) from 2023-2025"
    for width in range(8, 60):
        lines = wrapped(text, width, names=True)
        assert " ".join(lines).replace("- ", "-") == text
        assert not any(
            line.endswith(("25.5", "300", "80", " 2", "×", "70", "to")) or line == "2" for line in lines
        )
        assert "2023-2025" in " ".join(lines)
    assert len(KEPT.findall(text)) == 7


@given(
    st.lists(st.lists(st.integers(0, 50), min_size=1, max_size=4), min_size=1, max_size=4), st.integers(0, 12)
)
def test_room_is_shared_so_that_the_table_is_lowest(heights: list[list[int]], room: int) -> None:
    extra = lowest(heights, room)
    tried = [one for one in product(*(range(len(column)) for column in heights)) if sum(one) <= room]
    least = min(sum(column[more] for column, more in zip(heights, one, strict=True)) for one in tried)
    assert tuple(extra) in tried
    assert sum(column[more] for column, more in zip(heights, extra, strict=True)) == least


def test_a_table_without_room_becomes_a_list_of_its_headings() -> None:
    grid = table("Title", *(f"!heading{n}" for n in range(8)))
    grid.add_row(*(f"value{n}" for n in range(8)))
    lines = [line.split() for line in printed(grid, 40).splitlines() if line.strip()]
    assert lines[1:] == [[f"heading{n}", f"value{n}"] for n in range(8)]
