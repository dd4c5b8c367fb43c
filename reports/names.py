"""Names as people say them: catalog ids become product names, a profile's path its file name."""

import re
from functools import cache
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


def in_words(text: str) -> str:
    """Return a text with ids of devices and models replaced by their names, and metrics written out.

    Examples
    --------
    >>> in_words("price of nvidia-l4"), in_words("ttft_p95 is 1.2 s"), in_words("2 x nvidia-l4 FP8 tp2 pp1")
    ('price of NVIDIA L4', 'TTFT p95 is 1.2 s', '2 × NVIDIA L4 FP8 tp2')
    """
    named = _WORD.sub(lambda word: _known(word[0]), text)
    spoken = _METRIC.sub(lambda word: word[0].replace("_", " ").upper().replace(" P", " p"), named)
    return _TIMES.sub("× ", _ALONE.sub("", spoken)).replace("mmlu", "MMLU")


_METRIC = re.compile(r"\b(?:ttft|tpot|e2e)_(?:p\d\d|mean)\b")
_ALONE = re.compile(r" [tp]p1\b")
"""Not parallel: nothing to say."""
_TIMES = re.compile(r"(?<=\d )x (?=\S)|(?<!\w)x (?=\d)")
"""Between a number and what it counts, or before a factor."""


_WORD = re.compile(r"(?<![\w./-])[a-z0-9][\w.]*(?:-[\w.]+)+(?![\w/-])")
"""What may be an id: lower-case parts joined by hyphens."""


@cache
def _known(word: str) -> str:
    """Return the name behind an id, the word itself if it is none."""
    from hw_targets import catalog
    from workloads import models

    bare = word.rstrip(".")
    if catalog.why_not(bare) is None:
        return catalog.get(bare).name + word[len(bare) :]
    return models.get(bare).name + word[len(bare) :] if bare in models.names() else word


def _short(identifier: str) -> str:
    path = PurePath(identifier)
    return path.name if path.suffix in {".json", ".gguf"} else identifier
