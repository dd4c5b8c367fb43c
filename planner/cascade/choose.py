"""Rank every chain of models by its cost per reliable task.

Notes
-----
A chain is an ordered set of models, each more often right than the one before. How
often each is tried follows from the beta-binomials of its success and the policy
(`planner.fleet.reliable`); what those tries cost follows from the cheapest fleet
that serves them (`planner.cascade.tiered`), units and offers shared by nothing
else. Both are exact, so the first of the ranking is the best single chain. Two
chains side by side, each for a part of the tasks, are not considered.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, pairwise

from planner.cascade.record import Cascade, Cascades, Step
from planner.cascade.tiered import problem_of
from planner.fleet.ability import Predictor
from planner.fleet.market import Market, survey
from planner.fleet.mix import cheapest
from planner.fleet.problem import Mix, Problem
from planner.fleet.reliable import Policy, Spent, Tier, cascade
from planner.fleet.retries import Fit, Verifier, fitted
from tonnage.errors import InvalidInput
from workloads import tasks
from workloads.scenario import Scenario, Task
from workloads.tasks import Success

MOST_STEPS = 3
MOST_MODELS = 12
"""Models whose chains are tried: those that solve most."""
SHOWN = 10
SECONDS_PER_HOUR = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A model that can serve, and how often it is right."""

    model: str
    rate: Success
    fit: Fit

    @property
    def tier(self) -> Tier:
        """The model as a tier whose tries are priced elsewhere."""
        return Tier(name=self.model, tries=self.fit.tries, usd_per_try=0.0)


def cascades(scenario: Scenario, *, steps: int = MOST_STEPS) -> Cascades:
    """Return the cheapest chains of models for the task of a scenario.

    Parameters
    ----------
    scenario : Scenario
        With a task. Its traffic is taken as that of one try at every task.
    steps : int
        Models in a chain at most.

    Raises
    ------
    InvalidInput
        If the scenario has no task.
    """
    task = scenario.task
    if task is None:
        raise InvalidInput("the scenario has no [task]: say what a right end is, e.g. [task] benchmark = ...")
    market, _ = survey(scenario, Predictor())
    market = _settled_by_model(market)
    known, unknown = _known(market, task)
    per_h = SECONDS_PER_HOUR * sum(each.requests_per_s for each in scenario.classes) / task.requests_per_task
    policy = _policy(task)
    found = [_priced(market, chain, policy, per_h) for chain in _chains(known, steps)]
    ranked = sorted((one for one in found if one is not None), key=lambda one: one.usd_per_reliable_task)
    alone = [one for one in ranked if len(one.steps) == 1]
    return Cascades(
        scenario=scenario,
        tasks_per_h=per_h,
        ranked=tuple(ranked[:SHOWN]),
        strongest=max(alone, key=lambda one: one.steps[0].success_frac, default=None),
        person_usd=task.person_usd,
        considered=len(found),
        unknown=tuple(unknown),
        notes=tuple(_notes(task, known)),
    )


def _settled_by_model(market: Market) -> Market:
    """Settle each model on its own: one that others beat may still be a step of a chain."""
    names = dict.fromkeys(line.candidate.deployment.model for line in market.lines)
    lines = [
        line
        for name in names
        for line in market.of_lines(
            tuple(one for one in market.lines if one.candidate.deployment.model == name)
        )
        .without_hosted()
        .settled()
        .rated()
    ]
    return market.of_lines(tuple(lines))


def _known(market: Market, task: Task) -> tuple[list[Known], list[str]]:
    own = [line.candidate.deployment.model for line in market.lines if all(line.capacity)]
    hosted = [
        offer.offer.model_id or offer.offer.model for offer in market.hosted if None not in offer.usd_per_h
    ]
    known, unknown = [], []
    for model in dict.fromkeys((*own, *hosted)):
        rates = tasks.success(model, task.benchmark, split=task.split)
        if rates:
            known.append(Known(model=model, rate=rates[0], fit=fitted(rates[0])))
        else:
            unknown.append(model)
    known.sort(key=lambda one: one.rate.first_try)
    return known[-MOST_MODELS:], unknown


def _chains(known: Sequence[Known], steps: int) -> Iterator[tuple[Known, ...]]:
    """Yield every chain in which each model is right more often than the one before."""
    for size in range(1, steps + 1):
        for chain in combinations(known, size):
            rising = pairwise(chain)
            if all(low.rate.first_try < high.rate.first_try for low, high in rising):
                yield chain


def _policy(task: Task) -> Policy:
    return Policy(
        up_to=task.tries,
        verifier=Verifier(
            usd=task.verifier_usd, false_accept=task.false_accept_frac, false_reject=task.false_reject_frac
        ),
        person_usd=task.person_usd,
    )


def _priced(market: Market, chain: Sequence[Known], policy: Policy, per_h: float) -> Cascade | None:
    """Return a chain with its cost; None if its load cannot be served, or nothing ends right."""
    first = cascade([one.tier for one in chain], policy)
    if min(first.tries) <= 0 or first.reliable <= 0:
        return None
    models = [one.model for one in chain]
    problem = problem_of(market, models, first.tries)
    mix = cheapest(problem)
    if mix is None:
        return None
    each_try = _usd_per_try(problem, mix, first, per_h)
    tiers = [replace(one.tier, usd_per_try=usd) for one, usd in zip(chain, each_try, strict=True)]
    spent = cascade(tiers, policy)
    return Cascade(
        steps=tuple(
            Step(
                model=one.model,
                success_frac=one.rate.first_try,
                tries_per_task=tries,
                solved_frac=solved,
                runs_on=_runs_on(problem, mix, place, len(chain)),
                evidence=one.fit.evidence,
                source=one.rate.source,
            )
            for place, (one, tries, solved) in enumerate(zip(chain, spent.tries, spent.solved, strict=True))
        ),
        usd_per_reliable_task=spent.usd_per_reliable_task or 0.0,
        usd_per_task=spent.usd_per_task,
        machines_usd_per_h=mix.usd_per_h,
        reliable_frac=spent.reliable,
        wrong_frac=spent.wrong,
        left_frac=spent.left,
        break_even_person_usd=spent.break_even_usd,
    )


def _usd_per_try(problem: Problem, mix: Mix, spent: Spent, per_h: float) -> list[float]:
    """Spread the cost of the fleet evenly over all tries: only the sum matters to a chain."""
    tries_per_h = per_h * sum(spent.tries)
    return [mix.usd_per_h / tries_per_h] * len(spent.tries)


def _runs_on(problem: Problem, mix: Mix, tier: int, tiers: int) -> str:
    width = len(problem.rates) // tiers
    part = slice(tier * width, (tier + 1) * width)
    own = [kind.key for kind, row in zip(problem.kinds, mix.shares, strict=True) if any(row[part])]
    hosted = [
        offer.key for offer, row in zip(problem.offers, mix.offer_shares, strict=True) if any(row[part])
    ]
    return " + ".join((*own, *hosted))


def _notes(task: Task, known: Sequence[Known]) -> Iterator[str]:
    yield "The traffic is taken as that of one try at every task; further tries and steps add to it."
    yield "Models are taken to find the same tasks hard, and to solve them as published, whatever the format."
    if not known:
        yield f"No model that can serve has a published success on {task.benchmark} {task.split}."
    if task.false_accept_frac == 1:
        yield "Nobody checks results, so the first one is taken, right or wrong."
