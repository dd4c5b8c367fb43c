"""Values of a scenario as people write them: numbers, units, token length distributions."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from tonnage import units
from tonnage.errors import InvalidInput, UnknownName
from tonnage.evidence import Z90
from tonnage.files import positive

Z95: Final = 1.6448536269514722
"""Standard normal quantile of 0.95."""

RATES: Final = MappingProxyType(
    {"": 1.0, "/s": 1.0, "rps": 1.0, "qps": 1.0, "/min": 1 / 60, "/h": 1 / 3600, "/day": 1 / 86400}
)

OTHER_CURRENCIES: Final = ("€", "£", "¥", "₹", "EUR", "GBP", "JPY", "CNY", "RMB", "INR", "CHF")

PLAUSIBLE_S: Final = MappingProxyType({"ttft": 60.0, "tpot": 5.0, "e2e": 3600.0})
"""A larger limit without a unit is taken for milliseconds written as seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Length:
    """Tokens of a prompt or an answer: the mean and, where known, the 95th percentile."""

    mean: float
    p95: float | None = None


def table(value: object, known: Sequence[str], *, where: str) -> dict[str, object]:
    """Return a TOML table whose keys are all known.

    Raises
    ------
    InvalidInput
        If it is no table.
    UnknownName
        Listing the near names of the first key that is not known.
    """
    if not isinstance(value, Mapping):
        raise InvalidInput(f"{where} must be a table, not {value!r}")
    for key in value:
        if key not in known:
            raise UnknownName(f"key in {where}", str(key), known)
    return dict(value)


def tables(value: object, *, where: str) -> list[object]:
    """Return an array of tables as a list."""
    if not isinstance(value, list):
        raise InvalidInput(f"{where} must be an array of tables, not {value!r}")
    return value


def number(value: object, *, where: str) -> str | float:
    """Return a value that may be a number, or text with a unit, for a units parser."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise InvalidInput(f"{where} must be a number, not {value!r}")
    return value


def rate(value: object, *, where: str, or_zero: bool = False) -> float:
    """Read an arrival rate such as 20, "20/s" or "1200/min" [requests/s]."""
    given = number(value, where=where)
    parsed = units.parse(given, RATES, name=where, unit="requests per second", example="20/s")
    return 0.0 if or_zero and parsed == 0 else positive(parsed, name=where, unit="requests per second")


def limit_s(value: object, *, where: str) -> float:
    """Read a latency limit such as 0.5 or "500ms" [s].

    Raises
    ------
    InvalidInput
        If it is not positive, or has no unit and is so large that milliseconds
        must have been meant.
    """
    given = number(value, where=where)
    seconds = positive(units.seconds(given, name=where), name=where, unit="seconds")
    largest = PLAUSIBLE_S[next(key for key in PLAUSIBLE_S if f".{key}" in f".{where}")]
    has_unit = isinstance(given, str) and given.strip()[-1:].isalpha()
    if seconds > largest and not has_unit:
        raise InvalidInput(
            f'{where} = {given} is {seconds:g} seconds; write "{seconds:g}ms" if milliseconds are meant, '
            f'"{seconds:g}s" if not'
        )
    return seconds


def percent(value: object, *, where: str) -> float:
    """Read a benchmark score between 0 and 100."""
    parsed = units.parse(
        number(value, where=where), {"": 1.0}, name=where, unit="percent (0 to 100)", example="75"
    )
    if not 0 <= parsed <= 100:
        raise InvalidInput(f"{where} must be between 0 and 100 percent, not {parsed:g}")
    return parsed


def share(value: object, *, where: str) -> float:
    """Read a plain number."""
    return units.parse(number(value, where=where), {"": 1.0}, name=where, unit="1", example="0.9")


def usd_per_month(value: object, *, where: str) -> float:
    """Read a budget such as 20000, "20000/month" or "27.4/h" [USD per month of 730 h]."""
    return positive(
        units.usd_per_month(_dollars(value, where=where), name=where), name=where, unit="USD per month"
    )


def usd_per_h(value: object, *, where: str, or_zero: bool = False, unit: str = "USD/h") -> float:
    """Read a price such as 1.01 or "1.01/h" [USD/h], or in another unit that goes without saying."""
    given = _dollars(value, where=where)
    per = {"": 1.0, "/" + unit.split("/")[1].lower(): 1.0, "/hour": 1.0}
    parsed = units.parse(given, per, name=where, unit=unit, example="1.01")
    return 0.0 if or_zero and parsed == 0 else positive(parsed, name=where, unit=unit)


def usd(value: object, *, where: str) -> float:
    """Read a sum such as 25000 or "25k" [USD]."""
    parsed = units.count(_dollars(value, where=where), name=where, unit="USD")
    return positive(parsed, name=where, unit="USD")


def part(value: object, *, where: str) -> float:
    """Read a plain number or percent: 0.05 or "5%"."""
    if isinstance(value, str) and value.strip().endswith("%"):
        return share(value.strip().removesuffix("%"), where=where) / 100
    return share(value, where=where)


def fraction(value: object, *, where: str) -> float:
    """Read a part of a whole: at least 0 and below 1."""
    parsed = share(value, where=where)
    if not 0 <= parsed < 1:
        raise InvalidInput(f"{where} must be at least 0 and below 1, not {parsed:g}")
    return parsed


def not_negative(value: object, *, where: str) -> float:
    """Read a number of at least 0."""
    parsed = share(value, where=where)
    if parsed < 0:
        raise InvalidInput(f"{where} must be at least 0, not {parsed:g}")
    return parsed


def _dollars(value: object, *, where: str) -> str | float:
    given = number(value, where=where)
    if isinstance(given, str) and any(mark in given.upper() for mark in OTHER_CURRENCIES):
        raise InvalidInput(f"{where} = '{given}' is not in US dollars; convert it, e.g. 20000/month")
    return given


def whole(value: object, *, where: str, at_least: int) -> int:
    """Read a whole number with a lower limit."""
    parsed = units.count(number(value, where=where), name=where)
    if parsed != int(parsed) or parsed < at_least:
        raise InvalidInput(f"{where} must be a whole number of at least {at_least}, not {parsed:g}")
    return int(parsed)


def text(value: object, *, where: str) -> str:
    """Read a name that is not empty."""
    if not isinstance(value, str) or not value.strip():
        raise InvalidInput(f"{where} must be a name, not {value!r}")
    return value.strip()


def flag(value: object, *, where: str) -> bool:
    """Read true or false."""
    if not isinstance(value, bool):
        raise InvalidInput(f"{where} must be true or false, not {value!r}")
    return value


def names(value: object, *, where: str) -> tuple[str, ...]:
    """Read a list of ids or globs; a single one may stand without brackets."""
    listed = [value] if isinstance(value, str) else value
    if not isinstance(listed, list):
        raise InvalidInput(f"{where} must be a list of names, not {value!r}")
    return tuple(text(item, where=where) for item in listed)


def length(value: object, *, where: str) -> Length:
    """Read tokens per request: a number, "4k", or { mean, p50, p90, p95 }.

    Notes
    -----
    What is missing is that of the log-normal through the median and the
    highest percentile given: mean = p50 exp(s^2 / 2), p95 = p50 exp(1.645 s).
    """
    if not isinstance(value, Mapping):
        return Length(mean=_tokens(value, where=where))
    given = table(value, ("mean", "p50", "p90", "p95"), where=where)
    tokens = {key: _tokens(item, where=f"{where}.{key}") for key, item in given.items()}
    ordered = [tokens[key] for key in ("p50", "p90", "p95") if key in tokens]
    if ordered != sorted(ordered):
        raise InvalidInput(f"{where}: percentiles must grow, not {tokens}")
    sigma_log = _sigma_log(tokens)
    mean = tokens.get("mean")
    if mean is None:
        if "p50" not in tokens:
            raise InvalidInput(f"{where} needs its mean or its p50, e.g. {{ mean = 1024 }}")
        mean = tokens["p50"] * math.exp((sigma_log or 0.0) ** 2 / 2)
    p95 = tokens.get("p95")
    if p95 is None and sigma_log is not None:
        p95 = tokens["p50"] * math.exp(Z95 * sigma_log)
    return Length(mean=mean, p95=p95)


def _sigma_log(tokens: Mapping[str, float]) -> float | None:
    for key, quantile in (("p95", Z95), ("p90", Z90)):
        if "p50" in tokens and key in tokens:
            return math.log(tokens[key] / tokens["p50"]) / quantile
    return None


def _tokens(value: object, *, where: str) -> float:
    tokens = units.count(number(value, where=where), name=where, unit="tokens")
    if tokens < 1:
        raise InvalidInput(f"{where} must be at least 1 token, not {tokens:g}")
    return tokens
