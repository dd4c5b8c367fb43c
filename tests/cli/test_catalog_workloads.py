"""`tonnage catalog models|formats|offers|quality` and `show` of every kind, as a user meets them."""

import json

import pytest

from tonnage.cli import main


def told(capsys: pytest.CaptureFixture[str], *words: str):
    assert main(["catalog", *words, "--json"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    return json.loads(out)


def test_models_are_listed_by_pattern_and_family(capsys: pytest.CaptureFixture[str]) -> None:
    (model,) = told(capsys, "models", "llama-3.1-8*")
    assert model["total_params"] == pytest.approx(8.030261248e9)  # model card: 8.03 B
    assert model["layers"] == 32
    assert {one["family"] for one in told(capsys, "models", "--family", "Mamba")} == {"mamba"}


def test_formats_are_found_by_short_name_and_engine(capsys: pytest.CaptureFixture[str]) -> None:
    assert [one["id"] for one in told(capsys, "formats", "NVFP4")["weights"]] == ["NVFP4_W4A4"]
    assert {one["id"] for one in told(capsys, "formats", "fp8")["weights"]} >= {"FP8_W8A8", "FP8_BLOCK128"}
    loaded = told(capsys, "formats", "--engine", "llama.cpp")
    assert "Q4_K_M" in {one["id"] for one in loaded["weights"]}
    assert all("llama.cpp" in one["engines"] for one in (*loaded["weights"], *loaded["kv_caches"]))


def test_past_offers_are_shown_when_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    now = told(capsys, "offers", "--provider", "groq")
    ever = told(capsys, "offers", "--provider", "groq", "--past")
    assert {one["provider"] for one in ever} == {"Groq"}
    assert len(now) < len(ever)
    assert {one["status"] for one in now} == {"listed"}


def test_quality_takes_off_what_a_format_costs(capsys: pytest.CaptureFixture[str]) -> None:
    def mmlu(*words: str) -> float:
        rows = told(capsys, "quality", "llama-3.1-8b", *words)
        return next(row["value_percent"] for row in rows if row["benchmark"] == "mmlu")

    assert mmlu() > mmlu("--weights", "Q4_K_M") > mmlu("--weights", "Q2_K")


@pytest.mark.parametrize(
    ("text", "key", "value"),
    [
        ("nvidia-l4", "id", "nvidia-l4"),
        ("RTX 4090 24GB", "id", "nvidia-rtx-4090"),
        ("mixtral-8x7b", "id", "mixtral-8x7b"),
        ("fp8", "id", "FP8_W8A8"),
        ("kv_fp8", "id", "KV_FP8"),
    ],
)
def test_show_finds_an_entry_of_any_kind(
    capsys: pytest.CaptureFixture[str], text: str, key: str, value: str
) -> None:
    assert told(capsys, "show", text)[key] == value


def test_show_finds_hosts_and_offers_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert {one["name"] for one in told(capsys, "show", "g6.xlarge")} == {"g6.xlarge"}
    assert {one["provider"] for one in told(capsys, "show", "claude-3-5-haiku")} >= {"Anthropic"}


@pytest.mark.parametrize("words", ["models qwen3", "offers llama", "quality", "devices", "instances"])
def test_no_figure_is_cut_on_a_narrow_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, words: str
) -> None:
    """Every word of the narrow view stands in the wide one too, unless a column was left out."""
    monkeypatch.setenv("COLUMNS", "200")
    assert main(["catalog", *words.split()]) == 0
    wide = set(capsys.readouterr().out.split())
    monkeypatch.setenv("COLUMNS", "80")
    assert main(["catalog", *words.split()]) == 0
    narrow = capsys.readouterr().out
    table = narrow.split("─\n")[-1].rsplit("left out", 1)[0].splitlines()
    figures = {word for line in table if "; " not in line for word in line.split()}
    assert figures and figures <= wide | {"unknown"}


@pytest.mark.parametrize(
    "text", ["mixtral-8x7b", "zamba2-7b", "Q4_K_M", "IQ2_S", "KV_FP8", "g6.xlarge", "gpt-4o"]
)
def test_show_for_people_names_sources(capsys: pytest.CaptureFixture[str], text: str) -> None:
    assert main(["catalog", "show", text]) == 0
    assert "Sources" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("models --family lama", "unknown family 'lama'; near names: llama"),
        ("formats --engine vlm", "near names: vllm"),
        ("offers --provider grok", "near names: Groq"),
        ("quality --weights Q4_K_X", "near names: Q4_K"),
        ("show llama-3.1-9b", "near names: llama-3.1-8b"),
        ("devices --vendor nvidai", "unknown vendor 'nvidai'; near names: NVIDIA"),
    ],
)
def test_a_wrong_word_is_one_line(capsys: pytest.CaptureFixture[str], words: str, says: str) -> None:
    assert main(["catalog", *words.split()]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert says in err
