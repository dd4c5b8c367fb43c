"""How the rate of a class moves: relative rates of equally long periods, whose mean is 1."""

from collections.abc import Sequence

from tonnage.errors import InvalidInput

DAY, WEEK = 24, 168
MOST_PERIODS = 168


def normalised(rates: Sequence[float], *, where: str) -> tuple[float, ...]:
    """Return relative rates whose mean is 1.

    Raises
    ------
    InvalidInput
        If a rate is negative or all are 0.
    """
    mean = sum(rates) / len(rates)
    if min(rates) < 0 or mean <= 0:
        raise InvalidInput(f"{where} needs rates of at least 0, one of them above 0, not {list(rates)}")
    return tuple(rate / mean for rate in rates)


def aligned(profiles: Sequence[tuple[float, ...]]) -> tuple[tuple[float, ...], ...]:
    """Return all profiles over the same periods; none is a flat one, a day is repeated for a week.

    Raises
    ------
    InvalidInput
        If the number of periods of one is no multiple of that of another.
    """
    most = max(map(len, profiles), default=0)
    if most == 0:
        return ((1.0,),) * len(profiles)
    for profile in profiles:
        if profile and most % len(profile):
            raise InvalidInput(
                f"classes have profiles of {most} and of {len(profile)} periods, which do not go together; "
                f"give all of them {DAY} (hourly) or {WEEK} (weekly) values"
            )
    return tuple(profile * (most // len(profile)) if profile else (1.0,) * most for profile in profiles)


def label(place: int, periods: int) -> str:
    """Return what a period is called: `07:00`, `Tue 07:00`, or its number."""
    if periods == DAY:
        return f"{place:02d}:00"
    if periods == WEEK:
        day = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")[place // DAY]
        return f"{day} {place % DAY:02d}:00"
    return f"period {place + 1}"
