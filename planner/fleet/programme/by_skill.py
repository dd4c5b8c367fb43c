"""A problem in which every skill is a class of its own: what may replace what, solver by solver.

A kind of level l can serve every try that leaves time for level l or a slower one, so it has a
capacity in its own level and in all slower ones of its solver. Units of two solvers then never
replace each other, nor slow ones fast ones. The classes are for comparing alone; the problem
that is solved keeps its own.
"""

from dataclasses import replace

from planner.fleet.programme.chain import Skill
from planner.fleet.programme.problem import Kind, Metered, Problem

Place = tuple[int, str, int]
"""A class, a solver (empty for a class without tasks) and a level."""


def by_skill(problem: Problem) -> Problem:
    """Return the problem with one class per class, solver and level; itself where there are no tasks."""
    if not problem.tasks.classes:
        return problem
    places = _places(problem)
    rows = [place for place, _, _ in places]
    skills = {kind.skill for kind in problem.kinds} | {offer.skill for offer in problem.offers}
    able = {skill: [_can(skill, place) for place in places] for skill in skills}
    return replace(
        problem,
        rates=tuple(problem.rates[j] for j in rows),
        kinds=tuple(_kind(kind, rows, able[kind.skill]) for kind in problem.kinds),
        offers=tuple(_offer(offer, rows, able[offer.skill]) for offer in problem.offers),
        periods=tuple(
            replace(period, scale=tuple(period.scale[j] for j in rows)) for period in problem.periods
        ),
    )


def _places(problem: Problem) -> list[Place]:
    found: dict[Place, None] = {}
    for j in range(len(problem.rates)):
        if j not in problem.tasks.classes:
            found[j, "", 0] = None
            continue
        for kind in problem.kinds:
            if kind.capacity[j]:
                found[j, *kind.skill.of(j)] = None
        for offer in problem.offers:
            if offer.usd_per_h[j] is not None:
                found[j, *offer.skill.of(j)] = None
    return list(found)


def _can(skill: Skill, place: Place) -> bool:
    j, solver, level = place
    name, own = skill.of(j)
    return not solver or (name == solver and own <= level)


def _kind(kind: Kind, rows: list[int], able: list[bool]) -> Kind:
    return replace(
        kind,
        capacity=tuple(kind.capacity[j] if can else 0.0 for j, can in zip(rows, able, strict=True)),
        served_usd_per_h=tuple(kind.served_usd_per_h[j] for j in rows) if kind.served_usd_per_h else (),
    )


def _offer(offer: Metered, rows: list[int], able: list[bool]) -> Metered:
    return replace(
        offer,
        usd_per_h=tuple(offer.usd_per_h[j] if can else None for j, can in zip(rows, able, strict=True)),
        limits=tuple(replace(limit, use=tuple(limit.use[j] for j in rows)) for limit in offer.limits),
    )
