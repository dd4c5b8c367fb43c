"""How old prices are, in words that stand below a table."""

from collections.abc import Iterable
from datetime import date


def price_age(dates: Iterable[str | None]) -> str:
    """Say of when the oldest price is; dates are `2026-08-21`, `2026-08` or `2026`."""
    known = sorted(one for one in dates if one)
    if not known:
        return "no price has a date"
    oldest = date.fromisoformat(known[0] + "-01" * (2 - known[0].count("-")))
    return f"oldest price of {known[0]}, {(date.today() - oldest).days // 30} months ago"
