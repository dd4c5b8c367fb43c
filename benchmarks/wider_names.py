"""Free text of published tables and the ids of the catalogs; what cannot be told apart is left out."""

import re
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

from planner.imports import named
from tonnage.errors import TonnageError
from workloads import formats

NAMES = Path(__file__).with_name("wider_names.toml")


class Left(Exception):
    """Why a row is left out."""


@cache
def table(name: str) -> dict[str, Any]:
    """Return one table of names."""
    found: dict[str, Any] = tomllib.loads(NAMES.read_text(encoding="utf-8"))[name]
    return found


def device(text: str, *, source: str, assumed: list[str]) -> tuple[str, bool]:
    """Return the catalog id of a device, and whether its processor cores do the work."""
    plain = text.strip().lower()
    on_cores = plain.endswith(" cpu") or plain.startswith("cpu:")
    if f"{source}|{plain}" in table("assumed_devices"):
        found, why = table("assumed_devices")[f"{source}|{plain}"]
        assumed.append(why)
        return found, on_cores
    if plain in table("devices"):
        return table("devices")[plain], on_cores
    try:
        return named.device_id(text, where="row"), on_cores
    except TonnageError:
        raise Left(f"device not in the catalog, or several: {text}") from None


def model(text: str) -> str:
    """Return the catalog id of a model, or of one with the same architecture."""
    plain = re.split(r" \(| \|", text.strip())[0].strip().lower()
    if plain in table("models"):
        return str(table("models")[plain])
    try:
        return named.model_id(re.split(r" \(| \|", text.strip())[0], where="row")
    except TonnageError:
        parts = sorted(table("model_parts"), key=len, reverse=True)
        found = next((table("model_parts")[part] for part in parts if part in plain), "")
        if not found:
            raise Left(f"model not in the catalog: {text}") from None
        return str(found)


def engine(text: str) -> tuple[str, str | None]:
    """Return an engine and its back end, by the longest name that the text starts with."""
    plain = text.strip().lower()
    for name in sorted(table("engines"), key=len, reverse=True):
        if plain.startswith(name):
            found, backend = table("engines")[name]
            return found, backend or None
    raise Left(f"engine without a name of ours: {text}")


def weights(text: str, *, assumed: list[str]) -> str:
    """Return the weight format."""
    plain = text.strip().lower()
    if plain in table("assumed_formats"):
        found, why = table("assumed_formats")[plain]
        assumed.append(why)
        return str(found)
    name = table("formats").get(plain, text.strip())
    if not formats.has(name):
        raise Left(f"weight format not in the catalog, or not stated: {text}")
    return next((known for known in (*formats.ALIASES, *formats.names()) if known == name), name.upper())
