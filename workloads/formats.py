"""Weight formats by name, or as the tensors of a model's file hold them; KV cache formats by name."""

from functools import lru_cache
from pathlib import Path

from workloads import format_catalog
from workloads.format_catalog import ALIASES, has, kv, kv_names, names, short_names
from workloads.readers.freshness import changed_ns
from workloads.readers.locate import model_file
from workloads.storage import WeightFormat

__all__ = ["ALIASES", "get", "has", "kv", "kv_names", "names", "short_names"]


def get(format_id: str) -> WeightFormat:
    """Return a weight format by id, alias, or the path of a model whose tensors it describes.

    Parameters
    ----------
    format_id : str
        `BF16`, `Q4_K_M` ...; or a `.gguf`, a `config.json`, or its folder.

    Raises
    ------
    UnknownName
        Listing the near ids.
    FormatError, FileProblem
        If the file is not what it should be, or cannot be read.
    """
    path = None if has(format_id) else model_file(format_id)
    return format_catalog.get(format_id) if path is None else _of_file(path, changed_ns(path))


@lru_cache(maxsize=64)
def _of_file(path: Path, _changed_ns: int) -> WeightFormat:
    if path.suffix == ".gguf":
        from workloads.readers.gguf import read_weight_format as read_gguf

        return read_gguf(path)
    from workloads.readers.checkpoint import read_weight_format as read_checkpoint

    return read_checkpoint(path)
