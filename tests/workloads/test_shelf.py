from pathlib import Path

import pytest

from tonnage.errors import FormatError
from workloads import formats, models, offers, quality

OWN = """
["my-model"]
name = "Mine"
family = "mine"
hidden = 64
vocab = 100
[["my-model".blocks]]
count = 2
mixers = [{ kind = "attention", heads = 4, kv_heads = 2, head_dim = 16 }]
feed_forwards = [{ kind = "dense", width = 128 }]

["llama-2-7b"]
max_context = 32768
"""


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TONNAGE_DATA", str(tmp_path))
    return tmp_path


def test_own_models_stand_beside_the_shipped_ones(own: Path) -> None:
    (own / "models.toml").write_text(OWN)
    assert models.get("my-model").layers == 2
    assert "my-model" in models.names()


def test_own_keys_correct_shipped_ones(own: Path) -> None:
    (own / "models.toml").write_text(OWN)
    corrected = models.get("llama-2-7b")
    assert corrected.max_context == 32768
    assert corrected.hidden == 4096


def test_a_key_that_is_not_known_names_file_and_line(own: Path) -> None:
    (own / "models.toml").write_text('["my-model"]\nname = "Mine"\nlayer = 3\n')
    with pytest.raises(FormatError, match=r"models\.toml: line 1: \[my-model\]"):
        models.get("my-model")


def test_own_formats_scores_and_offers_are_read(own: Path) -> None:
    (own / "quality.toml").write_text(
        '[mamba-130m]\nmmlu = [{ percent = 25.0, variant = "base", source = "me" }]\n'
    )
    (own / "offers.toml").write_text(
        'provider = "Me"\n[[offers]]\nmodel = "m"\ninput_usd_per_mtok = 2.0\nas_of = "2026-01-01"\n'
        'status = "listed"\nsource = "me"\n'
    )
    score = quality.score("mamba-130m", "mmlu", weights="BF16")
    assert score is not None
    assert score.value_percent == 25.0
    (mine,) = (offer for offer in offers.offers() if offer.provider == "Me")
    assert mine.input_usd_per_token == 2e-6
    assert len(formats.names()) == 86


def test_an_offers_file_without_a_provider_is_refused(own: Path) -> None:
    (own / "offers.toml").write_text("[[offers]]\n")
    with pytest.raises(FormatError, match="provider"):
        offers.offers()
