"""Blocks parsed one at a time are what a whole-file parser gives, for every file that is shipped."""

import tomllib
from pathlib import Path

import pytest

from tonnage.blocks import Blocks
from tonnage.errors import FormatError
from tonnage.toml_text import parse_toml

ROOT = Path(__file__).parents[2]
SHIPPED = sorted([*(ROOT / "hw_targets").rglob("*.toml"), *(ROOT / "workloads").rglob("*.toml")])


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_shipped_blocks_equal_the_whole_file_parse(path: Path) -> None:
    whole = {
        name: value
        for name, value in tomllib.loads(path.read_text("utf-8")).items()
        if isinstance(value, dict)
    }
    assert dict(Blocks.read(path)) == whole


def test_deeper_tables_belong_to_their_block() -> None:
    blocks = Blocks('# head\n[a]\nx = 1\n[a.b]\ny = 2\n[[a.c]]\nz = 3\n["d.e"]\nx = 4\n', where="t.toml")
    assert dict(blocks) == {"a": {"x": 1, "b": {"y": 2}, "c": [{"z": 3}]}, "d.e": {"x": 4}}
    assert blocks.line_of("d.e") == 8


def test_a_broken_block_names_file_block_and_line_and_leaves_the_others_readable() -> None:
    blocks = Blocks("[good]\nx = 1\n[bad]\nx = = 2\n", where="t.toml")
    assert blocks["good"] == {"x": 1}
    with pytest.raises(FormatError, match=r"t\.toml: block \[bad\] at line 3"):
        blocks["bad"]


def test_a_block_that_stands_twice_is_refused() -> None:
    with pytest.raises(FormatError, match=r"line 2: \[a\] stands here twice"):
        Blocks("[a]\n[a]\n", where="t.toml")


HOSTILE = {
    "digits": "x = " + "9" * 5000,
    "depth": "x = " + "[" * 20_000 + "]" * 20_000,
    "tables": "x = " + "{a=" * 20_000 + "1" + "}" * 20_000,
    "cut off": "x = [1, ",
    "date": "x = 2024-13-01",
    "twice": "x = 1\nx = 2",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_block_is_refused_and_leaves_the_others_readable(text: str) -> None:
    blocks = Blocks(f"[good]\nx = 1\n[bad]\n{text}\n", where="t.toml")
    assert blocks["good"] == {"x": 1}
    with pytest.raises(FormatError, match=r"^t\.toml: block \[bad\] at line 3: "):
        blocks["bad"]


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_toml_is_a_format_error_that_names_its_file(text: str) -> None:
    with pytest.raises(FormatError, match=r"^here: ") as refused:
        parse_toml(text, where="here")
    assert len(str(refused.value)) < 300
