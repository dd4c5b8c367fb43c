"""A report before it has a look: sections made of paragraphs, tables, figures; plain data, no markup."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from tonnage.files import Record


class Kind(StrEnum):
    """What the cells of a column hold, which decides how they are set."""

    TEXT = "text"
    NUMBER = "number"
    NAME = "name"
    """An identifier: kept in one piece where there is room."""
    EVIDENCE = "evidence"
    """A word of `tonnage.evidence.Evidence`, set as a badge."""


class Tone(StrEnum):
    """What a callout wants from the reader."""

    GOOD = "good"
    CAUTION = "caution"
    STOP = "stop"


class Column(Record):
    """Heading and kind of one column."""

    title: str
    kind: Kind = Kind.TEXT


_MARKS = {">": Kind.NUMBER, "!": Kind.NAME, "*": Kind.EVIDENCE}


def headings(*titles: str) -> tuple[Column, ...]:
    """Return columns by their titles; a mark before a title says what the column holds.

    Examples
    --------
    >>> [str(column.kind) for column in headings("Model", ">Units", "!Format", "*Evidence")]
    ['text', 'number', 'name', 'evidence']
    """
    return tuple(
        Column(title=title[1:], kind=_MARKS[title[0]]) if title[:1] in _MARKS else Column(title=title)
        for title in titles
    )


class Table(Record):
    """Rows of text, as many cells each as there are columns."""

    block: Literal["table"] = "table"
    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]
    title: str = ""
    note: str = ""
    total: bool = False
    """The last row is the sum of those above."""


class Picture(Record):
    """A figure as SVG, with what it shows in words for those who cannot see it."""

    block: Literal["picture"] = "picture"
    name: str
    svg: str
    caption: str
    alt: str


class Paragraph(Record):
    """Running text."""

    block: Literal["paragraph"] = "paragraph"
    text: str


class Bullets(Record):
    """Short statements of equal rank."""

    block: Literal["bullets"] = "bullets"
    items: tuple[str, ...]


class Callout(Record):
    """One thing that must not be overlooked."""

    block: Literal["callout"] = "callout"
    tone: Tone
    title: str
    text: str


class Listing(Record):
    """Text in which every character counts: commands, hashes, records."""

    block: Literal["listing"] = "listing"
    text: str
    title: str = ""


Block = Annotated[Table | Picture | Paragraph | Bullets | Callout | Listing, Field(discriminator="block")]


class Section(Record):
    """One question and its answer; a section without blocks is never built."""

    title: str
    lead: str = ""
    """The answer in one or two sentences."""
    blocks: tuple[Block, ...] = ()


class KeyFigure(Record):
    """One large number of the first page."""

    value: str
    label: str
    note: str = ""


class Summary(Record):
    """The first page: what to do, what it costs, who signs."""

    verdict: str
    tone: Tone
    paragraph: str
    key_figures: tuple[KeyFigure, ...] = ()
    blocks: tuple[Block, ...] = ()
    signatories: tuple[str, ...] = ()


class Document(Record):
    """A whole report."""

    title: str
    subject: str
    date: str = ""
    made_with: str
    summary: Summary
    sections: tuple[Section, ...] = ()
