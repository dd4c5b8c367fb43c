"""A captured host in one text file, unpacked into the folders and links that the host had.

    @file /proc/meminfo                           what follows, up to the next @, is its content
    @file /sys/.../cpu{i}/online | i=0..7         the same for i = 0 to 7; {i} {i+8} {i*16:02x} {i/4} {i%4}
                                                  are filled in, step by step from the left
    @link /sys/.../driver -> ../drivers/nvidia    a symbolic link
    @dir /dev/shm                                 an empty folder

A file named twice is one file with both contents. Lines before the first @ tell what host it is.
"""

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

HOSTS = Path(__file__).parent / "hosts"
_FIELD = re.compile(r"\{([a-z])((?:[*+/%]\d+)*)(?::(\d*[xd]))?\}")
_LOOP = re.compile(r"([a-z])=(\d+)\.\.(\d+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One file, link or folder of a captured host."""

    kind: str
    path: str
    text: str


def names() -> list[str]:
    """Return the names of all captured hosts."""
    return sorted(path.stem for path in HOSTS.glob("*.txt"))


def entries(text: str) -> Iterator[Entry]:
    """Read a capture; loops are unrolled."""
    blocks = re.split(r"^@", text, flags=re.MULTILINE)[1:]
    for block in blocks:
        head, _, content = block.partition("\n")
        kind, _, rest = head.partition(" ")
        path, _, loops = rest.partition(" | ")
        target = ""
        if kind == "link":
            path, _, target = path.partition(" -> ")
        for values in _values(loops):
            body = _filled(target if kind == "link" else content, values)
            yield Entry(kind=kind, path=_filled(path, values).strip(), text=body.strip())


def unpack(text: str, root: Path) -> Path:
    """Write a capture below `root` and return `root`."""
    for entry in entries(text):
        place = root / entry.path.lstrip("/")
        if entry.kind == "dir":
            place.mkdir(parents=True, exist_ok=True)
            continue
        place.parent.mkdir(parents=True, exist_ok=True)
        if entry.kind == "link":
            place.symlink_to(entry.text)
        else:
            with place.open("a", encoding="utf-8") as file:
                file.write(entry.text + "\n")
    return root


def _values(loops: str) -> Iterator[dict[str, int]]:
    found = _LOOP.findall(loops)
    ranges = [range(int(first), int(last) + 1) for _, first, last in found]
    for values in itertools.product(*ranges):
        yield dict(zip((name for name, _, _ in found), values, strict=True))


def _filled(text: str, values: dict[str, int]) -> str:
    def fill(field: re.Match[str]) -> str:
        if field[1] not in values:
            return field[0]
        value = values[field[1]]
        for operator, operand in re.findall(r"([*+/%])(\d+)", field[2]):
            number = int(operand)
            value = {"*": value * number, "+": value + number, "/": value // number, "%": value % number}[
                operator
            ]
        return format(value, field[3] or "d")

    return _FIELD.sub(fill, text) if values else text
