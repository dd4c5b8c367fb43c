"""Plain data as block-style YAML: mappings, lists, words and numbers, and nothing else of YAML."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_./-]*")
_WORDS = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n", "nan", "inf"})

_ASTRAL = re.compile(r"\\\\|\\u(d[89ab][0-9a-f]{2})\\u(d[c-f][0-9a-f]{2})")

Data = str | int | float | bool | None | Sequence["Data"] | Mapping[str, "Data"]


def to_yaml(*documents: Data) -> str:
    """Return YAML 1.1 text that reads back as the same data; several documents are parted by `---`."""
    return "---\n".join("\n".join(_lines(each, "")) + "\n" for each in documents)


def _lines(data: Data, indent: str) -> Iterator[str]:
    if isinstance(data, Mapping) and data:
        for key, value in data.items():
            yield from _entry(f"{indent}{_scalar(key)}:", value, indent)
    elif isinstance(data, Sequence) and not isinstance(data, str) and data:
        for value in data:
            yield from _item(value, indent)
    else:
        yield indent + _scalar(data)


def _entry(head: str, value: Data, indent: str) -> Iterator[str]:
    if isinstance(value, str) and _is_block(value):
        yield f"{head} |"
        yield from ((f"{indent}  {line}" if line else "") for line in value[:-1].split("\n"))
    elif _is_branch(value):
        yield head
        yield from _lines(value, indent + "  ")
    else:
        yield f"{head} {_scalar(value)}"


def _item(value: Data, indent: str) -> Iterator[str]:
    if not _is_branch(value):
        yield f"{indent}- {_scalar(value)}"
        return
    lines = list(_lines(value, indent + "  "))
    yield f"{indent}- {lines[0].lstrip(' ')}"
    yield from lines[1:]


def _is_branch(value: Data) -> bool:
    return isinstance(value, Mapping | Sequence) and not isinstance(value, str) and len(value) > 0


def _is_block(text: str) -> bool:
    """Tell text of several plain lines that ends with one line break: a file within a file."""
    body = text[:-1]
    return (
        text.endswith("\n")
        and "\n" in body
        and not body.startswith((" ", "\n"))
        and not body.endswith("\n")
        and all(line.isprintable() for line in body.split("\n"))
    )


def _scalar(value: Data) -> str:
    if isinstance(value, str):
        plain = _PLAIN.fullmatch(value) and value.lower() not in _WORDS
        return value if plain else _ASTRAL.sub(_escaped, json.dumps(value))
    if isinstance(value, float) and "e" in repr(value) and "." not in repr(value):
        return repr(value).replace("e", ".0e")
    return (
        json.dumps(value)
        if not isinstance(value, Mapping | Sequence)
        else ("{}" if isinstance(value, Mapping) else "[]")
    )


def _escaped(found: re.Match[str]) -> str:
    """Turn the surrogate pair of JSON into the eight digits of YAML; an escaped backslash stays."""
    if found[1] is None:
        return found[0]
    return f"\\U{0x10000 + ((int(found[1], 16) - 0xD800) << 10) + int(found[2], 16) - 0xDC00:08X}"
