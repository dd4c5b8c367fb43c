"""Numbers as people read them: one prefix per interval, money, shares, counts; unknown says so."""

import math
from collections.abc import Sequence

from tonnage.evidence import Quantiles
from tonnage.units import human

UNKNOWN = "unknown"

_PREFIXES = {
    "n": 1e-9, "µ": 1e-6, "m": 1e-3, "": 1.0, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15, "E": 1e18,
}  # fmt: skip
_PREFIXED_UNITS = frozenset({"s", "B", "B/s", "FLOP", "FLOP/s", "W", "J", "Hz"})
"""Units that take k, M, m ...; requests and tokens are written out."""


def interval(quantiles: Quantiles | None, unit: str, *, digits: int = 3) -> str:
    """Format an 80 % interval with its median, all three on one scale.

    Parameters
    ----------
    quantiles : Quantiles or None
        In the base unit: seconds for "s", bytes per second for "B/s".
    unit : str
        Base unit; the prefix of the median is put before it.
    digits : int
        Significant digits of the median; its neighbours get as many decimals.

    Examples
    --------
    >>> interval(Quantiles(p10=0.0101, p50=0.0123, p90=0.015), "s")
    '12.3 ms (10.1 to 15.0)'
    >>> interval(None, "s")
    'unknown'
    """
    if quantiles is None:
        return UNKNOWN
    prefix, factor = _scale(quantiles.p50, unit)
    decimals = _decimals(quantiles.p50 / factor, digits)
    low, middle, high = (fixed(q / factor, decimals) for q in (quantiles.p10, quantiles.p50, quantiles.p90))
    shown = f"{middle} {prefix}{unit}".strip()
    return shown if quantiles.p10 == quantiles.p90 else f"{shown} ({low} to {high})"


def quantity(value: float | None, unit: str, *, digits: int = 3) -> str:
    """Format one number with its unit, with a prefix where the unit takes one.

    Examples
    --------
    >>> quantity(3.2e11, "B/s"), quantity(0.5, "s"), quantity(1500, "tokens/s")
    ('320 GB/s', '500 ms', '1,500 tokens/s')
    """
    if value is None or unit in _PREFIXED_UNITS:
        return human(value, unit, digits=digits)
    return f"{count(value)} {unit}"


def _scale(value: float, unit: str) -> tuple[str, float]:
    """Return the prefix that `human` would pick, and its factor."""
    if unit not in _PREFIXED_UNITS:
        return "", 1.0
    prefix = human(value, unit).partition(" ")[2].removesuffix(unit)
    return prefix, _PREFIXES[prefix]


def _decimals(value: float, digits: int) -> int:
    if value == 0 or not math.isfinite(value):
        return 0
    return max(0, digits - 1 - math.floor(math.log10(abs(value)) + 1e-12))


def fixed(value: float, decimals: int) -> str:
    """Format with fixed decimals and thousands separators; a small number never becomes zero.

    Examples
    --------
    >>> fixed(12345.6, 1), fixed(0.0042, 1)
    ('12,345.6', '0.0042')
    """
    if value != 0 and abs(value) <= 0.5 * 10.0**-decimals:
        return f"{value:.2g}"
    return f"{value:,.{decimals}f}"


def usd(value: float | None, *, decimals: int | None = None) -> str:
    """Format an amount of money: cents below 100 USD, more digits below 1 USD.

    Examples
    --------
    >>> usd(19876.4), usd(2.5), usd(0.0123), usd(None)
    ('$19,876', '$2.50', '$0.0123', 'unknown')
    """
    if value is None:
        return UNKNOWN
    if decimals is None:
        decimals = 0 if abs(value) >= 1000 else 2 if abs(value) >= 1 or value == 0 else _decimals(value, 3)
    sign = "-" if value < 0 else ""
    return f"{sign}${abs(value):,.{decimals}f}"


def usd_column(values: Sequence[float | None]) -> list[str]:
    """Format amounts that stand below each other: with the decimals of the largest, small ones with more.

    Examples
    --------
    >>> usd_column([4073.4, 306.6]), usd_column([5.58, 0.42, 0.0031])
    (['$4,073', '$307'], ['$5.58', '$0.42', '$0.00310'])
    """
    largest = max((abs(value) for value in values if value is not None), default=0.0)
    decimals = 0 if largest >= 1000 else 2
    return [
        usd(value) if value is None or 0 < abs(value) < 5 * 10.0**-decimals else usd(value, decimals=decimals)
        for value in values
    ]


def percent(frac: float | None, *, digits: int = 3) -> str:
    """Format a fraction as percent.

    Examples
    --------
    >>> percent(0.8312), percent(1.0), percent(0.004)
    ('83.1 %', '100 %', '0.4 %')
    """
    if frac is None:
        return UNKNOWN
    return f"{float(f'{frac * 100:.{digits}g}'):g} %"


def chance(frac: float) -> str:
    """Format a probability: nothing that is predicted is certain.

    Examples
    --------
    >>> chance(0.8312), chance(0.9991), chance(1.0)
    ('83 %', '> 99 %', '> 99 %')
    """
    return "> 99 %" if frac > 0.995 else percent(frac, digits=2)


def plural(value: float, noun: str) -> str:
    """Format a count with its noun.

    Examples
    --------
    >>> plural(1, "request"), plural(2.5, "request")
    ('1 request', '2.5 requests')
    """
    return f"{count(value)} {noun}" if value == 1 else f"{count(value)} {noun}s"


def count(value: float | None) -> str:
    """Format a count or a rate: whole numbers whole, others with three digits.

    Examples
    --------
    >>> count(1024.0), count(2.345), count(123456), count(None)
    ('1,024', '2.35', '123,456', 'unknown')
    """
    if value is None:
        return UNKNOWN
    if float(value).is_integer() or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}"
