"""Rank every chain of models by its cost per reliable task.

Notes
-----
The chains, and what their tries cost, are those of the plan's own programme with a single chain
left in it: the cheapest fleet that serves its tries and nothing else. A plan may also mix chains
and let them share units, so it never costs more per right end than the first of this ranking.
Most chains are told from a bound alone: no try costs less than on full units of the cheapest kind.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from planner.cascade.bound import least_usd_per_h
from planner.cascade.record import Cascade, Cascades, Step
from planner.fleet.answer.chain_assumptions import wrong_ends
from planner.fleet.programme.chain import Chain
from planner.fleet.programme.problem import Mix, Problem
from planner.fleet.questions.task_relax import with_task
from planner.fleet.solve.mix import cheapest
from planner.fleet.solve.ratio import right_per_h
from planner.fleet.solve.relaxed_ratio import tasks_per_h
from planner.fleet.solve.task_solve import bill_usd_per_h
from planner.fleet.supply.ability import Predictor
from planner.fleet.supply.candidates import Candidate
from planner.fleet.supply.hosted import hosted_offers
from planner.fleet.supply.market import Market, survey
from planner.fleet.supply.task_market import check_tasks, solver_of, tasks
from planner.fleet.tasks.routes import Route
from planner.fleet.tasks.solvers import Solver
from planner.fleet.tasks.task_problem import route_of
from tonnage.errors import InvalidInput
from workloads.scenario import Objective, Scenario

MOST_STEPS = 3
SHOWN = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranking:
    """What chains are ranked on.

    Attributes
    ----------
    chains : mapping of str to tuple of Chain
        By key: the chain of every class with tasks.
    routes : mapping of str to Route
        Of the first class with tasks.
    """

    market: Market
    problem: Problem
    chains: Mapping[str, tuple[Chain, ...]]
    routes: Mapping[str, Route]
    solvers: Mapping[str, Solver]


def cascades(scenario: Scenario, *, steps: int = MOST_STEPS) -> Cascades:
    """Return the cheapest chains of models for the task of a scenario.

    Parameters
    ----------
    scenario : Scenario
        With a task. Its traffic is taken as that of one try at every task; its budget is no limit.
    steps : int
        Models in a chain at most.

    Raises
    ------
    InvalidInput
        If the scenario has no task.
    """
    asked = _asked(scenario, steps)
    market, candidates = survey(asked, Predictor())
    settled = market.settled()
    chosen = settled.of_lines(settled.rated())
    ranking = _ranking(chosen)
    ranked = _best(ranking)
    first = next(task for task in tasks(asked) if task is not None)
    known = bool(ranking.chains)
    return Cascades(
        scenario=scenario,
        tasks_per_h=tasks_per_h(ranking.problem) if known else 0.0,
        ranked=tuple(ranked),
        strongest=_strongest(ranking),
        person_usd=first.person_usd,
        considered=len(ranking.chains),
        unknown=tuple(_unknown(asked, candidates)),
        notes=(*_notes(asked, known=known), *_wrong(asked, ranked)),
    )


def _wrong(asked: Scenario, ranked: Sequence[Cascade]) -> Iterator[str]:
    held = all(task.reliable_min is not None for task in tasks(asked) if task is not None)
    for best in ranked[:1]:
        yield from wrong_ends(best.wrong_frac, held=held)


def _asked(scenario: Scenario, steps: int) -> Scenario:
    if not any(tasks(scenario)):
        raise InvalidInput("the scenario has no [task]: say what a right end is, e.g. [task] benchmark = ...")
    asked = with_task(scenario, lambda task: task.model_copy(update={"max_steps": steps}))
    asked = asked.model_copy(update={"objective": Objective.RELIABLE_TASK})
    check_tasks(asked)
    return asked


def _ranking(market: Market) -> Ranking:
    problem = market.problem()
    kinds, offers = market.triers()
    found: dict[str, list[Chain]] = {}
    for chain in problem.tasks.chains:
        found.setdefault(chain.key, []).append(chain)
    classes = sorted(problem.tasks.classes)
    whole = {key: tuple(own) for key, own in found.items() if len(own) == len(classes)}
    return Ranking(
        market=market,
        problem=problem,
        chains=whole,
        routes=route_of(market.scenario, problem, [*kinds, *offers], classes[0]),
        solvers={one.name: one for trier in (*kinds, *offers) for one in trier.solvers if one is not None},
    )


def _best(ranking: Ranking) -> list[Cascade]:
    """Return the chains that cost least, in their order.

    Those are looked at in the order of their bounds, until no bound is below what was found.
    """
    bounds = sorted((_bound(ranking, key), key) for key in ranking.chains)
    found: list[Cascade] = []
    for bound, key in bounds:
        if len(found) >= SHOWN and bound >= found[SHOWN - 1].usd_per_reliable_task:
            break
        one = _priced(ranking, key)
        if one is not None:
            found = sorted([*found, one], key=lambda each: each.usd_per_reliable_task)
    return found[:SHOWN]


def _bound(ranking: Ranking, key: str) -> float:
    chains = ranking.chains[key]
    return least_usd_per_h(ranking.problem, chains) / sum(chain.right_per_h for chain in chains)


def _priced(ranking: Ranking, key: str) -> Cascade | None:
    """Return a chain with its cost; None if its tries cannot be served, or nothing ends right."""
    rules = replace(ranking.problem.tasks, chains=ranking.chains[key], right_min=())
    problem = replace(ranking.problem, tasks=rules)
    mix = cheapest(problem)
    if mix is None or right_per_h(problem, mix) <= 0:
        return None
    route, per_h, right = ranking.routes[key], tasks_per_h(problem), right_per_h(problem, mix)
    person = _person_usd_per_h(ranking, route, per_h)
    solved = sum(route.solved)
    return Cascade(
        steps=tuple(_steps(ranking, route, problem, mix)),
        usd_per_reliable_task=mix.usd_per_h / right,
        usd_per_task=mix.usd_per_h / per_h,
        machines_usd_per_h=bill_usd_per_h(problem, mix),
        reliable_frac=right / per_h,
        wrong_frac=route.wrong,
        left_frac=route.left,
        break_even_person_usd=(mix.usd_per_h - person) / per_h / solved if solved > 0 else None,
        worst_s=route.worst_s,
    )


def _person_usd_per_h(ranking: Ranking, route: Route, per_h: float) -> float:
    first = next(task for task in tasks(ranking.market.scenario) if task is not None)
    return per_h * route.left * (first.person_usd or 0.0)


def _steps(ranking: Ranking, route: Route, problem: Problem, mix: Mix) -> Iterator[Step]:
    for step, tries, solved in zip(route.steps, route.tries, route.solved, strict=True):
        solver = ranking.solvers[step.solver]
        yield Step(
            model=step.solver,
            up_to=step.up_to,
            success_frac=solver.fit.tries.mean,
            tries_per_task=tries,
            solved_frac=solved,
            runs_on=_runs_on(problem, mix, step.solver),
            evidence=solver.fit.evidence,
            source=solver.rate.source,
        )


def _runs_on(problem: Problem, mix: Mix, solver: str) -> str:
    def serves(names: Sequence[str], row: Sequence[float]) -> bool:
        return any(share > 0 and name == solver for name, share in zip(names, row, strict=True))

    own = [
        kind.key
        for kind, row in zip(problem.kinds, mix.shares, strict=True)
        if serves(kind.skill.solver, row)
    ]
    hosted = [
        offer.key
        for offer, row in zip(problem.offers, mix.offer_shares, strict=True)
        if serves(offer.skill.solver, row)
    ]
    return " + ".join((*own, *hosted))


def _strongest(ranking: Ranking) -> Cascade | None:
    """Return the model that is most often right, alone, with as many tries as cost least."""
    for name in sorted(ranking.solvers, key=lambda one: -ranking.solvers[one].fit.tries.mean):
        alone = [
            key for key, route in ranking.routes.items() if {step.solver for step in route.steps} == {name}
        ]
        found = [one for key in alone if key in ranking.chains and (one := _priced(ranking, key)) is not None]
        if found:
            return min(found, key=lambda one: one.usd_per_reliable_task)
    return None


def _unknown(scenario: Scenario, candidates: Sequence[Candidate]) -> Iterator[str]:
    """Yield models that could serve, but whose success nobody published."""
    own = [(item.deployment.model, item.deployment.weights) for item in candidates]
    hosted = [(one.offer.model_id or one.offer.model, None) for one in hosted_offers(scenario, [])]
    known: dict[str, bool] = {}
    for model, weights in (*own, *hosted):
        solvers = [solver_of(scenario, each, model, weights) for each in scenario.classes]
        known[model] = known.get(model, False) or any(solvers)
    yield from (model for model, has_success in known.items() if not has_success)


def _notes(scenario: Scenario, *, known: bool) -> Iterator[str]:
    yield "The traffic is taken as that of one try at every task; further tries and steps add to it."
    yield (
        "Models are taken to find the same tasks hard, and to solve them as published; what a weight "
        "format takes off is counted where a source gives it."
    )
    for task in dict.fromkeys(each for each in tasks(scenario) if each is not None):
        if not known:
            yield f"No chain can be served by models with a published success on {task.named()}."
        if task.false_accept_frac == 1:
            yield "Nobody checks results, so the first one is taken, right or wrong."
        if task.deadline_s is not None:
            yield f"Tries that might not end within {task.deadline_s:.3g} s are not made."
