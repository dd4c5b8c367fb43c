"""A candidate with what one unit can carry of each class, and how long a try at a task takes there."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from planner.deployment import Deployment
from planner.fleet.programme.problem import Kind
from planner.fleet.supply import task_market
from planner.fleet.supply.ability import Ability, measured
from planner.fleet.supply.candidates import Candidate
from planner.fleet.supply.ceiling import Tightest, ceiling, tightest, why_none
from planner.fleet.supply.slo import at_confidence
from workloads.scenario import Scenario


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A candidate with what one unit can carry.

    Attributes
    ----------
    abilities : tuple of Ability, or None
        Per class; None while nothing but the ceiling is known.
    good_enough : tuple of bool
        Per class: the quality floors hold.
    kind : Kind
        Its column in the programme.
    try_s : tuple of float or None
        Per class, the time of a try at a task of it; None where it does not matter.
    """

    candidate: Candidate
    abilities: tuple[Ability, ...] | None
    good_enough: tuple[bool, ...]
    kind: Kind
    try_s: tuple[float | None, ...] = ()

    @property
    def capacity(self) -> tuple[float, ...]:
        """Per class, at the confidence asked for, or the ceiling [requests/s].

        0 where it cannot serve the class or is not good enough for it.
        """
        return self.kind.capacity

    @property
    def is_rated(self) -> bool:
        """Its capacity is known, not only bounded."""
        return self.abilities is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What all lines of a scenario are held to, found once for all of them.

    Attributes
    ----------
    limits : tuple of Tightest
        Per class.
    tries : bool
        Requests are tries at tasks, whose time matters.
    """

    scenario: Scenario
    limits: tuple[Tightest, ...]
    tries: bool

    @staticmethod
    def of(scenario: Scenario) -> "Terms":
        """Return the terms of a scenario."""
        return Terms(
            scenario=scenario,
            limits=tuple(tightest(traffic.slo) for traffic in scenario.classes),
            tries=task_market.by_chains(scenario),
        )

    def times(
        self, unit: Deployment, abilities: Sequence[Ability] | None
    ) -> tuple[task_market.Times, tuple[str, ...]]:
        """Return, per class, the time of a try on a unit, and why it is no use before the deadline."""
        if not self.tries:
            return (None,) * len(self.limits), ("",) * len(self.limits)
        return task_market.unit_times(self.scenario, unit, abilities)


def line_of(item: Candidate, good_enough: tuple[bool, ...], terms: Terms) -> Line:
    """Return a candidate as it was measured, or at its ceiling while it is not predicted."""
    if item.measured is not None:
        return rated_line(item, tuple(map(measured, item.measured)), good_enough, terms)
    times, late = terms.times(item.deployment, None)
    bounds = [
        ceiling(item.deployment, traffic, limits=tight, role=item.role) if good and not why else 0.0
        for traffic, good, tight, why in zip(
            terms.scenario.classes, good_enough, terms.limits, late, strict=True
        )
    ]
    return Line(
        candidate=item, abilities=None, good_enough=good_enough, kind=_kind(item, bounds), try_s=times
    )


def rated_line(
    item: Candidate, abilities: tuple[Ability, ...], good_enough: tuple[bool, ...], terms: Terms
) -> Line:
    """Return a candidate at the capacity that its units reach with the confidence asked for."""
    times, late = terms.times(item.deployment, abilities)
    confidence = terms.scenario.confidence
    capacity = (
        at_confidence(ability.requests_per_s, confidence)
        if good and not why and ability.requests_per_s
        else 0.0
        for ability, good, why in zip(abilities, good_enough, late, strict=True)
    )
    return Line(
        candidate=item,
        abilities=abilities,
        good_enough=good_enough,
        kind=_kind(item, capacity),
        try_s=times,
    )


def why_not(line: Line, scenario: Scenario) -> str:
    """Return why a line can serve no class."""
    told = [ability.why_not for ability in line.abilities or ()]
    told += task_market.unit_times(scenario, line.candidate.deployment, line.abilities)[1]
    physics = (
        why_none(line.candidate.deployment, traffic, line.candidate.role) for traffic in scenario.classes
    )
    return next(filter(None, (*told, *physics)), "no capacity under the limits")


def _kind(item: Candidate, capacity: Iterable[float]) -> Kind:
    return Kind(
        key=item.key,
        capacity=tuple(capacity),
        purchases=item.ways,
        role=item.role,
        lane=item.lane,
        rank=item.deployment.devices,
    )
