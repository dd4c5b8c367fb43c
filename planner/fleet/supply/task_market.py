"""Which lines and offers may try at tasks: models with a known success that can end a try in time."""

from collections.abc import Sequence
from dataclasses import replace

from planner.deployment import Deployment
from planner.fleet.records.plan_record import Rejected
from planner.fleet.supply import try_time
from planner.fleet.supply.ability import Ability
from planner.fleet.supply.hosted import Hosted
from planner.fleet.tasks.solvers import Solver, solver
from tonnage.errors import InvalidInput
from workloads.scenario import Objective, Scenario, TrafficClass
from workloads.task import Task

Times = tuple[float | None, ...]


def by_chains(scenario: Scenario) -> bool:
    """Tell whether the programme chooses who tries at tasks: it then takes the traffic for first tries."""
    return scenario.objective is Objective.RELIABLE_TASK or any(
        task is not None and task.reliable_min is not None for task in tasks(scenario)
    )


def tasks(scenario: Scenario) -> tuple[Task | None, ...]:
    """Return the task of each class, None for one whose requests are no tasks."""
    return tuple(scenario.task_of(traffic) for traffic in scenario.classes)


def check_tasks(scenario: Scenario) -> None:
    """Refuse what a plan cannot do for tasks.

    Raises
    ------
    InvalidInput
        One line that names the setting and what to write instead.
    """
    found = [task for task in tasks(scenario) if task is not None]
    if scenario.objective is Objective.RELIABLE_TASK and not found:
        raise InvalidInput(
            'objective = "reliable-task" needs a [task]: say what a right end is, e.g. [task] benchmark = ...'
        )
    if not by_chains(scenario):
        _check_unused(scenario, found)
    elif scenario.objective not in (Objective.RELIABLE_TASK, Objective.COST):
        raise InvalidInput(
            f'task.reliable_min goes with objective = "cost" or "reliable-task", not "{scenario.objective}"'
        )


def _check_unused(scenario: Scenario, found: Sequence[Task]) -> None:
    """Refuse what only the choice of chains reads, where chains are not chosen."""
    way_out = 'set objective = "reliable-task", or task.reliable_min to buy for a share of right ends'
    for task in found:
        for key in ("deadline_s", "chains"):
            if getattr(task, key) is not None:
                raise InvalidInput(f"task.{key} is read where chains of models are chosen: {way_out}")
    for traffic in scenario.classes:
        if traffic.task is not None:
            raise InvalidInput(
                f"class '{traffic.name}' has a task of its own, which is read where chains are chosen: "
                f"{way_out}"
            )


def solver_of(scenario: Scenario, traffic: TrafficClass, model: str, weights: str | None) -> Solver | None:
    """Return a model as a solver of the tasks of a class; None without a task or a known success."""
    task = scenario.task_of(traffic) if by_chains(scenario) else None
    return None if task is None else solver(task, model, weights)


def unknown(scenario: Scenario, traffic: TrafficClass, model: str, weights: str | None) -> str:
    """Return why a model may not try at the tasks of a class, empty if it may."""
    task = scenario.task_of(traffic)
    if task is None or not by_chains(scenario):
        return ""
    if task.chains is not None and not any(step.model == model for one in task.chains for step in one):
        return "it is in none of task.chains"
    if solver(task, model, weights) is None:
        return f"no success of {model} on {task.named()} is published; give results of your own as task.evals"
    return ""


def good_enough(
    scenario: Scenario, model: str, weights: str | None, floors_hold: Sequence[bool], shortfall: str
) -> tuple[tuple[bool, ...], str]:
    """Return, per class, whether a model may serve it, and in words why not the first time."""
    why = [unknown(scenario, traffic, model, weights) for traffic in scenario.classes]
    may = tuple(ok and not reason for ok, reason in zip(floors_hold, why, strict=True))
    return may, shortfall or next((reason for reason in why if reason), "")


def unit_times(
    scenario: Scenario, unit: Deployment, abilities: Sequence[Ability] | None
) -> tuple[Times, tuple[str, ...]]:
    """Return, per class, the time of a try on a unit, and why it is no use before the deadline.

    What is not rated yet stands at the least that physics allows.
    """
    if not by_chains(scenario):
        return (None,) * len(scenario.classes), ("",) * len(scenario.classes)
    times: list[float | None] = []
    why: list[str] = []
    for place, traffic in enumerate(scenario.classes):
        task = scenario.task_of(traffic)
        if task is None or task.deadline_s is None:
            times.append(None)
            why.append("")
            continue
        time_s = (
            try_time.shortest(unit, traffic, task)
            if abilities is None
            else try_time.by_unit(abilities[place], traffic, task, confidence=scenario.confidence)
        )
        times.append(time_s)
        why.append(try_time.NO_LIMIT if time_s is None else try_time.too_long(time_s, task))
    return tuple(times), tuple(why)


def offer_times(scenario: Scenario, hosted: Hosted) -> Times:
    """Return, per class, the time of a try on an offer; None where time does not matter or is not known."""
    return tuple(
        None
        if (task := scenario.task_of(traffic)) is None or task.deadline_s is None
        else try_time.by_offer(hosted.offer, traffic, task, scenario)
        for traffic in scenario.classes
    )


def for_tasks(scenario: Scenario, offers: Sequence[Hosted], rejected: list[Rejected]) -> tuple[Hosted, ...]:
    """Return the offers that may serve some class, tasks considered, noting why others may not."""
    if not by_chains(scenario):
        return tuple(offers)
    found = []
    for hosted in offers:
        model = hosted.offer.model_id or hosted.offer.model
        times = offer_times(scenario, hosted)
        why = [
            _offer_refusal(scenario, traffic, model, time_s)
            for traffic, time_s in zip(scenario.classes, times, strict=True)
        ]
        prices = tuple(None if reason else price for price, reason in zip(hosted.usd_per_h, why, strict=True))
        if any(price is not None for price in prices):
            found.append(replace(hosted, usd_per_h=prices))
        else:
            rejected.append(Rejected(candidate=hosted.key, why=next(filter(None, why), "")))
    return tuple(found)


def _offer_refusal(scenario: Scenario, traffic: TrafficClass, model: str, time_s: float | None) -> str:
    reason = unknown(scenario, traffic, model, None)
    task = scenario.task_of(traffic)
    if reason or task is None or task.deadline_s is None:
        return reason
    return try_time.NO_SPEED if time_s is None else try_time.too_long(time_s, task)
