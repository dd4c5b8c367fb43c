"""Content as PDF: Typst sets it, from data that it reads as JSON and never as markup."""

import json
from datetime import UTC, datetime
from pathlib import Path

from reports import glyphs, theme
from reports.content import Document

TEMPLATES = Path(__file__).parent / "templates"
MAIN = TEMPLATES / "report.typ"


def typeset(document: Document, *, created_at: str | None = None) -> bytes:
    """Return the document as a tagged PDF; the same document gives the same bytes.

    Where it holds characters beyond the typefaces that Typst carries, the
    host's fonts help out, and what none of them has is spelled.

    Parameters
    ----------
    document : Document
        Content; texts are set literally whatever characters they hold.
    created_at : str, optional
        ISO 8601 time that the PDF carries; without it, the epoch of 1970.
    """
    import typst

    text, own_fonts = _drawable(document.to_json(indent=None))
    return bytes(
        typst.compile(
            MAIN,
            root=TEMPLATES,
            format="pdf",
            ignore_system_fonts=own_fonts,
            sys_inputs={"document": text, "look": json.dumps(look())},
            timestamp=_timestamp(created_at),
        )
    )


def _drawable(text: str) -> tuple[str, bool]:
    """Return the text as it can be drawn, and whether the fonts that Typst carries are enough for it."""
    odd = glyphs.unusual(text)
    lacking = glyphs.missing(odd, typeface=theme.TYPEFACE, system_fonts=False) if odd else frozenset()
    if not lacking:
        return text, True
    nowhere = glyphs.missing(lacking, typeface=theme.TYPEFACE, system_fonts=True)
    return glyphs.spelled(text, nowhere), nowhere == lacking


def look() -> dict[str, str]:
    """Return the palette and typeface of the figures, by name, for the template."""
    names = {
        "ink": theme.INK, "muted": theme.MUTED, "rule": theme.GRID, "track": theme.TRACK,
        "accent": theme.ACCENT, "good": theme.GREEN, "caution": theme.ORANGE, "stop": theme.VERMILION,
        "typeface": theme.TYPEFACE,
    }  # fmt: skip
    return names | {level.value: tone for level, tone in theme.EVIDENCE_COLOURS.items()}


def _timestamp(created_at: str | None) -> datetime:
    try:
        moment = datetime.fromisoformat(created_at or "")
    except ValueError:
        return datetime(1970, 1, 1, tzinfo=UTC)
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
