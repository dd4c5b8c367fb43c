"""Characters that no font has are spelled; those that Typst draws are left alone."""

import io

import pytest

from reports import glyphs, theme
from reports.document import compose
from reports.names import in_words
from reports.pdf import _drawable, typeset
from reports.sources import Sources
from tests.reports import samples


def missing(text: str) -> frozenset[str]:
    return glyphs.missing(set(text), typeface=theme.TYPEFACE, system_fonts=False)


def test_what_typst_carries_is_not_missing_and_what_it_lacks_is() -> None:
    assert missing("éßŁ Ελ Жя – × ≤ €") == frozenset()
    assert missing("客ジ🚀a") == {"客", "ジ", "🚀"}
    assert missing("") == frozenset()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("チャット", "tiyatuto"),
        ("客服 bot", "U+5BA2 U+670D bot"),
        ("🚀", "(rocket)"),
        ("go ❤️ 👩‍🚀!", "go (heavy black heart) (woman) (rocket)!"),
        ("각", "gag"),
        ("plain", "plain"),
    ],
)
def test_missing_characters_are_spelled_by_their_names(text: str, said: str) -> None:
    odd = [one for one in text if ord(one) > 0x2600 and one not in "\ufe0f\u200d"]
    assert glyphs.spelled(text, odd) == said


def test_a_spelled_text_is_still_json_and_holds_no_missing_character() -> None:
    text, own_fonts = _drawable('{"name": "客服 🚀"}')
    left = glyphs.unusual(text)
    assert not glyphs.missing(left, typeface=theme.TYPEFACE, system_fonts=not own_fonts)
    assert _drawable('{"name": "chat – 2 ×"}') == ('{"name": "chat – 2 ×"}', True)


def test_a_report_names_its_scenario_whatever_the_script() -> None:
    from pypdf import PdfReader

    plan = samples.minimal_plan()
    named = plan.scenario.model_copy(update={"name": "客服 🚀 Ünïcode"})
    document = compose(Sources(plan=plan.model_copy(update={"scenario": named})))
    first = PdfReader(io.BytesIO(typeset(document))).pages[0].extract_text()
    assert "Ünïcode" in first
    assert "(rocket)" in first or "🚀" in first


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("price of nvidia-l4", "price of NVIDIA L4"),
        ("4x nvidia-l40s llama-2-7b FP8 vllm tp4 pp1", "4x NVIDIA L40S Llama 2 7B FP8 vllm tp4"),
        ("ttft_p95 is 509 ms; mmlu 69.4", "TTFT p95 is 509 ms; MMLU 69.4"),
        ("without nvidia-l4, llama-2-7b.", "without NVIDIA L4, Llama 2 7B."),
        ("x 0.5", "× 0.5"),
        ("2 x nvidia-l4: llama-2-7b FP8", "2 × NVIDIA L4: Llama 2 7B FP8"),
        ("max x min", "max x min"),
        ("not-a-device at /data/llama-2-7b/x", "not-a-device at /data/llama-2-7b/x"),
    ],
)
def test_ids_in_a_sentence_become_names(text: str, said: str) -> None:
    assert in_words(text) == said
