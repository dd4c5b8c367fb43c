"""Free text such as "RTX 4090 24GB" or "MI300X OAM" becomes one device."""

import re
from functools import lru_cache

from hw_targets.catalog.shelf import LIST_THEM, Headline, get, shelf
from hw_targets.device import Device
from tonnage.errors import InvalidInput, UnknownName

MEMORY_TOLERANCE = 0.08
"""A size in words or from a driver lies within this of the marketed one: GB and GiB
are 7.4 % apart, and ECC or firmware takes a little."""

_SAYS_LITTLE = frozenset(
    {
        "nvidia", "geforce", "tesla", "amd", "radeon", "instinct", "intel", "google", "aws", "apple",
        "qualcomm", "huawei", "microsoft", "meta", "ampere", "graphics", "gpu", "gpus", "card",
        "accelerator", "data", "center", "datacenter", "edition", "generation", "corporation", "oam",
        "rtx", "rx", "gb", "cloud", "processor", "cpu", "chip", "platinum", "gold", "silver", "xeon",
        "epyc", "tm", "r",
    }
)  # fmt: skip
_TOKEN = re.compile(r"\d+(?:\.\d+)?\s?(?:gb|gib)\b|[a-z]*\d+[a-z]*|[a-z]+")
_MEMORY = re.compile(r"(\d+(?:\.\d+)?)\s?(?:gb|gib)")


def resolve(text: str) -> Device:
    """Return the one device that a text means.

    Raises
    ------
    InvalidInput
        If several devices fit; they are listed.
    UnknownName
        If none does; the near ids are listed.

    Examples
    --------
    >>> resolve("H100 SXM").id
    'nvidia-h100-sxm5-80gb'
    """
    found = candidates(text)
    if not found:
        raise UnknownName("device", text, shelf().device_blocks, hint=LIST_THEM)
    if len(found) > 1:
        raise InvalidInput(f"device '{text}' may be any of {', '.join(found)}; name one of them")
    return get(found[0])


def candidates(text: str) -> tuple[str, ...]:
    """Return the ids that a text may mean, fewest words left over first.

    Every telling word of the text must be in the device's id, name or memory type,
    and a size in GB must fit. A device whose id says nothing more than the text
    is preferred to its longer-named siblings.
    """
    lines = shelf().headlines
    plain = text.strip().lower()
    if plain in shelf().device_blocks:
        return (plain,)
    words, memory_gb = _words(plain)
    asked = words - _SAYS_LITTLE or words
    if not asked:
        return ()
    fitting = [line for line in lines if _fits(line, asked, memory_gb)]
    exact = [line for line in fitting if _words(line.id)[0] - _SAYS_LITTLE <= asked]
    return tuple(line.id for line in exact or fitting)


@lru_cache(maxsize=2048)
def _words(text: str) -> tuple[frozenset[str], float | None]:
    """Split a text into telling words and the memory size it names [GB]."""
    text = re.sub(r"\((?:r|tm)\)", " ", text.lower()).replace("+", "plus ")
    text = re.sub(r"sxm\d", "sxm", text)
    memory = None
    words = set()
    for token in _TOKEN.findall(text):
        size = _MEMORY.fullmatch(token)
        if size:
            memory = float(size[1])
        else:
            words.add(token)
    return frozenset(words), memory


def _fits(line: Headline, asked: frozenset[str], memory_gb: float | None) -> bool:
    known = _words(line.id)[0] | _words(line.name)[0] | _words(line.memory_type.split("-")[0])[0]
    if not asked <= known:
        return False
    if memory_gb is None or line.memory_gb is None:
        return True
    return abs(memory_gb / line.memory_gb - 1) <= MEMORY_TOLERANCE
