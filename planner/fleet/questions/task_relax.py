"""How far what is asked of tasks must give way: the share that ends right, and the deadline."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from planner.fleet.answer.outcome import Outcome
from planner.fleet.programme.columns import Columns
from planner.fleet.programme.problem import Problem
from planner.fleet.programme.solution import mix_of
from planner.fleet.questions import relax
from planner.fleet.records.plan_record import Relaxation
from planner.fleet.solve.task_solve import bill_usd_per_h, within_budget
from planner.fleet.supply import try_time
from planner.fleet.supply.ability import measured
from planner.fleet.supply.candidates import Candidate
from planner.fleet.supply.market import Market
from planner.fleet.supply.task_market import by_chains, tasks, unknown
from tonnage.units import HOURS_PER_MONTH, human
from workloads.offers import offers
from workloads.scenario import Scenario, TrafficClass
from workloads.task import Task

RATIO = 1.01
"""A deadline is found to one percent; the one given is on the side that works."""
SHARE_MARGIN = 1e-6
"""Taken off the largest share so that it holds in spite of rounding."""


def with_task(scenario: Scenario, change: Callable[[Task], Task]) -> Scenario:
    """Return the scenario with every task changed."""

    def changed(traffic: TrafficClass) -> TrafficClass:
        return traffic.model_copy(update={"task": change(traffic.task)}) if traffic.task else traffic

    task = None if scenario.task is None else change(scenario.task)
    return relax.each_class(scenario, changed).model_copy(update={"task": task})


def deadline_s(scenario: Scenario) -> float | None:
    """Return the tightest deadline that some class has [s]."""
    found = [task.deadline_s for task in tasks(scenario) if task is not None and task.deadline_s is not None]
    return min(found, default=None) if by_chains(scenario) else None


def with_deadline(scenario: Scenario, seconds: float | None) -> Scenario:
    """Return the scenario with no deadline tighter than this; None takes deadlines away."""

    def eased(task: Task) -> Task:
        own = task.deadline_s
        moved = None if own is None or seconds is None else max(own, seconds)
        return task.model_copy(update={"deadline_s": moved})

    return with_task(scenario, eased)


def reliable_shares(market: Market, usd_per_h: float | None) -> Iterator[Relaxation]:
    """Yield, per class with a floor, the largest share of right ends under the other limits, solved.

    Parameters
    ----------
    usd_per_h : float or None
        What units and offers may cost at most. [USD/h]
    """
    settled = market.settled()
    problem = settled.of_lines(settled.rated()).problem()
    for klass, traffic in enumerate(market.scenario.classes):
        current = problem.tasks.right_min[klass] if problem.tasks.right_min else 0.0
        found = _most_right(problem, klass, usd_per_h) if current > 0 else None
        if found is not None and found[0] < current:
            share, cost = found
            needed = share - SHARE_MARGIN
            yield Relaxation(
                constraint="task.reliable_min",
                current=current,
                needed=needed,
                unit="of tasks",
                detail=f"{needed:.4g} of the tasks of class '{traffic.name}' can end right under the other "
                f"limits, with a bill of {cost * HOURS_PER_MONTH:,.0f} USD/month; {current:g} is asked for",
            )


def _most_right(problem: Problem, klass: int, usd_per_h: float | None) -> tuple[float, float] | None:
    """Return the largest share of a class's tasks that can end right, and the bill [USD/h]."""
    floors = tuple(0.0 if j == klass else least for j, least in enumerate(problem.tasks.right_min))
    free = replace(problem, tasks=replace(problem.tasks, right_min=floors))
    columns = Columns(free if usd_per_h is None else within_budget(free, usd_per_h))
    gain = columns.programme.vector()
    weight = sum(span.time_frac * span.scale[klass] for span in problem.spans)
    for place in problem.tasks.of(klass):
        chain = problem.tasks.chains[place]
        for t, span in enumerate(problem.spans):
            share = span.time_frac * span.scale[klass] / weight
            gain[columns.layout.chains[place, t]] -= share * chain.right_per_h / chain.tasks_per_h
    solved = columns.programme.solve(gain)
    if solved is None:
        return None
    return -float(gain @ solved.values), bill_usd_per_h(free, mix_of(columns, solved))


def deadlines(
    scenario: Scenario,
    candidates: Sequence[Candidate],
    best: Callable[[Scenario], Outcome | None],
    at_cost: Callable[[Outcome | None], str],
) -> Iterator[Relaxation]:
    """Yield the shortest deadline that can be kept, where there is one and that is too short.

    Parameters
    ----------
    best : callable
        Returns the best outcome of the same candidates in another scenario.
    at_cost : callable
        Says what an outcome costs.
    """
    current = deadline_s(scenario)
    if current is None:
        return

    def holds(seconds: float | None) -> bool:
        return best(with_deadline(scenario, seconds)) is not None

    needed = relax.smallest_that_holds(holds, current, ratio=RATIO) if holds(None) else None
    if needed is not None:
        late = too_short(scenario, candidates)
        yield Relaxation(
            constraint="task.deadline_s",
            current=current,
            needed=needed,
            unit="s",
            detail=f"no chain ends in time within {current:g} s; with {needed:.3g} s one does"
            + at_cost(best(with_deadline(scenario, needed)))
            + (f"; {late}" if late else ""),
        )


def too_short(scenario: Scenario, candidates: Sequence[Candidate]) -> str:
    """Return why no try can end before the deadline, by physics and given speeds; empty if one may."""
    if not by_chains(scenario):
        return ""
    for traffic in scenario.classes:
        task = scenario.task_of(traffic)
        found = (
            []
            if task is None or task.deadline_s is None
            else list(_times(scenario, traffic, task, candidates))
        )
        name, seconds = min(found, key=lambda one: one[1], default=("", 0.0))
        if task is not None and task.deadline_s is not None and seconds + task.verifier_s > task.deadline_s:
            return (
                f"the deadline of {human(task.deadline_s, 's')} is shorter than one try of class "
                f"'{traffic.name}': no candidate can end one faster than "
                f"{human(seconds + task.verifier_s, 's')}, the check included, which {name} takes at its peak"
            )
    return ""


def _times(
    scenario: Scenario, traffic: TrafficClass, task: Task, candidates: Sequence[Candidate]
) -> Iterator[tuple[str, float]]:
    """Yield the least time of a try that is known of each candidate and offer."""
    for item in candidates:
        unit = item.deployment
        if not unknown(scenario, traffic, unit.model, unit.weights) and item.measured is None:
            yield item.key, try_time.shortest(unit, traffic, task)
        elif not unknown(scenario, traffic, unit.model, unit.weights):
            by_limits = try_time.by_unit(measured(1.0), traffic, task, confidence=scenario.confidence)
            if by_limits is not None:
                yield item.key, by_limits
    for offer in offers() if scenario.candidates.api else ():
        seconds = try_time.by_offer(offer, traffic, task, scenario) if offer.is_current else None
        if seconds is not None and not unknown(scenario, traffic, offer.model_id or offer.model, None):
            yield f"{offer.model} at {offer.provider}", seconds
