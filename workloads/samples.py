"""Shipped samples of real traffic by name."""

from pathlib import Path

from tonnage.errors import UnknownName
from workloads.readers.traces import Log, read_log

FOLDER = Path(__file__).parent / "catalog" / "traffic"


def names() -> tuple[str, ...]:
    """Return the names of the samples."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.csv")))


def path_of(name: str) -> Path:
    """Return the file of a sample.

    Raises
    ------
    UnknownName
        Listing the near ones.
    """
    if name not in names():
        raise UnknownName("traffic sample", name, names())
    return FOLDER / f"{name}.csv"


def get(name: str) -> Log:
    """Read a sample."""
    return read_log(path_of(name))
