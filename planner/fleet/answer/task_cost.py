"""The cost per reliable task of a chosen mix: its models as tiers, at their cost per request."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from planner.fleet.answer.chain_assumptions import said_of_chains, wrong_ends
from planner.fleet.answer.chain_cost import chain_task
from planner.fleet.answer.outcome import Outcome
from planner.fleet.records.plan_record import ReliableTask, TaskTier
from planner.fleet.supply.task_market import by_chains
from planner.fleet.tasks.reliable import Policy, Spent, Tier, cascade, interval
from planner.fleet.tasks.retries import Fit, Verifier, fitted
from workloads import tasks
from workloads.scenario import Scenario, Task
from workloads.tasks import Success

SECONDS_PER_HOUR = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """What a model serves of the traffic, on own units or hosted, and at what cost."""

    model: str
    hosted: bool
    usd_per_h: float
    requests_per_h: float

    @property
    def usd_per_request(self) -> float:
        """Mean cost of a request at the mean rate [USD]."""
        return self.usd_per_h / self.requests_per_h


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung:
    """A tier with where its success is known from."""

    served: Served
    rate: Success
    fit: Fit
    tier: Tier


def reliable_task(outcome: Outcome) -> tuple[ReliableTask | None, tuple[str, ...]]:
    """Return what a reliable task costs with a mix, and what that takes for granted.

    Returns
    -------
    ReliableTask or None
        None if the scenario has no task, or a model of the mix no success rate.
    tuple of str
        Sentences; the reason where there is no answer to a task.
    """
    scenario = outcome.market.scenario
    if by_chains(scenario):
        return chain_task(outcome), tuple(said_of_chains(outcome))
    task = scenario.task
    if task is None:
        return None, ()
    like = f"{task.benchmark} {task.split}".strip()
    rungs: list[Rung] = []
    for served in escalation(outcome):
        known = _rates(served.model, task)
        if not known:
            return None, (
                f"No cost per reliable task is given: no success of {served.model} on {like} is published.",
            )
        rungs.append(_rung(served, known[0], task))
    policy = _policy(task)
    tiers = [rung.tier for rung in rungs]
    spent = cascade(tiers, policy)
    cost = spent.usd_per_reliable_task
    if cost is None:
        return None, (f"No cost per reliable task is given: no model of the mix solves any task of {like}.",)
    return ReliableTask(
        usd=cost,
        interval_usd=interval(tiers, policy),
        usd_per_task=spent.usd_per_task,
        reliable_frac=spent.reliable,
        wrong_frac=spent.wrong,
        left_frac=spent.left,
        person_usd=task.person_usd,
        break_even_person_usd=spent.break_even_usd,
        tiers=tuple(_records(rungs, spent, policy)),
    ), (*_said(rungs, task, like), *wrong_ends(spent.wrong, held=task.reliable_min is not None))


def escalation(outcome: Outcome) -> tuple[Served, ...]:
    """Return the models of a mix in the order in which a task asks them.

    Own models come first, then hosted ones, each from the cheapest request up.
    A model that is served in several ways is one tier: asking it again
    elsewhere is no more than another try.
    """
    found: dict[str, Served] = {}
    for part in _parts(outcome):
        before = found.get(part.model)
        found[part.model] = (
            part
            if before is None
            else Served(
                model=part.model,
                hosted=before.hosted and part.hosted,
                usd_per_h=before.usd_per_h + part.usd_per_h,
                requests_per_h=before.requests_per_h + part.requests_per_h,
            )
        )
    return tuple(sorted(found.values(), key=lambda served: (served.hosted, served.usd_per_request)))


def _parts(outcome: Outcome) -> Iterator[Served]:
    scenario = outcome.market.scenario
    for unit in outcome.units():
        if unit.share:
            reads = unit.role == "prefill"  # what it reads is counted where it is written
            requests = 0.0 if reads else _requests_per_h(unit.share, scenario)
            yield Served(model=unit.model, hosted=False, usd_per_h=unit.usd_per_h, requests_per_h=requests)
    shares = zip(outcome.market.hosted, outcome.mix.offer_shares, strict=True)
    used = [hosted.offer for hosted, row in shares if any(row)]
    for offer, use in zip(used, outcome.api(), strict=True):
        requests = _requests_per_h(use.share, scenario)
        yield Served(
            model=offer.model_id or offer.model,
            hosted=True,
            usd_per_h=use.usd_per_h,
            requests_per_h=requests,
        )


def _requests_per_h(share: dict[str, float], scenario: Scenario) -> float:
    rates = {traffic.name: traffic.requests_per_s for traffic in scenario.classes}
    return SECONDS_PER_HOUR * sum(part * rates[name] for name, part in share.items())


def _rates(model: str, task: Task) -> tuple[Success, ...]:
    own = tuple(rate for rate in task.rates if rate.model_id == model)
    return own or tasks.success(model, task.benchmark, split=task.split)


def _rung(served: Served, rate: Success, task: Task) -> Rung:
    found = fitted(rate)
    error = (
        found.tries.standard_error(n_tasks=rate.tasks, tries_per_task=rate.tries_per_task)
        if rate.tasks is not None
        else None
    )
    return Rung(
        served=served,
        rate=rate,
        fit=found,
        tier=Tier(
            name=served.model,
            tries=found.tries,
            usd_per_try=task.requests_per_task * served.usd_per_request,
            standard_error=error,
        ),
    )


def _policy(task: Task) -> Policy:
    return Policy(
        up_to=task.tries,
        verifier=Verifier(
            usd=task.verifier_usd,
            false_accept=task.false_accept_frac,
            false_reject=task.false_reject_frac,
        ),
        person_usd=task.person_usd,
    )


def _records(rungs: Sequence[Rung], spent: Spent, policy: Policy) -> Iterator[TaskTier]:
    alone = Policy(up_to=policy.up_to, verifier=policy.verifier)
    for rung, solved, tries in zip(rungs, spent.solved, spent.tries, strict=True):
        yield TaskTier(
            model=rung.served.model,
            hosted=rung.served.hosted,
            success_frac=rung.rate.first_try,
            correlation_frac=rung.fit.tries.correlation,
            usd_per_try=rung.tier.usd_per_try,
            tries_per_task=tries,
            solved_frac=solved,
            usd_per_reliable_task_alone=cascade([rung.tier], alone).usd_per_reliable_task,
            evidence=rung.fit.evidence,
            source=rung.rate.source,
        )


def _said(rungs: Sequence[Rung], task: Task, like: str) -> Iterator[str]:
    yield (
        f"Tasks are taken to be as hard as those of {like}, and models to solve them as published, with no "
        "loss for the weight format."
    )
    borrowed = [rung.served.model for rung in rungs if len(rung.rate.ks) < 2 or rung.rate.with_feedback]
    if borrowed:
        yield f"How much tries of {', '.join(borrowed)} are alike is taken from other models."
    if task.false_accept_frac == 1:
        yield "Nobody checks results, so the first one is taken, right or wrong."
        return
    yield (
        "The traffic is taken to include retries; models are taken to find the same tasks hard; and a try "
        "costs what its requests cost in the planned routing."
    )
    if task.person_usd is not None:
        yield "A person is taken to be always right."
