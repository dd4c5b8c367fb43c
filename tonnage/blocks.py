"""A TOML file as blocks that are parsed one at a time, so a large catalog costs what is asked of it."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tonnage.errors import FormatError
from tonnage.files import read_text
from tonnage.toml_text import parse_toml

MOST_BYTES = 2**24
"""A catalog file larger than this is none."""

_HEADER = re.compile(r'^\[(?:"([^"\n]+)"|([A-Za-z0-9_-]+))\][ \t]*(?:#.*)?$', re.MULTILINE)


class Blocks(Mapping[str, dict[str, Any]]):
    """Top-level tables of one TOML text by name, in file order.

    A header is `[name]` or `["na.me"]`; deeper tables (`[name.part]`,
    `[[name.part]]`) and the keys up to the next header belong to its block.
    """

    def __init__(self, text: str, *, where: str) -> None:
        self.where = where
        self._text = text
        self._spans: dict[str, tuple[int, int]] = {}
        self._parsed: dict[str, dict[str, Any]] = {}
        heads = list(_HEADER.finditer(text))
        for head, following in zip(heads, [*heads, None][1:], strict=True):
            name = head[1] or head[2]
            if name in self._spans:
                raise FormatError(f"{where}: line {self._line(head.start())}: [{name}] stands here twice")
            self._spans[name] = (head.start(), following.start() if following else len(text))

    @classmethod
    def read(cls, path: Path) -> "Blocks":
        """Read one file of at most `MOST_BYTES`; see `tonnage.files.read_text` for what is refused."""
        return cls(read_text(path, max_bytes=MOST_BYTES), where=str(path))

    def _line(self, position: int) -> int:
        return self._text.count("\n", 0, position) + 1

    def line_of(self, name: str) -> int:
        """Return the line number of a block's header, counted from 1."""
        return self._line(self._spans[name][0])

    def text_of(self, name: str) -> str:
        """Return the text of one block, header included."""
        start, end = self._spans[name]
        return self._text[start:end]

    def __getitem__(self, name: str) -> dict[str, Any]:
        if name not in self._parsed:
            where = f"{self.where}: block [{name}] at line {self.line_of(name)}"
            self._parsed[name] = parse_toml(self.text_of(name), where=where)[name]
        return self._parsed[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._spans)

    def __len__(self) -> int:
        return len(self._spans)
