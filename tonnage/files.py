"""Records and the files that hold them: validated on the way in, atomic on the way out."""

import json
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar, Self, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from tonnage.errors import FileProblem, FormatError, InvalidInput
from tonnage.openable import check_name

MAX_RECORD_BYTES = 256 * 2**20
"""A larger record file is refused rather than read into memory."""


class Record(BaseModel):
    """A frozen record that crosses a file boundary.

    Unknown keys are errors, numbers are finite, and an unknown value is None.
    Validators are built by the first use: most commands touch few of the records they import.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, populate_by_name=True, defer_build=True
    )

    @classmethod
    def parse(cls, data: object, *, where: str) -> Self:
        """Validate plain data.

        Parameters
        ----------
        data : object
            What a JSON or TOML reader returned.
        where : str
            Names the origin in the error message, e.g. a path.

        Raises
        ------
        FormatError
            Naming the first key that does not fit and its value.
        """
        try:
            return cls.model_validate(data)
        except ValidationError as problem:
            raise FormatError(f"{where}: {first_problem(problem)}") from None

    def to_json(self, *, indent: int | None = 2) -> str:
        """Return the record as JSON text in SI units."""
        return self.model_dump_json(indent=indent, by_alias=True)


Upgrade = Callable[[dict[str, Any]], dict[str, Any]]


class FileRecord(Record):
    """A record with a file of its own: it carries its format name and version.

    Subclasses set `FORMAT` and `VERSION`, and `UPGRADES[v]` turns the data of
    version v into version v + 1, so that old files still load.
    """

    FORMAT: ClassVar[str]
    VERSION: ClassVar[int] = 1
    UPGRADES: ClassVar[dict[int, Upgrade]] = {}

    format: str = ""
    version: int = 0

    def model_post_init(self, _context: object) -> None:
        """Stamp a new record with its own format and version."""
        if not self.format:
            object.__setattr__(self, "format", type(self).FORMAT)
            object.__setattr__(self, "version", type(self).VERSION)
            self.__pydantic_fields_set__.update({"format", "version"})


FileRecordT = TypeVar("FileRecordT", bound=FileRecord)


def first_problem(problem: ValidationError) -> str:
    """Return the first validation problem as one line: key, value, reason."""
    first = problem.errors(include_url=False)[0]
    key = ".".join(str(part) for part in first["loc"]) or "(top level)"
    value = repr(first.get("input"))
    shown = value if len(value) <= 60 else value[:57] + "..."
    more = f" (and {problem.error_count() - 1} more)" if problem.error_count() > 1 else ""
    if first["type"] == "missing":
        return f"{key} is missing{more}"
    reason = first["msg"].removeprefix("Value error, ")
    return f"{key} = {shown}: {reason}{more}"


def read_text(path: Path | str, *, max_bytes: int = MAX_RECORD_BYTES) -> str:
    """Read a UTF-8 file of bounded size.

    Raises
    ------
    FileProblem
        If it is missing, unreadable, a folder, or larger than `max_bytes`.
    FormatError
        If it is not UTF-8 text.
    """
    path = Path(path)
    check_name(path)
    try:
        with path.open("rb") as source:  # devices and pipes do not tell their size: the reading is bounded
            data = source.read(max_bytes + 1)
        if len(data) > max_bytes:
            raise FileProblem(f"{path}: holds more than the {max_bytes} bytes that this reader takes")
        return data.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError:
        raise FormatError(f"{path}: not a UTF-8 text file") from None
    except FileProblem:
        raise
    except OSError as problem:
        raise unreadable(path, problem) from None


def unreadable(path: Path | str, problem: OSError) -> FileProblem:
    """Say why a file cannot be read, in the words of the system, and what to do."""
    if isinstance(problem, FileNotFoundError):
        return FileProblem(f"{path}: no such file; check the path")
    return FileProblem(f"{path}: {problem.strerror or problem}")


def read_json(path: Path | str, *, max_bytes: int = MAX_RECORD_BYTES) -> Any:
    """Read a JSON file; see `read_text` for what is refused."""
    text = read_text(path, max_bytes=max_bytes)
    try:
        data = json.loads(text)
    except json.JSONDecodeError as problem:
        raise FormatError(
            f"{path}: not valid JSON at line {problem.lineno} column {problem.colno} ({problem.msg}); "
            "the file may be cut off"
        ) from None
    except RecursionError:
        raise FormatError(f"{path}: JSON nested too deeply") from None
    except ValueError:
        raise FormatError(f"{path}: holds a number with thousands of digits") from None
    if has_half_a_character(text, data):
        raise FormatError(f"{path}: holds half of a surrogate pair (\\ud8xx), which no text can hold")
    return data


def has_half_a_character(text: str, data: object) -> bool:
    """Say if JSON text escapes half of a surrogate pair: Python reads it, but cannot write it."""
    if "\\ud" not in text and "\\uD" not in text:
        return False
    try:
        json.dumps(data, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return True
    return False


def read_record(path: Path | str, record: type[FileRecordT]) -> FileRecordT:
    """Read one record from its file, upgrading old versions.

    Raises
    ------
    FileProblem
        If the file cannot be read.
    FormatError
        If it holds something else, or a version from the future.
    """
    data = read_object(path, record)
    return record.parse(upgraded(data, record, where=str(path)), where=str(path))


def read_object(path: Path | str, record: type[FileRecord]) -> dict[str, Any]:
    """Read the JSON object that a file of `record` holds, whatever its format and version."""
    data = read_json(path)
    if not isinstance(data, dict):
        raise FormatError(
            f"{path}: a {record.FORMAT} file holds a JSON object, this one a {type(data).__name__}"
        )
    return data


def upgraded(data: dict[str, Any], record: type[FileRecord], *, where: str) -> dict[str, Any]:
    """Bring plain data to the present version of `record`."""
    name, version = data.get("format"), data.get("version")
    if name != record.FORMAT:
        raise FormatError(
            f"{where}: expected a {record.FORMAT} file, found "
            + (f"format '{name}'" if name else "no format")
        )
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise FormatError(f"{where}: version {version!r} is not a positive whole number")
    if version > record.VERSION:
        raise FormatError(
            f"{where}: {record.FORMAT} version {version} is newer than this Tonnage reads "
            f"({record.VERSION}); update Tonnage"
        )
    while version < record.VERSION:
        data = record.UPGRADES[version](data)
        version += 1
        data = {**data, "version": version}
    return data


def write_record(path: Path | str, record: Record) -> None:
    """Write a record as JSON, all of it or nothing."""
    write_text(path, record.to_json() + "\n")


def write_text(path: Path | str, text: str) -> None:
    """Write text, all of it or nothing."""
    write_bytes(path, text.encode("utf-8"))


def write_bytes(path: Path | str, data: bytes) -> None:
    """Write to a temporary neighbour, flush it to disk, then rename it into place.

    Raises
    ------
    FileProblem
        If the folder is missing or not writable; an older file stays as it was.
    """
    import tempfile  # loads random and hashes: only for those who write

    path = Path(path)
    check_writable(path)
    handle, temporary = -1, ""
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
        with os.fdopen(handle, "wb") as out:
            out.write(data)
            out.flush()
            os.fsync(out.fileno())
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except OSError as problem:
        if temporary:
            with suppress(OSError):
                Path(temporary).unlink()
        raise FileProblem(f"{path}: cannot write ({problem.strerror or problem})") from None


def check_writable(path: Path | str) -> None:
    """Fail early if `write_bytes` would fail, before an hour of work is spent."""
    path = Path(path)
    if path.is_dir():
        raise FileProblem(f"{path}: is a folder; name a file in it")
    folder = path.parent
    if folder.exists() and not folder.is_dir():
        raise FileProblem(f"{path}: {folder} is a file, not a folder")
    if not folder.is_dir():
        raise FileProblem(f"{path}: the folder {folder} does not exist; make it first")
    if not os.access(folder, os.W_OK):
        raise FileProblem(f"{path}: no permission to write in {folder}")


def positive(value: float, *, name: str, unit: str) -> float:
    """Return `value` if it is finite and above zero.

    Raises
    ------
    InvalidInput
        Naming the field, its value and its unit.
    """
    if not 0 < value < float("inf"):
        raise InvalidInput(f"{name} must be a positive number of {unit}, not {value}")
    return value
