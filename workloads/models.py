"""Models by name: the shipped catalog, the user's own, a config.json or its folder, or a GGUF file."""

from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path

from tonnage.errors import UnknownName
from workloads import shelf
from workloads.architecture import Architecture
from workloads.readers.freshness import changed_ns
from workloads.readers.locate import model_file


def names() -> tuple[str, ...]:
    """Return the ids of all catalog models."""
    return shelf.names("models")


def matching(glob: str) -> tuple[str, ...]:
    """Return the ids that match a shell pattern such as `llama-3.1-*`."""
    return tuple(name for name in names() if fnmatchcase(name, glob))


def get(id_or_path: str) -> Architecture:
    """Return a model by catalog id, or read it from a `config.json`, its folder, or a `.gguf`.

    Raises
    ------
    UnknownName
        If it is neither; near ids are listed.
    FormatError, FileProblem
        If the file is not what it should be, or cannot be read.
    """
    if shelf.has("models", id_or_path):
        return _declared(id_or_path, shelf.folders())
    path = model_file(id_or_path)
    if path is not None:
        return _read(path, changed_ns(path))
    raise UnknownName("model", id_or_path, names(), hint="'tonnage catalog models' lists them")


@lru_cache(maxsize=512)
def _declared(name: str, _folders: tuple[Path, ...]) -> Architecture:
    return Architecture.parse({"id": name, **shelf.block("models", name)}, where=shelf.where("models", name))


@lru_cache(maxsize=64)
def _read(path: Path, _changed_ns: int) -> Architecture:
    if path.suffix == ".gguf":
        from workloads.readers.gguf import read_architecture as read_gguf

        return read_gguf(path)
    from workloads.readers.checkpoint import read_architecture as read_checkpoint

    return read_checkpoint(path)
