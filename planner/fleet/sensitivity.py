"""What moves the plan: each input moved in turn and the programme solved again."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from planner.fleet import floors, relax
from planner.fleet.ability import Predictor
from planner.fleet.candidates import Candidate
from planner.fleet.dominance import reduce
from planner.fleet.label import label_of
from planner.fleet.line import Line
from planner.fleet.market import Market, rate, survey
from planner.fleet.mix import shadow_prices
from planner.fleet.outcome import Outcome, solve
from planner.fleet.plan_record import Binding, Sensitivity
from planner.fleet.split_search import is_half
from planner.fleet.task_market import by_chains, tasks
from planner.fleet.task_relax import with_task
from planner.fleet.task_solve import as_mixed
from tonnage.units import HOURS_PER_MONTH
from workloads.scenario import Scenario
from workloads.task import Task

LOAD_STEPS = (0.5, 1.25, 2.0)
LIMIT_STEPS = (0.5, 2.0)
PERSON_STEPS = (0.25, 4.0)
FLOOR_STEP_PERCENT = 5.0
"""Benchmark points by which a floor is lowered to see whether it binds."""
DEAREST = 4.0
"""Prices are raised this far in search of the point where the decision flips."""
RATIO = 1.01
"""Flip points are found to one percent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """A plan that was decided, with what is needed to decide again."""

    outcome: Outcome
    candidates: Sequence[Candidate]
    predictor: Predictor

    @property
    def scenario(self) -> Scenario:
        """The scenario that was decided."""
        return self.outcome.market.scenario

    def again(self, scenario: Scenario) -> Outcome | None:
        """Decide for the same candidates under other limits."""
        return solve(rate(scenario, self.candidates, self.predictor, reasons=False), quick=True)


def sensitivity(decision: Decision) -> tuple[Sensitivity, ...]:
    """Return what each input does to cost and choice, one step or flip point at a time."""
    return (
        *_load(decision),
        *_device_prices(decision),
        *_api_price(decision),
        *_limits(decision),
        *_quality(decision),
        *_person(decision),
    )


def binding(decision: Decision) -> tuple[Binding, ...]:
    """Return the constraints that set the plan's cost, with their shadow prices in words."""
    return (*_load_rows(decision.outcome), *_budget_row(decision.outcome), *_floor_rows(decision))


def _load_rows(outcome: Outcome) -> Iterator[Binding]:
    problem = outcome.problem
    chosen = as_mixed(problem, outcome.mix) if problem.tasks.classes else problem
    prices = shadow_prices(chosen)
    for traffic, price in zip(outcome.market.scenario.classes, prices or (), strict=False):
        per_month = price * HOURS_PER_MONTH
        yield Binding(
            constraint=f"load of class {traffic.name}",
            detail=f"one more request/s of peak load costs about {price:.3g} USD/h "
            f"({per_month:.0f} USD/month); whole units make it a staircase around that line",
            usd_per_h_per_unit=price,
        )


def _budget_row(outcome: Outcome) -> Iterator[Binding]:
    budget = outcome.market.scenario.budget.usd_per_month
    if budget is None:
        return
    left = budget - outcome.usd_per_month
    rented = [priced.usd_per_h for line in outcome.market.lines for _, priced in line.candidate.bought]
    if rented and left < min(rented) * HOURS_PER_MONTH:
        yield Binding(
            constraint="budget.usd_per_month",
            detail=f"{left:.0f} of {budget:.0f} USD/month are left, less than any further unit costs",
        )


def _floor_rows(decision: Decision) -> Iterator[Binding]:
    """Search below each floor: it binds if that is cheaper."""
    for benchmark, floor in relax.floors(decision.scenario).items():
        lower = max(0.0, floor - FLOOR_STEP_PERCENT)
        outcome = solve(
            survey(relax.with_floor(decision.scenario, benchmark, lower), decision.predictor)[0],
            quick=True,
        )
        if outcome is not None and outcome.worth < decision.outcome.worth * (1 - 1e-6):
            saved = decision.outcome.usd_per_month - outcome.usd_per_month
            yield Binding(
                constraint=f"quality.{benchmark}_min",
                detail=f"with a floor of {lower:g} instead of {floor:g} the plan would cost "
                f"{saved:.0f} USD/month less",
            )


def _load(decision: Decision) -> Iterator[Sensitivity]:
    for step in LOAD_STEPS:
        after = solve(decision.outcome.market, load=step, quick=True)
        yield _step("traffic.requests_per_s", f"x {step:g}", decision.outcome, after)


def _step(name: str, change: str, before: Outcome, after: Outcome | None) -> Sensitivity:
    if after is None:
        return Sensitivity(input=name, change=change, flips=True, detail="no plan is left")
    flips = after.groups() != before.groups()
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


def _flip(
    name: str, before: Outcome, after: Callable[[float], Outcome | None], *, edge: float
) -> Sensitivity:
    """Find the factor between 1 and `edge` at which what is chosen changes."""

    def flips(factor: float) -> bool:
        moved = after(factor)
        return moved is None or moved.groups() != before.groups()

    if not flips(edge):
        detail = f"the choice stays even at {edge:g} times as much"
        return Sensitivity(input=name, change=f"x {edge:g}", flips=False, detail=detail)
    factor = relax.first_that_holds(flips, 1.0, edge, ratio=RATIO)
    return _step(name, f"{factor - 1:+.0%}", before, after(factor))


def _worth_keeping(market: Market, device: str) -> Market:
    """Keep the lines that can be cheapest at some price of the device: those of it, and of all others."""
    own = [line for line in market.lines if line.candidate.deployment.device == device]
    rest = [line for line in market.lines if line.candidate.deployment.device != device]
    return market.of_lines((*_undominated(market, own), *_undominated(market, rest)))


def _undominated(market: Market, lines: Sequence[Line]) -> tuple[Line, ...]:
    """Return the lines that none of the others replaces, whatever hosted offers cost."""
    rated = market.of_lines(tuple(lines)).without_hosted().settled().rated()
    problem = market.of_lines(rated).without_hosted().problem()
    unknown = (line for line in lines if is_half(line) and not line.is_rated)
    return (*(rated[place] for place, _ in reduce(problem).ways), *unknown)


def _api_price(decision: Decision) -> Iterator[Sensitivity]:
    """Find how far hosted prices must fall, or rise if the plan uses them, for the choice to change."""
    outcome = decision.outcome
    if outcome.market.hosted:
        market = outcome.market.of_lines(_undominated(outcome.market, outcome.market.lines))
        edge = DEAREST if outcome.api() else 1 / DEAREST
        yield _flip(
            "prices of hosted APIs", outcome, lambda f: solve(market, api_price=f, quick=True), edge=edge
        )


def _limits(decision: Decision) -> Iterator[Sensitivity]:
    if all(item.measured is not None for item in decision.candidates):
        return
    for step in LIMIT_STEPS if relax.limits(decision.scenario) else ():
        after = decision.again(relax.with_all_limits(decision.scenario, step))
        yield _step("latency limits", f"x {step:g}", decision.outcome, after)


def _quality(decision: Decision) -> Iterator[Sensitivity]:
    """Raise each floor just above the worst model in the plan."""
    for benchmark in relax.floors(decision.scenario):
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
