"""One table of units: human scales at the edge, SI inside, unknown suffixes refused."""

import math
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from tonnage.errors import InvalidInput

HOURS_PER_MONTH: Final = 730.0
"""Hours in the month that a monthly budget buys (8760 / 12)."""

KEY_SUFFIXES: Final[Mapping[str, tuple[str, float]]] = MappingProxyType(
    {
        # human suffix of a catalog key -> (SI suffix, factor)
        "_gb": ("_bytes", 1e9),
        "_mb": ("_bytes", 1e6),
        "_gib": ("_bytes", 2.0**30),
        "_mib": ("_bytes", 2.0**20),
        "_kib": ("_bytes", 2.0**10),
        "_gbytes_per_s": ("_bytes_per_s", 1e9),
        "_tbytes_per_s": ("_bytes_per_s", 1e12),
        "_tflop_per_s": ("_flop_per_s", 1e12),
        "_gflop_per_s": ("_flop_per_s", 1e9),
        "_gb_per_s": ("_bytes_per_s", 1e9),
        "_ghz": ("_hz", 1e9),
        "_mhz": ("_hz", 1e6),
        "_ms": ("_s", 1e-3),
        "_us": ("_s", 1e-6),
        "_percent": ("_frac", 1e-2),
        "_per_mtok": ("_per_token", 1e-6),
    }
)
"""Decimal prefixes are powers of ten, binary ones (`_gib`) of two. There is no
`gbps`: bits or bytes cannot be told from it."""

SI_SUFFIXES: Final = (
    "_bytes_per_s", "_flop_per_s", "_usd_per_h", "_usd_per_token", "_per_token", "_per_s",
    "_bytes", "_flop", "_usd", "_frac", "_hz", "_s", "_w", "_j", "_h",
)  # fmt: skip

DURATIONS: Final = MappingProxyType(
    {"": 1.0, "s": 1.0, "sec": 1.0, "ms": 1e-3, "us": 1e-6, "min": 60.0, "m": 60.0, "h": 3600.0}
)
SIZES: Final = MappingProxyType(
    {
        "": 1.0, "b": 1.0, "kb": 1e3, "mb": 1e6, "gb": 1e9, "tb": 1e12,
        "kib": 2.0**10, "mib": 2.0**20, "gib": 2.0**30, "tib": 2.0**40,
    }
)  # fmt: skip
COUNTS: Final = MappingProxyType({"": 1.0, "k": 1e3, "m": 1e6})
PER_MONTH: Final = MappingProxyType(
    {"": 1.0, "/month": 1.0, "/mo": 1.0, "/h": HOURS_PER_MONTH, "/hour": HOURS_PER_MONTH,
     "/day": HOURS_PER_MONTH / 24, "/year": 1 / 12}
)  # fmt: skip

_NUMBER = re.compile(r"^\s*\$?\s*([+-]?(?:\d[\d_,]*\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*([A-Za-z/]*)\s*$")


def si_key(key: str, value: float) -> tuple[str, float]:
    """Convert a catalog key with a human unit to its SI key and value.

    Raises
    ------
    InvalidInput
        If the key ends in no unit of the table, or the number exceeds 1.8e308.

    Examples
    --------
    >>> si_key("memory_gib", 2)
    ('memory_bytes', 2147483648.0)
    >>> si_key("bandwidth_gbytes_per_s", 320)
    ('bandwidth_bytes_per_s', 320000000000.0)
    """
    for suffix in sorted(KEY_SUFFIXES, key=len, reverse=True):
        if key.endswith(suffix):
            si_suffix, factor = KEY_SUFFIXES[suffix]
            return key.removesuffix(suffix) + si_suffix, _float(value, key=key) * factor
    if key.endswith(SI_SUFFIXES):
        return key, _float(value, key=key)
    raise InvalidInput(f"key '{key}' ends in no known unit; use one of {', '.join(sorted(KEY_SUFFIXES))}")


def _float(value: float, *, key: str) -> float:
    try:
        return float(value)
    except OverflowError:
        raise InvalidInput(f"key '{key}' holds a whole number of more than 308 digits") from None


def parse(text: str | float, table: Mapping[str, float], *, name: str, unit: str, example: str) -> float:
    """Parse a number with one of the units of `table` into its base unit.

    Raises
    ------
    InvalidInput
        If it is no number, not finite, or has a unit that is not in the table.

    Examples
    --------
    >>> parse("500ms", DURATIONS, name="ttft_p95", unit="seconds", example="500ms")
    0.5
    """
    if isinstance(text, (int, float)) and not isinstance(text, bool):
        return _finite(float(text), name=name, unit=unit)
    match = _NUMBER.match(str(text))
    if not match or match[2].lower() not in table:
        known = ", ".join(key for key in table if key)
        raise InvalidInput(
            f"{name} = '{text}' cannot be read in {unit}; write e.g. {example} (units: {known})"
        )
    value = float(match[1].replace(",", "").replace("_", "")) * table[match[2].lower()]
    return _finite(value, name=name, unit=unit)


def _finite(value: float, *, name: str, unit: str) -> float:
    if not math.isfinite(value):
        raise InvalidInput(f"{name} must be a finite number of {unit}, not {value}")
    return value


def seconds(text: str | float, *, name: str = "duration") -> float:
    """Parse a duration such as `500ms`, `2s`, `5min` [s]."""
    return parse(text, DURATIONS, name=name, unit="seconds", example="500ms")


def size_bytes(text: str | float, *, name: str = "size") -> float:
    """Parse a size such as `24GiB` or `80GB` [bytes]."""
    return parse(text, SIZES, name=name, unit="bytes", example="24GiB")


def count(text: str | float, *, name: str = "count", unit: str = "items") -> float:
    """Parse a count such as `4096`, `32k`, `1M`; k is 1000."""
    return parse(text, COUNTS, name=name, unit=unit, example="32k")


def usd_per_month(text: str | float, *, name: str = "budget") -> float:
    """Parse a budget such as `20000/month` or `27.4/h` [USD per month of 730 h]."""
    return parse(text, PER_MONTH, name=name, unit="USD per month", example="20000/month")


def human(value: float | None, unit: str, *, digits: int = 3) -> str:
    """Format an SI number for people: `human(3.2e11, 'B/s')` is '320 GB/s'.

    Bytes use decimal prefixes; seconds go down to ns; None is 'unknown'.
    """
    if value is None:
        return "unknown"
    if value == 0 or not math.isfinite(value):
        return f"{value:g} {unit}".strip()
    prefixes = {-3: "n", -2: "µ", -1: "m", 0: "", 1: "k", 2: "M", 3: "G", 4: "T", 5: "P", 6: "E"}
    low, high = (-3, 0) if unit == "s" else (0, 6)
    power = min(max(math.floor(math.log10(abs(value)) / 3 + 1e-12), low), high)
    scaled = value / 1000.0**power
    if abs(float(f"{scaled:.{digits}g}")) >= 1000 and power < high:
        power, scaled = power + 1, scaled / 1000
    return f"{_significant(scaled, digits)} {prefixes[power]}{unit}".strip()


def gib(value_bytes: float | None) -> str:
    """Format memory in GiB, the unit in which drivers report it."""
    return "unknown" if value_bytes is None else f"{value_bytes / 2**30:.1f} GiB"


def _significant(value: float, digits: int) -> str:
    rounded = float(f"{value:.{digits}g}")
    return f"{rounded:.0f}" if abs(rounded) >= 10 ** (digits - 1) else f"{rounded:g}"
