"""How an engine is started: program, image, port, probes, and the flags that its documentation lists."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Protocol

from pydantic import Field

from planner.serving.engines import ALIASES
from tonnage.blocks import Blocks
from tonnage.errors import InvalidInput, UnknownName
from tonnage.files import Record

CATALOG = Path(__file__).with_name("engines.toml")
Flags = dict[str, str | tuple[str, ...]]
"""Kind of value by flag (text, whole, share, switch), or its choices."""


class Documented(Protocol):
    """A program with the flags that its documentation lists."""

    @property
    def name(self) -> str:
        """What it is called."""

    @property
    def source(self) -> str:
        """Where its flags are documented."""

    @property
    def flags(self) -> Flags:
        """Those flags."""


class SplitWay(Record):
    """How units of an engine only prefill or only decode, and what sends requests through both.

    Attributes
    ----------
    needs : str
        What the images of the units must hold.
    flags, router_flags : dict
        Further flags of the units, and those of the router.
    image : str or None
        Of the router; None where it is in the engine's own.
    """

    version: str
    source: str
    needs: str
    router: tuple[str, ...]
    image: str | None = None
    port: int
    health: str
    flags: Flags
    router_flags: Flags


class FlagList(Record):
    """Documented flags of a part of an engine, or of its router."""

    name: str
    source: str
    flags: Flags


class Launcher(Record):
    """One engine.

    Attributes
    ----------
    program, container : tuple of str
        First words on a command line, and inside the image where they differ.
    images : dict of str to str
        By vendor; "cpu" for processors.
    busy_metric : str or None
        Prometheus gauge of requests in the batch.
    flags : dict of str to str or tuple of str
        Kind of value (text, whole, share, switch), or its choices.
    split : SplitWay or None
        None where the engine documents no such way.
    """

    name: str
    program: tuple[str, ...]
    container: tuple[str, ...] | None = None
    images: dict[str, str] = Field(default_factory=dict)
    port: int
    health: str
    busy_metric: str | None = None
    version: str
    source: str
    flags: Flags
    split: SplitWay | None = None

    @property
    def inside(self) -> tuple[str, ...]:
        """First words of the command inside a container."""
        return self.container or self.program


@cache
def _catalog() -> dict[str, Launcher]:
    blocks = Blocks.read(CATALOG)
    return {name: Launcher.parse({"name": name, **blocks[name]}, where=str(CATALOG)) for name in blocks}


def names() -> tuple[str, ...]:
    """Return the engines that can be deployed."""
    return tuple(_catalog())


def launcher(engine: str) -> Launcher:
    """Return how an engine is started.

    Raises
    ------
    UnknownName
        Listing those that are known.
    """
    key = ALIASES.get(engine.strip().lower(), engine.strip().lower())
    if key not in _catalog():
        raise UnknownName("engine to deploy", engine, names(), hint=f"known are {', '.join(names())}")
    return _catalog()[key]


def check(by: Documented, flags: Sequence[tuple[str, str | None]]) -> None:
    """Refuse a flag or value that the engine's documentation does not list.

    Raises
    ------
    InvalidInput
        Naming the flag, its value and the documentation.
    """
    for flag, value in flags:
        kind = by.flags.get(flag)
        if kind is None:
            raise InvalidInput(f"{by.name} documents no flag {flag} ({by.source})")
        if not _fits(kind, value):
            wanted = kind if isinstance(kind, str) else f"one of {', '.join(kind)}"
            raise InvalidInput(f"{by.name} {flag} takes {wanted}, not {value} ({by.source})")


def _fits(kind: str | tuple[str, ...], value: str | None) -> bool:
    if not isinstance(kind, str):
        return value in kind
    if kind == "switch":
        return value is None
    if value is None:
        return False
    if kind == "whole":
        return value.isdigit() and int(value) > 0
    if kind == "share":
        return 0 < float(value) <= 1
    return bool(value)
