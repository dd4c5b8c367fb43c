"""Names of other tools, such as a driver's or Hugging Face's, and the ids of the catalogs."""

import re
from functools import cache

from hw_targets import catalog
from tonnage.errors import InvalidInput, UnknownName
from tonnage.openable import is_file
from workloads import formats, models, shelf
from workloads.readers.locate import is_model_file

_TAILS = re.compile(
    r"[-_. ](instruct|it|chat|hf|base|fp8|fp4|nvfp4|fp8dynamic|dynamic|awq|gptq|int4|int8|w4a16|w8a8|bf16"
    r"|gguf|ud|v0\.\d|\d{4})$"
)
_FTYPE = re.compile(r"(?:^| )(?:mostly |all )?(B?F(?:16|32)|I?Q\d\w*|TQ\d\w*|MXFP4\w*)(?: - (.*))?$")
_SIZES = {"Small": "_S", "Medium": "_M", "Large": "_L"}


def device_id(name: str, *, where: str) -> str:
    """Return the catalog id of a device by id, path, or the name that a driver gives it.

    Raises
    ------
    InvalidInput, UnknownName
        If it may be several devices, or none; the message says how to name one.
    """
    if name in catalog.names() or is_file(name):
        return name
    spaced = re.sub(r"(?<=[A-Za-z])(?=\d)|(?<=\d)(?=[A-Z][a-z])", " ", name)
    for words in (name, spaced, spaced.replace("RTXPRO", "RTX PRO")):
        try:
            return catalog.resolve(words).id
        except UnknownName:
            continue
        except InvalidInput as problem:
            raise InvalidInput(f"{where}: {problem} with --device") from None
    raise UnknownName("device", name, catalog.names(), hint="give its catalog id with --device")


def model_id(name: str, *, where: str) -> str:
    """Return the catalog id of a model by id, path, Hugging Face name or file name.

    Raises
    ------
    UnknownName
        Listing near ids; `--model` overrides what the file says.
    """
    found = known_model(name)
    if found is None:
        raise UnknownName(
            "model", name, models.names(), hint=f"{where} names it; give its catalog id with --model"
        )
    return found


def known_model(name: str) -> str | None:
    """Return the id or path that a name of a model means: its very version first, None if it means none."""
    if name in models.names() or is_model_file(name):
        return name
    return _by_full_name().get(_last_part(name)) or _by_plain_name().get(plain(name))


@cache
def _by_full_name() -> dict[str, str]:
    """Catalog ids by their own and their Hugging Face names, each version apart."""
    names = ((one, shelf.block("models", one).get("hf_id")) for one in models.names())
    found = {_last_part(name): one for one, name in names if isinstance(name, str)}
    return found | {one: one for one in models.names()}


def _last_part(name: str) -> str:
    """Spell a name without maker and what tells a chat model from its base."""
    last = name.replace("\\", "/").rstrip("/").rsplit("/", 1)[-1].lower()
    return re.sub(r"-(instruct|chat|it|hf)\b", "", last)


@cache
def _by_plain_name() -> dict[str, str]:
    """Catalog ids by their own and their Hugging Face names, both in plain spelling."""
    found: dict[str, str] = {}
    for one in models.names():
        hugging_face = shelf.block("models", one).get("hf_id")
        if isinstance(hugging_face, str):
            found.setdefault(plain(hugging_face), one)
    return found | {plain(one): one for one in models.names()}


def plain(name: str) -> str:
    """Spell a model's name without maker, file ending, format and fine-tuning words.

    Examples
    --------
    >>> plain("meta-llama/Meta-Llama-3-8B-Instruct"), plain("Qwen2.5-7B-Instruct-Q4_K_M.gguf")
    ('llama-3-8b', 'qwen2.5-7b')
    """
    text = name.replace("\\", "/").rstrip("/").rsplit("/", 1)[-1].lower()
    text = re.sub(r"(-\d{5}-of-\d{5})?\.gguf$", "", text)
    text = re.sub(r"[-_.](i?q\d[a-z0-9_]*|b?f16|f32|mxfp4[a-z0-9_]*)$", "", text).removeprefix("meta-")
    while (shorter := _TAILS.sub("", text)) != text:
        text = shorter
    return text.replace("_", "-")


def gguf_format(model_type: str) -> str | None:
    """Return the weight format at the end of llama.cpp's model description, None if it is not one.

    Examples
    --------
    >>> gguf_format("qwen2 7B Q4_K - Medium"), gguf_format("llama 7B mostly Q4_0")
    ('Q4_K_M', 'Q4_0')
    """
    seen = _FTYPE.search(model_type.strip())
    if seen is None:
        return None
    size = (seen[2] or "").split(" ")[0]
    name = seen[1] + _SIZES.get(size, "")
    return name if formats.has(name) else seen[1] if formats.has(seen[1]) else None
