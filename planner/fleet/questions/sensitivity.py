"""What moves the plan: each input moved in turn and the programme solved again."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from planner.fleet.answer.label import label_of
from planner.fleet.answer.outcome import Outcome, solve
from planner.fleet.questions import relax
from planner.fleet.questions.decision import Decision, undominated
from planner.fleet.questions.task_relax import with_task
from planner.fleet.records.plan_record import Sensitivity
from planner.fleet.supply import floors
from planner.fleet.supply.line import Line
from planner.fleet.supply.market import Market
from planner.fleet.supply.task_market import by_chains, tasks
from workloads.task import Task

LOAD_STEPS = (0.5, 1.25, 2.0)
LENGTH_STEPS = (0.5, 2.0)
LIMIT_STEPS = (0.5, 2.0)
PERSON_STEPS = (0.25, 4.0)
DEAREST = 4.0
"""Prices are raised this far in search of the point where the decision flips."""
RATIO = 1.01
"""Flip points of prices are found to one percent."""
COARSE_RATIO = 2**0.25 + 1e-9
"""Those of what must be predicted anew, to the fourth part of a doubling."""

Asked = Callable[[float], Outcome | None]
"""What is bought once an input is moved by a factor."""
Nearby = Callable[[Outcome | None], Asked]


def sensitivity(decision: Decision) -> tuple[Sensitivity, ...]:
    """Return what each input does to cost and choice, one step or flip point at a time."""
    return (
        *_load(decision),
        *_lengths(decision),
        *_device_prices(decision),
        *_api_price(decision),
        *_limits(decision),
        *_quality(decision),
        *_person(decision),
    )


def _load(decision: Decision) -> Iterator[Sensitivity]:
    def at(factor: float) -> Outcome | None:
        return solve(decision.near, load=factor, quick=True)

    yield from _steps("traffic.requests_per_s", LOAD_STEPS, decision.outcome, at)


def _lengths(decision: Decision) -> Iterator[Sensitivity]:
    """Make prompts, and answers, shorter and longer.

    Asked are the candidates that are not dominated today; all of them where none of those is left, as
    longer requests may not fit the window of the cheapest model. What the user measured is a capacity at
    today's lengths, so nothing is said where there is any.
    """
    if any(item.measured is not None for item in decision.candidates):
        return
    nearest = decision.nearby()
    for what in ("prompt", "output"):

        def at(factor: float, what: str = what) -> Outcome | None:
            moved = relax.with_lengths(decision.scenario, what, factor)
            return nearest.again(moved) or decision.again(moved)

        def nearby(after: Outcome | None, what: str = what) -> Asked:
            near = decision.nearby(after)
            return lambda factor: near.again(relax.with_lengths(decision.scenario, what, factor))

        yield from _steps(f"traffic.{what}_tokens", LENGTH_STEPS, decision.outcome, at, nearby)


def _steps(
    name: str,
    steps: Sequence[float],
    before: Outcome,
    at: Asked,
    nearby: Nearby | None = None,
) -> Iterator[Sensitivity]:
    """Move an input by factors; where the choice changes on the way there, say from which factor on.

    `nearby` takes what was chosen at a factor and returns what to ask between it and 1.
    """
    for step in steps:
        after = at(step)
        moved = _step(name, f"x {step:g}", before, after)
        if moved.flips and not any(1 < one < step or step < one < 1 for one in steps):
            yield from _first_change(name, step, before, at if nearby is None else nearby(after))
        yield moved


def _first_change(name: str, step: float, before: Outcome, at: Asked) -> Iterator[Sensitivity]:
    tried: dict[float, Outcome | None] = {}

    def flips(factor: float) -> bool:
        tried[factor] = at(factor)
        return _changes(before, tried[factor])

    factor = relax.first_that_holds(flips, 1.0, step, ratio=COARSE_RATIO)
    if factor in tried:
        yield _step(name, f"x {factor:.2g}", before, tried[factor])


def _changes(before: Outcome, after: Outcome | None) -> bool:
    return after is None or after.groups() != before.groups()


def _step(name: str, change: str, before: Outcome, after: Outcome | None) -> Sensitivity:
    if after is None:
        return Sensitivity(input=name, change=change, flips=True, detail="no plan is left")
    flips = _changes(before, after)
    return Sensitivity(
        input=name,
        change=change,
        cost_usd_per_month=after.usd_per_month,
        usd_per_reliable_task=after.usd_per_reliable_task,
        flips=flips,
        detail=label_of(after) + ("" if after.within_budget else " (over the budget)"),
    )


def _device_prices(decision: Decision) -> Iterator[Sensitivity]:
    """Find, per device in the plan, the price at which the choice changes."""
    outcome = decision.outcome
    for device in dict.fromkeys(item.line.candidate.deployment.device for item in outcome.deployed()):
        market = _worth_keeping(outcome.market, device)

        def dearer(factor: float, market: Market = market, device: str = device) -> Outcome | None:
            def price(line: Line) -> float:
                return factor if line.candidate.deployment.device == device else 1.0

            return solve(market, price=price, quick=True)

        yield _flip(f"price of {device}", outcome, dearer, edge=DEAREST)


def _flip(name: str, before: Outcome, after: Asked, *, edge: float) -> Sensitivity:
    """Find the factor between 1 and `edge` at which what is chosen changes."""

    def flips(factor: float) -> bool:
        return _changes(before, after(factor))

    if not flips(edge):
        detail = f"the choice stays even at {edge:g} times as much"
        return Sensitivity(input=name, change=f"x {edge:g}", flips=False, detail=detail)
    factor = relax.first_that_holds(flips, 1.0, edge, ratio=RATIO)
    return _step(name, f"{factor - 1:+.0%}", before, after(factor))


def _worth_keeping(market: Market, device: str) -> Market:
    """Keep the lines that can be cheapest at some price of the device: those of it, and of all others."""
    own = [line for line in market.lines if line.candidate.deployment.device == device]
    rest = [line for line in market.lines if line.candidate.deployment.device != device]
    return market.of_lines((*undominated(market, own), *undominated(market, rest)))


def _api_price(decision: Decision) -> Iterator[Sensitivity]:
    """Find how far hosted prices must fall, or rise if the plan uses them, for the choice to change."""
    outcome = decision.outcome
    if outcome.market.hosted:
        market = decision.near
        edge = DEAREST if outcome.api() else 1 / DEAREST
        yield _flip(
            "prices of hosted APIs", outcome, lambda f: solve(market, api_price=f, quick=True), edge=edge
        )


def _limits(decision: Decision) -> Iterator[Sensitivity]:
    predicted = any(item.measured is None for item in decision.candidates)
    if not predicted or not relax.limits(decision.scenario):
        return

    def at(factor: float, decision: Decision = decision) -> Outcome | None:
        return decision.again(relax.with_all_limits(decision.scenario, factor))

    def nearby(after: Outcome | None) -> Asked:
        near = decision.nearby(after)
        return lambda factor: at(factor, near)

    yield from _steps("latency limits", LIMIT_STEPS, decision.outcome, at, nearby)


def _quality(decision: Decision) -> Iterator[Sensitivity]:
    """Raise each floor just above the worst model in the plan."""
    for benchmark in floors.highest(decision.scenario):
        scores = [value for value in _scores(decision.outcome, benchmark) if value is not None]
        if scores:
            above = min(scores) + 0.01
            scenario = relax.with_raised_floor(decision.scenario, benchmark, above)
            yield _step(
                f"quality.{benchmark}_min",
                f"above {min(scores):.1f}",
                decision.outcome,
                decision.again(scenario),
            )


def _person(decision: Decision) -> Iterator[Sensitivity]:
    """Let the person who takes what no model solves ask less, and more."""
    market = decision.outcome.market
    asks = any(task is not None and task.person_usd for task in tasks(market.scenario))
    for step in PERSON_STEPS if asks and by_chains(market.scenario) else ():

        def changed(task: Task, step: float = step) -> Task:
            return task.model_copy(update={"person_usd": task.person_usd and step * task.person_usd})

        moved = replace(market, scenario=with_task(market.scenario, changed))
        yield _step("task.person_usd", f"x {step:g}", decision.outcome, solve(moved, quick=True))


def _scores(outcome: Outcome, benchmark: str) -> Iterator[float | None]:
    for item in outcome.deployed():
        deployment = item.line.candidate.deployment
        yield floors.score(benchmark, deployment.model, deployment.weights)
    for offer, shares in zip(outcome.market.hosted, outcome.mix.offer_shares, strict=True):
        if any(shares):
            yield floors.offered(benchmark, offer.offer)
