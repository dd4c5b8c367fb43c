"""Catalog files of one kind, and the user's own over them; a block is parsed when it is asked for.

The user's folders are `~/.config/tonnage` and `$TONNAGE_DATA`. A kind such as
`models` is every `models*.toml` and every file in a folder `models`.
"""

import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final

from tonnage.blocks import Blocks
from tonnage.errors import FormatError

SHIPPED: Final = Path(__file__).parent / "catalog"

Stacks = dict[str, list[Blocks]]


def folders() -> tuple[Path, ...]:
    """Return the shipped catalog's folder, then the user's, in the order in which they apply."""
    return _folders(*(os.environ.get(name) for name in ("XDG_CONFIG_HOME", "TONNAGE_DATA", "HOME")))


@cache
def _folders(config: str | None, own: str | None, _home: str | None) -> tuple[Path, ...]:
    """Build the paths once per environment: every look-up asks for them."""
    user = [(Path(config) if config else Path.home() / ".config") / "tonnage"]
    if own:
        user.append(Path(own))
    return (SHIPPED, *user)


def files(kind: str) -> Iterator[Path]:
    """Yield the files of one kind."""
    for folder in folders():
        yield from sorted(folder.glob(f"{kind}*.toml"))
        yield from sorted((folder / kind).glob("*.toml"))


def names(kind: str) -> tuple[str, ...]:
    """Return the names of all blocks of one kind."""
    return tuple(_stacks(folders(), kind))


def has(kind: str, name: str) -> bool:
    """Say whether there is such a block."""
    return name in _stacks(folders(), kind)


def block(kind: str, name: str) -> dict[str, Any]:
    """Return a block, empty if there is none; later files correct earlier ones key by key."""
    merged: dict[str, Any] = {}
    for blocks in _stacks(folders(), kind).get(name, ()):
        merged |= blocks[name]
    return merged


def where(kind: str, name: str) -> str:
    """Return the file and line of a block, for messages."""
    last = _stacks(folders(), kind)[name][-1]
    return f"{last.where}: line {last.line_of(name)}: [{name}]"


@cache
def _stacks(_folders: tuple[Path, ...], kind: str) -> Stacks:
    """Map each name to the texts that hold it; nothing is parsed yet."""
    stacks: Stacks = {}
    for path in files(kind):
        blocks = Blocks.read(path)
        for name in blocks:
            stack = stacks.setdefault(name, [])
            if stack and path.is_relative_to(SHIPPED):
                raise FormatError(f"{path}: [{name}] stands in {stack[-1].where} too")
            stack.append(blocks)
    return stacks
