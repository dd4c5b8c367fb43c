"""What a user types to pick from a list: part of a name, a shell pattern, one known word."""

from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase


def matcher(pattern: str) -> Callable[..., bool]:
    """Return a test that holds if any of the names given to it fits, whatever the case."""
    glob = pattern.lower() if any(mark in pattern for mark in "*?[") else f"*{pattern.lower()}*"
    return lambda *names: any(fnmatchcase(name.lower(), glob) for name in names if name is not None)


def known_word(kind: str, wanted: str | None, known: Iterable[str]) -> str | None:
    """Return a filter as the catalog writes it; None is no filter.

    Raises
    ------
    UnknownName
        Listing the near words.
    """
    if wanted is None:
        return None
    spelled = {word.lower(): word for word in known}
    if wanted.lower() not in spelled:
        from tonnage.errors import UnknownName

        raise UnknownName(kind, wanted, spelled.values())
    return spelled[wanted.lower()]
