"""The chains that tasks take in a plan, the solvers they ask, and what their tries cost."""

from collections.abc import Sequence
from dataclasses import dataclass

from planner.fleet.answer.outcome import Outcome
from planner.fleet.tasks.routes import Route
from planner.fleet.tasks.solvers import Solver
from planner.fleet.tasks.task_problem import route_of, tasks_per_h
from workloads.task import Task

PART_NOISE = 1e-6
"""Parts of a class below this are not shown as chains."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A chain that some tasks take.

    Attributes
    ----------
    part : float
        Of the class's tasks.
    per_h : float
        Tasks that take it. [1/h]
    """

    class_name: str
    task: Task
    route: Route
    part: float
    per_h: float


def taken_chains(outcome: Outcome) -> tuple[Taken, ...]:
    """Return the chains that a plan takes, class by class."""
    scenario, problem = outcome.market.scenario, outcome.problem
    kinds, offers = outcome.market.of_lines(outcome.lines).triers()
    known = {j: route_of(scenario, problem, [*kinds, *offers], j) for j in sorted(problem.tasks.classes)}
    found = []
    for chain, part in zip(problem.tasks.chains, outcome.mix.chains, strict=True):
        traffic = scenario.classes[chain.klass]
        task = scenario.task_of(traffic)
        if part > PART_NOISE and task is not None:
            found.append(
                Taken(
                    class_name=traffic.name,
                    task=task,
                    route=known[chain.klass][chain.key],
                    part=part,
                    per_h=part * tasks_per_h(traffic, task),
                )
            )
    return tuple(found)


def solvers_of(outcome: Outcome) -> dict[str, Solver]:
    """Return everybody who could try in a plan, by name."""
    kinds, offers = outcome.market.of_lines(outcome.lines).triers()
    return {one.name: one for trier in (*kinds, *offers) for one in trier.solvers if one is not None}


def spent_by_solver(outcome: Outcome) -> tuple[dict[str, float], dict[str, float]]:
    """Return the bill of each solver's tries, and the part of it that goes to offers [USD/h].

    Units that serve several classes cost each what it keeps of them busy.
    """
    problem, mix, scenario = outcome.problem, outcome.mix, outcome.market.scenario
    spent: dict[str, float] = {}
    hosted: dict[str, float] = {}
    for kind, shares, bill in zip(problem.kinds, mix.shares, bills(outcome), strict=True):
        busy = [
            share * traffic.requests_per_s / able if share > 0 else 0.0
            for share, traffic, able in zip(shares, scenario.classes, kind.capacity, strict=True)
        ]
        for j in problem.tasks.classes:
            if busy[j] > 0:
                name, _ = kind.skill.of(j)
                spent[name] = spent.get(name, 0.0) + bill * busy[j] / sum(busy)
    for offer, shares in zip(problem.offers, mix.offer_shares, strict=True):
        for j in problem.tasks.classes:
            price = offer.usd_per_h[j]
            if price is not None and shares[j] > 0:
                name, _ = offer.skill.of(j)
                spent[name] = spent.get(name, 0.0) + price * shares[j]
                hosted[name] = hosted.get(name, 0.0) + price * shares[j]
    return spent, hosted


def bills(outcome: Outcome) -> list[float]:
    """Return what the units of each kind cost on the mean over time [USD/h]."""
    problem, mix = outcome.problem, outcome.mix
    return [
        sum(
            span.time_frac * count * way.usd_per_h
            for span, part in zip(problem.spans, mix.by_period, strict=True)
            for count, way in zip(part.bought[place], kind.purchases, strict=True)
        )
        for place, kind in enumerate(problem.kinds)
    ]


def tries_by_solver(taken: Sequence[Taken]) -> dict[str, float]:
    """Return the tries that chains ask of each solver [1/h]."""
    found: dict[str, float] = {}
    for one in taken:
        for step, tries in zip(one.route.steps, one.route.tries, strict=True):
            found[step.solver] = found.get(step.solver, 0.0) + one.per_h * tries
    return found
