"""Scenarios with one limit moved, for every class that it binds, and the search for how far."""

import math
from collections.abc import Callable

from workloads.scenario import Growth, Quality, Scenario, Slo, TrafficClass

LARGEST_FACTOR = 4096.0
"""A limit that had to grow further is given up on."""
SUSPECT_FACTOR = 8.0
"""A limit that had to grow so far may not be what stands in the way."""


def limits(scenario: Scenario) -> dict[str, float]:
    """Return every latency limit that some class has, at its tightest [s]."""
    found: dict[str, float] = {}
    for traffic in scenario.classes:
        for key, value in traffic.slo.model_dump(exclude_none=True).items():
            found[key] = min(value, found.get(key, math.inf))
    return found


def with_limit(scenario: Scenario, key: str, value: float | None) -> Scenario:
    """Return the scenario with no class held tighter than this; None takes the limit away."""

    def eased(traffic: TrafficClass) -> TrafficClass:
        own = getattr(traffic.slo, key)
        if own is None:
            return traffic
        moved = None if value is None else max(own, value)
        return traffic.model_copy(update={"slo": Slo(**{**traffic.slo.model_dump(), key: moved})})

    return each_class(scenario, eased)


def with_all_limits(scenario: Scenario, factor: float) -> Scenario:
    """Return the scenario with every latency limit times a factor."""
    return each_class(scenario, lambda traffic: with_limits(traffic, factor))


def with_floor(scenario: Scenario, benchmark: str, value: float | None) -> Scenario:
    """Return the scenario with no class asking for more than this; None takes the floor away."""

    def eased(traffic: TrafficClass) -> TrafficClass:
        own = traffic.quality.floors().get(benchmark)
        if own is None:
            return traffic
        moved = None if value is None else min(own, value)
        kept = {**traffic.quality.model_dump(), f"{benchmark}_min": moved}
        return traffic.model_copy(update={"quality": Quality(**kept)})

    return each_class(scenario, eased)


def with_raised_floor(scenario: Scenario, benchmark: str, value: float) -> Scenario:
    """Return the scenario in which classes that have this floor ask for at least `value`."""

    def raised(traffic: TrafficClass) -> TrafficClass:
        own = traffic.quality.floors().get(benchmark)
        if own is None:
            return traffic
        kept = {**traffic.quality.model_dump(), f"{benchmark}_min": max(own, value)}
        return traffic.model_copy(update={"quality": Quality(**kept)})

    return each_class(scenario, raised)


def with_load(scenario: Scenario, factor: float) -> Scenario:
    """Return the scenario with every rate times a factor."""

    def scaled(traffic: TrafficClass) -> TrafficClass:
        return traffic.model_copy(update={"requests_per_s": traffic.requests_per_s * factor})

    return each_class(scenario, scaled)


def with_lengths(scenario: Scenario, what: str, factor: float) -> Scenario:
    """Return the scenario with all prompts, or all answers (`prompt`, `output`), times a factor."""

    def scaled(traffic: TrafficClass) -> TrafficClass:
        mean, tail = f"{what}_tokens", f"{what}_tokens_p95"
        long = getattr(traffic, tail)
        lengths = {mean: max(1.0, getattr(traffic, mean) * factor), tail: long and max(1.0, long * factor)}
        return traffic.model_copy(update=lengths)

    return each_class(scenario, scaled)


def grown(scenario: Scenario) -> Scenario:
    """Return the scenario with the load of its last month, and no growth any more."""
    if scenario.growth == Growth():
        return scenario
    return with_load(scenario, scenario.growth.factor).model_copy(update={"growth": Growth()})


def with_budget(scenario: Scenario, usd_per_month: float | None) -> Scenario:
    """Return the scenario with another budget."""
    return scenario.model_copy(
        update={"budget": scenario.budget.model_copy(update={"usd_per_month": usd_per_month})}
    )


def with_spares(scenario: Scenario, spare_units: int) -> Scenario:
    """Return the scenario with another number of spare units."""
    return scenario.model_copy(
        update={"availability": scenario.availability.model_copy(update={"spare_units": spare_units})}
    )


def with_confidence(scenario: Scenario, confidence: float) -> Scenario:
    """Return the scenario sized with another confidence."""
    return scenario.model_copy(update={"confidence": confidence})


def with_api(scenario: Scenario) -> Scenario:
    """Return the scenario with hosted APIs allowed."""
    return scenario.model_copy(update={"candidates": scenario.candidates.model_copy(update={"api": True})})


def with_limits(traffic: TrafficClass, factor: float) -> TrafficClass:
    """Return the class with every latency limit times a factor."""
    moved = {key: value * factor for key, value in traffic.slo.model_dump(exclude_none=True).items()}
    return traffic.model_copy(update={"slo": Slo(**moved)})


def each_class(scenario: Scenario, change: Callable[[TrafficClass], TrafficClass]) -> Scenario:
    """Return the scenario with every class changed."""
    return scenario.model_copy(update={"classes": tuple(change(traffic) for traffic in scenario.classes)})


def first_that_holds(holds: Callable[[float], bool], fails: float, works: float, *, ratio: float) -> float:
    """Return a value that holds, within a factor of one that does not.

    Parameters
    ----------
    holds : callable
        Monotone between the two ends.
    fails, works : float
        Positive values at which it does not hold and holds.
    ratio : float
        Largest factor between the value returned and one that fails, above 1.
    """
    while max(fails, works) / min(fails, works) > ratio:
        middle = math.sqrt(fails * works)
        if holds(middle):
            works = middle
        else:
            fails = middle
    return works


def smallest_that_holds(
    holds: Callable[[float], bool],
    current: float,
    *,
    ratio: float,
    at_all: Callable[[], bool] = lambda: True,
) -> float | None:
    """Search upwards from a limit that does not hold for about the least that does; None if none does.

    Parameters
    ----------
    at_all : callable
        Whether there is a solution without the limit. It is asked where `SUSPECT_FACTOR` was not
        enough: without a limit everything must be predicted, while physics rules most out under a tight one.
    """
    factor = 2.0
    while not holds(current * factor):
        if factor == SUSPECT_FACTOR and not at_all():
            return None
        factor *= 2.0
        if factor > LARGEST_FACTOR:
            return None
    return first_that_holds(holds, current * factor / 2, current * factor, ratio=ratio)
