from pathlib import Path

import pytest

from tonnage.errors import FormatError
from workloads import models
from workloads.offers import OfferStatus, offers


def test_every_offer_is_sourced_and_priced_per_token() -> None:
    assert len(offers()) == 349
    assert len({offer.provider for offer in offers()}) == 25
    for offer in offers():
        assert offer.source
        for price in (offer.input_usd_per_token, offer.output_usd_per_token):
            assert price is None or 0 <= price < 1e-3


def test_ids_are_of_the_catalog() -> None:
    ids = {offer.model_id for offer in offers()} - {None}
    assert len(ids) > 40
    assert ids <= set(models.names())


def test_doubtful_and_old_prices_are_marked() -> None:
    doubtful = [offer for offer in offers() if offer.suspect]
    assert len(doubtful) == 4
    assert not any(offer.is_current for offer in doubtful)
    assert {offer.status for offer in offers()} == set(OfferStatus)


def test_a_cached_prompt_costs_no_more_than_a_new_one() -> None:
    for offer in offers():
        cached, new = offer.cached_input_usd_per_token, offer.input_usd_per_token
        assert cached is None or new is None or cached <= new, offer


def test_a_hostile_file_of_the_user_is_refused_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer = 'provider = "p"\n[[offers]]\nmodel = "m"\nas_of = "2025"\nstatus = "listed"\nsource = "s"\n'
    hostile = {
        "digits": offer + "input_usd_per_mtok = " + "9" * 5000,
        "overflow": offer + "input_usd_per_mtok = " + "9" * 400,
        "infinite": offer + "input_usd_per_mtok = inf",
        "negative": offer + "input_usd_per_mtok = -1",
        "text": offer + 'input_usd_per_mtok = "cheap"',
        "depth": "offers = " + "[" * 20_000,
        "no table": 'provider = "p"\noffers = [1, 2]',
    }
    for name, text in hostile.items():
        folder = tmp_path / name
        folder.mkdir()
        (folder / "offers.toml").write_text(text, encoding="utf-8")
        monkeypatch.setenv("TONNAGE_DATA", str(folder))
        with pytest.raises(FormatError, match=r"offers\.toml: ") as refused:
            offers()
        assert len(str(refused.value)) < 400, name
