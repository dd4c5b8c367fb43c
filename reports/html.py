"""Content as one HTML file: no scripts, nothing fetched, figures inline, light or dark."""

import re
from html import escape
from pathlib import Path

from reports import theme
from reports.content import (
    Block,
    Bullets,
    Callout,
    Document,
    Kind,
    Listing,
    Paragraph,
    Picture,
    Section,
    Summary,
    Table,
    Tone,
)
from tonnage.evidence import Evidence

STYLE = Path(__file__).parent / "templates" / "report.css"
TONES = {Tone.GOOD: theme.GREEN, Tone.CAUTION: theme.ORANGE, Tone.STOP: theme.VERMILION}
ROLES = {
    theme.INK: "ink",
    theme.MUTED: "muted",
    theme.GRID: "rule",
    theme.TRACK: "track",
    theme.ACCENT: "bar",
}
"""Colours of figures that follow the page into the dark; those of data stay."""


def render(document: Document) -> str:
    """Return the document as one self-contained HTML page."""
    title = escape(f"{document.title}: {document.subject}")
    subject = " · ".join(part for part in (document.subject, document.date) if part)
    numbered = list(enumerate(document.sections, start=1))
    contents = "".join(f'<a href="#s{index}">{escape(one.title)}</a>' for index, one in numbered)
    parts = [
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{title}</title>\n<style>\n{STYLE.read_text(encoding='utf-8')}</style>\n</head>\n<body>\n<main>",
        f'<p class="eyebrow">{escape(document.title)}</p>\n<p class="subject">{escape(subject)}</p>',
        _summary(document.summary),
        f"<nav>{contents}</nav>",
        _signatures(document.summary.signatories),
        *(_section(one, f"s{index}") for index, one in numbered),
        f'<p class="made">{escape(document.made_with)}</p>\n</main>\n</body>\n</html>\n',
    ]
    return "\n".join(parts)


def _summary(summary: Summary) -> str:
    figures = "".join(
        f"<div><dd>{escape(one.value)}</dd><dt>{escape(one.label)}{_second_line(one.note)}</dt></div>"
        for one in summary.key_figures
    )
    return "\n".join(
        [
            f'<h1>{escape(summary.verdict)}</h1>\n<p class="recommendation">{escape(summary.paragraph)}</p>',
            f'<dl class="figures">{figures}</dl>' if figures else "",
            *map(block, summary.blocks),
        ]
    )


def _signatures(titles: tuple[str, ...]) -> str:
    places = "".join(f"<div>{escape(one)}: name, signature, date</div>" for one in titles)
    return f'<div class="signatures">{places}</div>' if places else ""


def _second_line(note: str) -> str:
    return f"<br>{escape(note)}" if note else ""


def _section(section: Section, anchor: str) -> str:
    lead = f"<p>{escape(section.lead)}</p>" if section.lead else ""
    body = "\n".join(map(block, section.blocks))
    return f'<section id="{anchor}">\n<h2>{escape(section.title)}</h2>\n{lead}\n{body}\n</section>'


def block(one: Block) -> str:
    """Return one block; every text in it is escaped."""
    match one:
        case Table():
            return _table(one)
        case Picture():
            return _picture(one)
        case Paragraph():
            return f"<p>{escape(one.text)}</p>"
        case Bullets():
            return "<ul>" + "".join(f"<li>{escape(item)}</li>" for item in one.items) + "</ul>"
        case Callout():
            words = f"<p><strong>{escape(one.title)}</strong></p><p>{escape(one.text)}</p>"
            return f'<div class="callout" style="--level: {TONES[one.tone]}">{words}</div>'
        case Listing():
            return f"{_title(one.title)}<pre>{escape(one.text)}</pre>"


def _title(words: str) -> str:
    return f"<h3>{escape(words)}</h3>" if words else ""


def _table(table: Table) -> str:
    kinds = [column.kind for column in table.columns]
    head = "".join(
        f'<th scope="col" class="{column.kind}">{escape(column.title)}</th>' for column in table.columns
    )
    last = len(table.rows) - 1
    body = "".join(
        f'<tr class="{"total" if table.total and index == last else "row"}">{_cells(row, kinds)}</tr>\n'
        for index, row in enumerate(table.rows)
    )
    note = f'<p class="note">{escape(table.note)}</p>' if table.note else ""
    grid = f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}</tbody>\n</table>"
    return f'{_title(table.title)}<div class="scroll">{grid}</div>{note}'


def _cells(row: tuple[str, ...], kinds: list[Kind]) -> str:
    return "".join(
        f'<td class="{kind}">{_badge(words) if kind is Kind.EVIDENCE else escape(words)}</td>'
        for words, kind in zip(row, kinds, strict=True)
    )


def _badge(word: str) -> str:
    levels = {level.value: tone for level, tone in theme.EVIDENCE_COLOURS.items()}
    if word not in set(Evidence):
        return escape(word)
    return f'<span class="badge" style="--level: {levels[word]}">{escape(word)}</span>'


def _picture(picture: Picture) -> str:
    drawing = theme.with_lengths(picture.svg[picture.svg.index("<svg") :])
    for colour, role in ROLES.items():
        drawing = drawing.replace(colour, f"var(--{role})")
    drawing = re.sub(r' (?:width|height)="[\d.]+pt"', "", drawing, count=2)
    drawing = drawing.replace("<svg ", f'<svg role="img" aria-label="{escape(picture.alt)}" ', 1)
    return f"<figure>\n{drawing}\n<figcaption>{escape(picture.caption)}</figcaption>\n</figure>"
