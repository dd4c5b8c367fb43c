"""A named set of things: `names()`, `get(name)`, `why_not(name)`; a duplicate is an error."""

from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from tonnage.errors import InvalidInput, UnknownName

T = TypeVar("T")


class Registry(Generic[T]):
    """Entries by name, in the order in which they were added.

    Parameters
    ----------
    kind : str
        What the entries are, for messages: "kernel", "backend" ...
    refusal : callable, optional
        Says why an entry cannot be used here, or None if it can.
    """

    def __init__(self, kind: str, *, refusal: Callable[[T], str | None] | None = None) -> None:
        self.kind = kind
        self._entries: dict[str, T] = {}
        self._refusal = refusal

    def add(self, name: str, entry: T) -> T:
        """Add an entry; a name that is taken is an error."""
        if name in self._entries:
            raise InvalidInput(f"{self.kind} '{name}' is registered twice")
        self._entries[name] = entry
        return entry

    def names(self) -> tuple[str, ...]:
        """Return all names."""
        return tuple(self._entries)

    def get(self, name: str) -> T:
        """Return an entry; an unknown name lists the near ones."""
        try:
            return self._entries[name]
        except KeyError:
            raise UnknownName(self.kind, name, self._entries) from None

    def why_not(self, name: str) -> str | None:
        """Return why `name` cannot be used here, or None if it can."""
        if name not in self._entries:
            return str(UnknownName(self.kind, name, self._entries))
        return self._refusal(self._entries[name]) if self._refusal else None

    def __iter__(self) -> Iterator[tuple[str, T]]:
        return iter(self._entries.items())

    def __len__(self) -> int:
        return len(self._entries)
