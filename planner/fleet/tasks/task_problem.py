"""The chains of a scenario's tasks in the buying problem: who is which solver, how fast, what ends right."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from planner.fleet.programme.chain import Ask, Chain, Skill, TaskRules
from planner.fleet.programme.problem import Problem
from planner.fleet.tasks.routes import Able, Route, routes
from planner.fleet.tasks.solvers import Solver
from workloads.scenario import Scenario, TrafficClass
from workloads.task import Task

SECONDS_PER_HOUR = 3600.0
MOST_LEVELS = 5
"""Speeds of one solver that are told apart; times between two of them count as the slower one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trier:
    """A kind or an offer as one who tries: per class, the solver (None for none) and the time of a try."""

    solvers: tuple[Solver | None, ...]
    times_s: tuple[float | None, ...]


def with_chains(
    problem: Problem,
    scenario: Scenario,
    kinds: Sequence[Trier],
    offers: Sequence[Trier],
    *,
    load: float,
    chosen: bool = True,
) -> Problem:
    """Return the problem with the chains of every class that has a task.

    Parameters
    ----------
    kinds, offers : sequence of Trier
        Of the problem's kinds and offers, in their order.
    load : float
        Factor on every rate.
    chosen : bool
        Whether chains are to be chosen; False to compare kinds alone.
    """
    owners = [*kinds, *offers]
    serves = [kind.capacity for kind in problem.kinds] + [
        tuple(float(price is not None) for price in offer.usd_per_h) for offer in problem.offers
    ]
    skills: list[dict[int, tuple[str, int]]] = [{} for _ in owners]
    chains: list[Chain] = []
    classes: list[int] = []
    for klass, traffic in enumerate(scenario.classes):
        task = scenario.task_of(traffic)
        if task is None:
            continue
        classes.append(klass)
        here = [place for place, row in enumerate(serves) if row[klass]]
        able = _able(task, klass, [owners[place] for place in here])
        for place in here:
            skills[place][klass] = _skill(owners[place], klass, able)
        if chosen:
            chains += _chains(klass, traffic, task, routes(task, tuple(able.values())), load)
    width = len(scenario.classes)
    made = [_as_skill(row, width) for row in skills]
    return replace(
        problem,
        kinds=tuple(replace(kind, skill=own) for kind, own in zip(problem.kinds, made, strict=False)),
        offers=tuple(
            replace(offer, skill=own)
            for offer, own in zip(problem.offers, made[len(problem.kinds) :], strict=True)
        ),
        tasks=TaskRules(
            chains=tuple(chains),
            right_min=tuple(_floor(scenario, traffic) for traffic in scenario.classes),
            classes=frozenset(classes),
        ),
    )


def route_of(scenario: Scenario, problem: Problem, triers: Sequence[Trier], klass: int) -> dict[str, Route]:
    """Return the routes of a class by the keys of its chains.

    Parameters
    ----------
    triers : sequence of Trier
        Of the problem's kinds, then of its offers.
    """
    task = scenario.task_of(scenario.classes[klass])
    if task is None:
        return {}
    serves = [bool(kind.capacity[klass]) for kind in problem.kinds]
    serves += [offer.usd_per_h[klass] is not None for offer in problem.offers]
    here = [trier for trier, able in zip(triers, serves, strict=True) if able]
    return {route.key: route for route in routes(task, tuple(_able(task, klass, here).values()))}


def _floor(scenario: Scenario, traffic: TrafficClass) -> float:
    task = scenario.task_of(traffic)
    return 0.0 if task is None or task.reliable_min is None else task.reliable_min


def _able(task: Task, klass: int, owners: Sequence[Trier]) -> dict[str, Able]:
    """Return who can solve the tasks of a class, with the speeds at which that can be had."""
    times: dict[str, set[float]] = {}
    solvers: dict[str, Solver] = {}
    for owner in owners:
        solver = owner.solvers[klass]
        if solver is not None:
            solvers[solver.name] = solver
            times.setdefault(solver.name, set()).add(owner.times_s[klass] or 0.0)
    return {
        name: Able(
            solver=solvers[name],
            times_s=() if task.deadline_s is None else tuple(_told_apart(sorted(times[name]))),
        )
        for name in sorted(solvers)
    }


def _told_apart(times_s: Sequence[float]) -> Iterator[float]:
    """Yield the slowest of each of a few even parts of the times."""
    parts = min(MOST_LEVELS, len(times_s))
    for part in range(1, parts + 1):
        yield times_s[len(times_s) * part // parts - 1]


def _skill(owner: Trier, klass: int, able: Mapping[str, Able]) -> tuple[str, int]:
    solver = owner.solvers[klass]
    if solver is None:
        return "", 0
    times, own = able[solver.name].times_s, owner.times_s[klass] or 0.0
    return solver.name, next((level for level, time_s in enumerate(times) if own <= time_s), 0)


def _as_skill(row: Mapping[int, tuple[str, int]], width: int) -> Skill:
    found = [row.get(klass, ("", 0)) for klass in range(width)]
    return Skill(solver=tuple(name for name, _ in found), level=tuple(level for _, level in found))


def _chains(
    klass: int, traffic: TrafficClass, task: Task, found: Sequence[Route], load: float
) -> Iterator[Chain]:
    per_h = load * tasks_per_h(traffic, task)
    for route in found:
        person = route.left * task.person_usd if task.person_usd is not None else 0.0
        yield Chain(
            key=route.key,
            klass=klass,
            asks=tuple(
                Ask(solver=step.solver, level=step.level, tries=tries)
                for step, tries in zip(route.steps, route.tries, strict=True)
            ),
            usd_per_h=per_h * (sum(route.tries) * task.verifier_usd + person),
            tasks_per_h=per_h,
            right_per_h=per_h * reliable(route, task),
        )


def tasks_per_h(traffic: TrafficClass, task: Task) -> float:
    """Return the tasks of a class at its mean rate: its traffic is one try at each [1/h]."""
    return traffic.requests_per_s * SECONDS_PER_HOUR / task.requests_per_task


def reliable(route: Route, task: Task) -> float:
    """Return the share of tasks that end right on a route, the person's included."""
    return sum(route.solved) + (route.left if task.person_usd is not None else 0.0)
