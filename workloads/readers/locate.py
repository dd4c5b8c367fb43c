"""Which file a path of a model means: a .gguf, a config.json, or the config.json of a folder."""

from pathlib import Path

from tonnage.openable import is_file

_CONFIGS = ("config.json", "mlc-chat-config.json")


def model_file(text: str) -> Path | None:
    """Return the file to read, None if the text is a name and no path.

    A folder counts only with a config in it; a file by its ending, whether it is there or not.
    """
    if "\0" in text:
        return None
    path = Path(text)
    if text.endswith((".gguf", ".json")):
        return path
    return next((path / name for name in _CONFIGS if is_file(path / name)), None)


def is_model_file(text: str) -> bool:
    """Say whether a text is the path of a model that is there."""
    path = model_file(text)
    return path is not None and is_file(path)
