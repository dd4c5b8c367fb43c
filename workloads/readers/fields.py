"""Checked access to the keys of a file that somebody else wrote."""

from collections.abc import Mapping, Sequence

from tonnage.errors import FormatError

MAX_WHOLE = 2**40
"""No count of a model comes near; larger ones are a broken file."""


class Fields:
    """Keys of one table, each checked when it is read.

    Parameters
    ----------
    data : Mapping
        What a parser returned.
    where : str
        Names the file in messages.
    """

    def __init__(self, data: Mapping[str, object], *, where: str) -> None:
        self._data = data
        self.where = where

    def __contains__(self, name: str) -> bool:
        return self._data.get(name) is not None

    def require(self, *names: str) -> None:
        """Refuse a file that lacks any of these; `a|b` is met by either.

        Raises
        ------
        FormatError
            Naming all that are missing.
        """
        missing = [name for name in names if not any(part in self for part in name.split("|"))]
        if missing:
            raise self._lacking(missing)

    def _lacking(self, names: Sequence[str]) -> FormatError:
        return FormatError(f"{self.where}: missing {', '.join(name.replace('|', ' or ') for name in names)}")

    def whole(self, *names: str, default: int | None = None, least: int = 1) -> int:
        """Return the first of these keys that is there, a whole number.

        Raises
        ------
        FormatError
            If none is there and no default is given, or it is no whole number
            from `least` to 2^40.
        """
        for name in names:
            if name in self:
                return self._checked(name, self._data[name], least)
        if default is None:
            raise self._lacking(["|".join(names)])
        return default

    def _checked(self, name: str, value: object, least: int) -> int:
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= MAX_WHOLE:
            shown = repr(value)[:40]
            raise FormatError(f"{self.where}: {name} = {shown} is not a whole number from {least} to 2^40")
        return value

    def optional(self, *names: str) -> int | None:
        """Return the first of these keys that is there and not 0, or None."""
        return self.whole(*names, default=0, least=0) or None

    def flag(self, *names: str, default: bool = False) -> bool:
        """Return the first of these keys that is there, true or false."""
        for name in names:
            if name in self:
                value = self._data[name]
                if not isinstance(value, bool):
                    raise FormatError(f"{self.where}: {name} = {repr(value)[:40]} is neither true nor false")
                return value
        return default

    def text(self, *names: str, default: str = "") -> str:
        """Return the first of these keys that is there, a text."""
        for name in names:
            if name in self:
                value = self._data[name]
                if not isinstance(value, str):
                    raise FormatError(f"{self.where}: {name} = {repr(value)[:40]} is not a text")
                return value
        return default

    def is_text(self, name: str) -> bool:
        """Say whether a key holds a text, such as `auto`."""
        return isinstance(self._data.get(name), str)

    def is_list(self, name: str) -> bool:
        """Say whether a key holds a list."""
        return isinstance(self._data.get(name), list)

    def items(self, name: str) -> Sequence[object]:
        """Return a list, empty if it is not there."""
        value = self._data.get(name)
        if value is None:
            return ()
        if not isinstance(value, list):
            raise FormatError(f"{self.where}: {name} = {repr(value)[:40]} is not a list")
        return value

    def numbers(self, name: str) -> list[int]:
        """Return a list of whole numbers, empty if the key holds no list."""
        value = self._data.get(name)
        return [self._checked(name, item, 0) for item in value] if isinstance(value, list) else []

    def names(self) -> list[str]:
        """Return the keys that are texts."""
        return [name for name in self._data if isinstance(name, str)]

    def table(self, name: str) -> "Fields | None":
        """Return a table inside this one, or None."""
        value = self._data.get(name)
        return Fields(value, where=f"{self.where}: {name}") if isinstance(value, dict) else None
