import re
from html.parser import HTMLParser
from io import BytesIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pypdf import PdfReader

from reports.content import Document, Table
from reports.document import compose, write_report
from reports.html import render
from reports.pdf import typeset
from reports.sources import Sources
from tests.reports import samples
from tonnage.errors import FileProblem
from tonnage.evidence import Evidence

PLANS = ("full_plan", "infeasible_plan", "api_plan", "minimal_plan", "long_name_plan")


def squeezed(text: str) -> str:
    """Text without what typesetting adds: line breaks, spaces, break opportunities, ligatures."""
    for ligature, letters in {"ffi": "ffi", "ffl": "ffl", "ff": "ff", "fi": "fi", "fl": "fl"}.items():
        text = text.replace(ligature, letters)
    return re.sub(r"[\s\u200b\u00ad]", "", text)


def text_of(pdf: bytes) -> str:
    return squeezed("".join(page.extract_text() for page in PdfReader(BytesIO(pdf)).pages))


class Words(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.data: list[str] = []
        self.tags: set[str] = set()

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)

    def handle_data(self, data):
        self.data.append(data)


def words_of(page: str) -> tuple[str, set[str]]:
    parser = Words()
    parser.feed(page)
    return squeezed("".join(parser.data)), parser.tags


def cells(document: Document) -> list[str]:
    blocks = [*document.summary.blocks, *(one for section in document.sections for one in section.blocks)]
    return [cell for one in blocks if isinstance(one, Table) for row in one.rows for cell in row]


def full() -> Sources:
    return Sources(plan=samples.full_plan(), profile=samples.profile(), model=samples.model())


@pytest.fixture(scope="module")
def composed() -> Document:
    return compose(full())


@pytest.fixture(scope="module")
def pdf(composed: Document) -> bytes:
    return typeset(composed, created_at="2026-11-23T10:15:00+00:00")


def test_every_section_and_every_number_is_in_the_pdf(composed, pdf):
    text = text_of(pdf)
    for section in composed.sections:
        assert squeezed(section.title) in text
    for number in composed.summary.key_figures:
        assert squeezed(number.value) in text
    assert [cell for cell in cells(composed) if squeezed(cell) not in text] == []


def test_the_page_shows_the_same_numbers_as_the_pdf(composed):
    text, tags = words_of(render(composed))
    assert [cell for cell in cells(composed) if squeezed(cell) not in text] == []
    assert {"svg", "table", "nav"} <= tags


def test_the_page_needs_nothing_but_itself(composed):
    page = render(composed)
    assert not {"script", "link", "img", "iframe"} & words_of(page)[1]
    assert "@import" not in page
    assert set(re.findall(r'https?://[^"\s<]+', page)) <= {
        "http://www.w3.org/2000/svg",
        "http://www.w3.org/1999/xlink",
        "http://purl.org/dc/elements/1.1/",
        "http://creativecommons.org/ns#",
        "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
        "http://purl.org/dc/dcmitype/StillImage",
    }


def test_ids_are_given_once_in_the_page(composed):
    ids = re.findall(r' id="([^"]+)"', render(composed))
    assert len(ids) == len(set(ids))


def test_the_same_records_give_the_same_bytes(composed, pdf):
    assert typeset(compose(full()), created_at="2026-11-23T10:15:00+00:00") == pdf


def test_the_pdf_names_itself_and_its_sections(composed, pdf):
    reader = PdfReader(BytesIO(pdf))
    assert reader.metadata is not None
    assert reader.metadata.title == f"Capacity report: {composed.subject}"
    titles = [squeezed(str(one.title)) for entry in reader.outline for one in _flat(entry)]
    assert set(map(squeezed, (section.title for section in composed.sections))) <= set(titles)


def _flat(entry):
    return [one for part in entry for one in _flat(part)] if isinstance(entry, list) else [entry]


@pytest.mark.parametrize("name", PLANS)
def test_every_kind_of_plan_makes_a_report_without_empty_parts(name):
    document = compose(Sources(plan=getattr(samples, name)()))
    assert all(section.blocks for section in document.sections)
    assert all(one.rows for section in document.sections for one in section.blocks if isinstance(one, Table))
    text = text_of(typeset(document))
    assert squeezed(document.summary.verdict) in text
    assert all(level.value in text for level in Evidence)


def test_a_plan_that_cannot_be_says_what_binds_and_what_would_help():
    text = text_of(typeset(compose(Sources(plan=samples.infeasible_plan()))))
    assert "$500areallowed" in text
    assert squeezed("7,957 USD/month") in text


def test_markup_in_names_is_text():
    document = compose(Sources(plan=samples.long_name_plan()))
    assert squeezed("<script>alert(1)</script> & #let x = 1 $ y $") in text_of(typeset(document))
    page, tags = words_of(render(document))
    assert "script" not in tags
    assert squeezed("<script>alert(1)</script> & #let x = 1 $ y $") in page


@settings(max_examples=8, deadline=None)
@given(data=st.data())
def test_any_selection_of_parts_makes_a_report(data):
    plan = samples.full_plan()
    lists = ("units", "api", "binding", "sensitivity", "alternatives", "rejected", "assumptions")
    update = {name: data.draw(st.sampled_from([(), getattr(plan, name)[:1]]), label=name) for name in lists}
    prices = ("cost_usd_per_h", "cost_usd_per_month", "cost_usd_per_mtok")
    update |= {name: data.draw(st.sampled_from([None, 0.0, 1e7]), label=name) for name in prices}
    document = compose(Sources(plan=plan.model_copy(update=update)))
    assert typeset(document).startswith(b"%PDF")
    assert render(document).endswith("</html>\n")


def test_nothing_is_written_where_one_of_two_files_cannot_be(tmp_path):
    with pytest.raises(FileProblem, match="does not exist"):
        write_report(samples.minimal_plan(), pdf=tmp_path / "a.pdf", html=tmp_path / "no" / "a.html")
    assert list(tmp_path.iterdir()) == []


def test_text_without_a_glyph_in_the_typeface_does_not_stop_the_report():
    scenario = samples.SCENARIO.model_copy(update={"name": "容量 計画 🚢 \u0000"})
    document = compose(Sources(plan=samples.full_plan().model_copy(update={"scenario": scenario})))
    assert typeset(document).startswith(b"%PDF")
