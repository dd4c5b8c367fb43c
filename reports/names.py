"""Names as people say them: catalog ids become product names, a profile's path its file name."""

from pathlib import PurePath

from tonnage.errors import TonnageError


def device_name(device_id: str) -> str:
    """Return the product name of a catalog device, else what stands for it."""
    from hw_targets import catalog

    try:
        return catalog.get(device_id).name
    except TonnageError:
        return _short(device_id)


def device_memory_bytes(device_id: str) -> float | None:
    """Return the memory that one catalog device offers to a program, None if the catalog does not say."""
    from hw_targets import catalog

    try:
        return catalog.get(device_id).capacity_bytes
    except TonnageError:
        return None


def model_name(model_id: str) -> str:
    """Return the name of a catalog model, else what stands for it."""
    from workloads import models

    try:
        return models.get(model_id).name
    except TonnageError:
        return _short(model_id)


def _short(identifier: str) -> str:
    path = PurePath(identifier)
    return path.name if path.suffix in {".json", ".gguf"} else identifier
