"""Plans with prefill and decode units on paper: who reads, who writes, how long caches take."""

import re
from io import BytesIO

import pytest
from pypdf import PdfReader

from reports.content import Document, Section
from reports.document import compose
from reports.html import render
from reports.pdf import typeset
from reports.sources import Sources
from reports.tables.handovers import handovers
from tests.planner.deploy.plans import plan, split, unit


def of_title(document: Document, title: str) -> Section:
    return next(section for section in document.sections if section.title == title)


@pytest.fixture(scope="module")
def composed() -> Document:
    return compose(Sources(plan=split("vllm", unit(share={"chat": 0.25}), share=0.75)))


def test_each_way_names_the_lines_of_the_bill() -> None:
    table = handovers(split("vllm", unit(share={"chat": 0.25}), share=0.75))
    assert [row[:4] for row in table.rows] == [("A", "B", "chat", "75 %"), ("A", "B", "batch", "100 %")]
    assert [row[4:] for row in table.rows] == [("10 ms", "infiniband-ndr"), ("20 ms", "infiniband-ndr")]
    assert handovers(plan(unit())).rows == ()


def test_the_report_shows_ways_and_roles(composed: Document) -> None:
    pages = PdfReader(BytesIO(typeset(composed, created_at="2026-11-28T10:15:00+00:00"))).pages
    text = re.sub(r"[\s\u200b\u00ad]", "", "".join(page.extract_text() for page in pages))
    for words in ("Prefill and decode apart", "infiniband-ndr", "(prefill)", "(decode)", "10 ms"):
        assert words.replace(" ", "") in text.replace("ﬁ", "fi").replace("ﬀ", "ff").replace("ﬃ", "ffi")
    assert "Prefill and decode apart" in render(composed)


def test_plans_of_whole_units_say_nothing_of_it() -> None:
    whole = compose(Sources(plan=plan(unit())))
    assert "Prefill and decode apart" not in render(whole)
    assert of_title(whole, "The plan")
