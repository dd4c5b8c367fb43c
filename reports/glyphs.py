"""Characters that no font at hand can draw are spelled by their Unicode names, never printed as boxes."""

import json
import re
import unicodedata
from collections.abc import Collection
from itertools import groupby

PLAIN_BELOW = 0x250
"""Latin letters with all their accents are in every typeface."""
PLAIN = frozenset("–—−×·…“”‘’•→≤≥≈±µ°")
"""What our own words and tables use beside them."""
NOWHERE = "\U000f0000"
"""A private character: what is drawn for it is drawn for every other that is missing."""
_ONE_A_LINE = """#set page(width: auto, height: auto)
#for character in json(bytes(sys.inputs.characters)) { block(text(font: sys.inputs.typeface, character)) }"""
_GLYPH = re.compile(r'xlink:href="#(\w+)"')


def unusual(text: str) -> list[str]:
    """Return the characters of a text that a typeface may lack, each once."""
    return sorted({one for one in text if ord(one) >= PLAIN_BELOW and one not in PLAIN and one.isprintable()})


def missing(characters: Collection[str], *, typeface: str, system_fonts: bool) -> frozenset[str]:
    """Return those that Typst has no glyph for, with the fonts it carries or also those of the host."""
    listed = [one for one in characters if not unicodedata.category(one).startswith("M")]
    (nothing,) = _glyphs([NOWHERE], typeface, system_fonts)
    return frozenset(_without(listed, nothing, typeface, system_fonts=system_fonts))


def _without(listed: list[str], nothing: str, typeface: str, *, system_fonts: bool) -> list[str]:
    """Set each character in a line of its own; where lines and glyphs differ in number, set fewer."""
    if not listed:
        return []
    glyphs = _glyphs(listed, typeface, system_fonts)
    if len(glyphs) == len(listed):
        return [one for one, glyph in zip(listed, glyphs, strict=True) if glyph == nothing]
    if len(listed) == 1:
        return listed if nothing in glyphs else []
    half = len(listed) // 2
    parts = (listed[:half], listed[half:])
    return [one for part in parts for one in _without(part, nothing, typeface, system_fonts=system_fonts)]


def _glyphs(characters: list[str], typeface: str, system_fonts: bool) -> list[str]:
    import typst

    inputs = {"characters": json.dumps(characters), "typeface": typeface}
    drawn = typst.compile(
        _ONE_A_LINE.encode(), format="svg", ignore_system_fonts=not system_fonts, sys_inputs=inputs
    )
    return _GLYPH.findall(bytes(drawn).decode())


def spelled(text: str, without: Collection[str]) -> str:
    """Replace characters by what they are called.

    Examples
    --------
    >>> spelled("go 🚀", "🚀"), spelled("チャ", "チャ"), spelled("客服", "客服")
    ('go (rocket)', 'tiya', 'U+5BA2 U+670D')
    """
    if not without:
        return text
    kept = (one for one in text if one not in _JOINERS)
    runs = groupby(kept, key=lambda one: one in without)
    return "".join(_run("".join(run)) if lacking else "".join(run) for lacking, run in runs)


_JOINERS = frozenset("\u200d\ufe0e\ufe0f")
"""Choose among pictures that are not there."""


def _run(run: str) -> str:
    kinds = groupby(map(_name, run), key=lambda name: name[0].islower())
    return " ".join(("" if letters else " ").join(names) for letters, names in kinds)


def _name(character: str) -> str:
    name = unicodedata.name(character, "")
    letter = re.search(r"\b(?:LETTER|SYLLABLE)\b.* ([A-Z]+)$", f"{name}")
    if letter and not name.startswith("CJK"):
        return letter[1].lower()
    if not name or "IDEOGRAPH" in name:
        return f"U+{ord(character):04X}"
    return f"({name.lower()})"
