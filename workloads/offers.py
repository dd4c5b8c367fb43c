"""Hosted APIs: what a provider asks per token for a model, and how fresh the figure is."""

from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Any

from pydantic import Field

from tonnage.errors import FormatError, InvalidInput
from tonnage.files import Record
from tonnage.toml_text import read_toml
from tonnage.units import si_key
from workloads import shelf


class OfferStatus(StrEnum):
    """How current a price is."""

    LISTED = "listed"
    """In the newest copy of its source."""
    RETAINED = "retained"
    """Kept by a source that keeps retired models."""
    SUPERSEDED = "superseded"
    """A later price of the same offer is known."""
    HISTORIC = "historic"
    """Seen once; nobody confirmed it since."""


class Offer(Record):
    """One model at one provider on one date.

    Attributes
    ----------
    model : str
        The name it is sold under.
    model_id : str or None
        Catalog id of the open weights, where the name tells which.
    input_usd_per_token, output_usd_per_token : float or None
        Prices. [USD/token]
    cached_input_usd_per_token : float or None
        Price of prompt tokens that the provider has cached.
    mmlu, mmlu_pro : float or None
        Published scores in percent.
    suspect : str or None
        Why the price is doubtful.
    """

    provider: str
    model: str
    model_id: str | None = None
    input_usd_per_token: float | None = Field(default=None, ge=0)
    output_usd_per_token: float | None = Field(default=None, ge=0)
    cached_input_usd_per_token: float | None = Field(default=None, ge=0)
    context_tokens: int | None = Field(default=None, ge=1)
    as_of: str
    status: OfferStatus
    suspect: str | None = None
    mmlu: float | None = Field(default=None, ge=0, le=100)
    mmlu_pro: float | None = Field(default=None, ge=0, le=100)
    quality_source: str | None = None
    source: str
    notes: str | None = None

    @property
    def is_current(self) -> bool:
        """True for a listed price that nothing speaks against."""
        return self.status is OfferStatus.LISTED and self.suspect is None


def offers() -> tuple[Offer, ...]:
    """Return every offer of the catalog and of the user's own files, current and past."""
    return _offers(shelf.folders())


@lru_cache(maxsize=8)
def _offers(_folders: tuple[Path, ...]) -> tuple[Offer, ...]:
    return tuple(offer for path in shelf.files("offers") for offer in _read(path))


def _read(path: Path) -> tuple[Offer, ...]:
    table = read_toml(path)
    provider, rows = table.get("provider"), table.get("offers", [])
    if not isinstance(provider, str) or not isinstance(rows, list):
        raise FormatError(f"{path}: an offers file has a provider and a list of [[offers]]")
    return tuple(
        _offer(provider, row, where=f"{path}: offer {number}") for number, row in enumerate(rows, start=1)
    )


def _offer(provider: str, row: object, *, where: str) -> Offer:
    try:
        table = _si(row)
    except InvalidInput as problem:
        raise FormatError(f"{where}: {problem}") from None
    return Offer.parse({"provider": provider, **table}, where=where)


def _si(row: object) -> dict[str, Any]:
    """Bring prices per million tokens to prices per token; what is no number is left for validation."""
    if not isinstance(row, dict):
        return {"offer": row}
    return dict(
        si_key(key, value) if key.endswith("_per_mtok") and isinstance(value, int | float) else (key, value)
        for key, value in row.items()
    )
