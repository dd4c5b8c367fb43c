"""Energy as what a plan is best at: the power that each class takes on each kind of unit.

Notes
-----
A unit draws its devices' thermal limit for the part of the time in which it is busy, and nothing
else; the site's PUE comes on top (ASSUMED: idle draw is left out, and a busy device seldom reaches
its limit). Carbon is energy times the site's intensity, so the same plan is best for both.
"""

from collections.abc import Iterable
from dataclasses import replace

from planner.fleet.programme.problem import Kind, Mix, Problem
from planner.fleet.supply.candidates import Candidate
from planner.fleet.supply.money import tdp_w
from tonnage.units import HOURS_PER_MONTH
from workloads.scenario import Objective, Scenario

BUDGET = "budget"
ENERGY = (Objective.ENERGY, Objective.CARBON)


def energy_goal(problem: Problem, candidates: Iterable[Candidate], scenario: Scenario) -> Problem:
    """Return the problem with watts for dollars; the budget is kept, hosted offers are left out.

    Kinds whose thermal limit nobody knows serve nothing.
    """
    budget = scenario.budget.usd_per_month
    return replace(
        problem,
        kinds=tuple(
            _in_watts(kind, unit_w(item, scenario), scenario)
            for kind, item in zip(problem.kinds, candidates, strict=True)
        ),
        offers=tuple(
            replace(offer, usd_per_h=(None,) * len(problem.rates), limits=()) for offer in problem.offers
        ),
        mean_stock={} if budget is None else {BUDGET: budget / HOURS_PER_MONTH},
    )


def unit_w(candidate: Candidate, scenario: Scenario) -> float | None:
    """Return what a busy unit draws, with the site's overhead [W]; None if it is not known."""
    each_w = tdp_w(candidate.deployment.device)
    return None if each_w is None else each_w * candidate.deployment.devices * scenario.site.pue


def _in_watts(kind: Kind, busy_w: float | None, scenario: Scenario) -> Kind:
    if busy_w is None:
        return replace(kind, capacity=(0.0,) * len(kind.capacity))
    return replace(
        kind,
        served_usd_per_h=tuple(
            busy_w * traffic.requests_per_s / capacity if capacity else 0.0
            for traffic, capacity in zip(scenario.classes, kind.capacity, strict=True)
        ),
        purchases=tuple(
            replace(way, usd_per_h=0.0, draws=(*way.draws, (BUDGET, way.usd_per_h))) for way in kind.purchases
        ),
    )


def power_w(problem: Problem, candidates: Iterable[Candidate], mix: Mix, scenario: Scenario) -> float | None:
    """Return what own units draw on the mean over time [W]; None if that is not known for all."""
    total = 0.0
    for kind, item, shares in zip(problem.kinds, candidates, mix.shares, strict=True):
        if not any(shares):
            continue
        busy_w = unit_w(item, scenario)
        if busy_w is None:
            return None
        total += busy_w * sum(
            share * traffic.requests_per_s / capacity
            for share, traffic, capacity in zip(shares, scenario.classes, kind.capacity, strict=True)
            if share
        )
    return total
