"""Break-even per task that ends right: at which price of a person, success and volume chains pay.

Notes
-----
Chains whose spend without the person is A a task solve the share S and leave h to a person who asks x:
a right end costs (A + h x) / (S + h), which is below x where x is above A / S, whatever h is. The least
A / S of all chains is found as in `planner.fleet.solve.ratio`: the best chains for a price x have a ratio
that is no larger than x wherever some chains' is, and the price moves there, until it stays.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from planner.break_even.record import PersonPrice, SuccessEven, TaskEven, TaskVolume
from planner.fleet.answer.chain_cost import chain_task
from planner.fleet.answer.outcome import Outcome, solve
from planner.fleet.answer.success_even import even_factor
from planner.fleet.questions import relax
from planner.fleet.questions.task_relax import with_task
from planner.fleet.records.task_record import ReliableTask, TaskChain
from planner.fleet.supply.ability import Predictor
from planner.fleet.supply.market import Market, survey
from planner.fleet.supply.task_market import check_tasks, tasks
from workloads.scenario import Budget, Objective, Scenario

LOADS = (1 / 256, 1 / 64, 1 / 16, 1 / 4, 1.0, 4.0)
"""Volumes looked at, as factors on that of the scenario."""
PRICES = (0.25, 0.5, 1.0, 2.0, 4.0)
"""The same of a person's price."""
RATIO = 1.05
"""Volumes are found to five percent."""
LESS = 0.99
"""What costs less than this part of another pays: what-ifs are solved to a percent."""
STEPS = 8
"""Prices of a person tried, at most."""
PERSON = "a person"
SETTLED_FRAC = 1e-6


@dataclass(frozen=True, slots=True)
class Decided:
    """The best chains under some price of the person and at some volume."""

    outcome: Outcome
    task: ReliableTask


def task_even(scenario: Scenario) -> TaskEven | None:
    """Return where chains of models pay; None without tasks, or where no chain can be served.

    Parameters
    ----------
    scenario : Scenario
        Its limits, floors and candidates hold; its budget does not.
    """
    if not any(tasks(scenario)):
        return None
    asked = relax.grown(scenario).model_copy(
        update={"objective": Objective.RELIABLE_TASK, "budget": Budget()}
    )
    check_tasks(asked)
    market = _market(asked).settled()
    now = _decided(market)
    if now is None:
        return None
    volumes = [(load, one) for load in LOADS if (one := _decided(market, load=load)) is not None]
    person = _person_usd(asked)
    task, best = now.task, now.task.strongest
    return TaskEven(
        tasks_per_h=task.tasks_per_h or 0.0,
        usd=task.usd,
        reliable_frac=task.reliable_frac,
        chain=_chain(task),
        person_usd=person,
        person_even_usd=None if person is None else _person_even(market, person),
        strongest=None if best is None else best.model,
        strongest_usd=None if best is None else best.usd_per_reliable_task,
        person_from_tasks_per_h=_from(market, volumes, task, lambda _: person),
        strongest_from_tasks_per_h=_from(market, volumes, task, _strongest_usd),
        successes=tuple(_successes(now, person)),
        volumes=tuple(_volume(load, task, one) for load, one in volumes),
        prices=() if person is None else tuple(_prices(market, person)),
    )


def _market(scenario: Scenario) -> Market:
    """Return what is for sale; models that only offers serve may be named where offers are not wanted."""
    chosen = scenario.candidates.model_copy(update={"api": True})
    market = survey(scenario.model_copy(update={"candidates": chosen}), Predictor())[0]
    market = replace(market, scenario=scenario)
    return market if scenario.candidates.api else market.without_hosted()


def _decided(market: Market, *, load: float = 1.0) -> Decided | None:
    outcome = solve(market, load=load, quick=True)
    task = None if outcome is None else chain_task(outcome)
    return None if outcome is None or task is None else Decided(outcome, task)


def _person_usd(scenario: Scenario) -> float | None:
    """Return what a person asks; None if there is none, or not the same one for all tasks."""
    prices = {task.person_usd for task in tasks(scenario) if task is not None}
    return prices.pop() if len(prices) == 1 else None


def _at_price(market: Market, usd: float) -> Decided | None:
    priced = with_task(market.scenario, lambda task: task.model_copy(update={"person_usd": usd}))
    return _decided(replace(market, scenario=priced))


def _person_even(market: Market, usd: float) -> float | None:
    """Return the least price of a person at which some chains cost no more than that person alone."""
    best: float | None = None
    for _ in range(STEPS):
        found = _at_price(market, usd)
        even = None if found is None else found.task.break_even_person_usd
        if even is None or (best is not None and even >= best * (1 - SETTLED_FRAC)):
            break
        best = usd = even
    return best


def _prices(market: Market, usd: float) -> Iterator[PersonPrice]:
    for factor in PRICES:
        found = _at_price(market, factor * usd)
        if found is not None:
            yield PersonPrice(
                person_usd=factor * usd,
                usd=found.task.usd,
                left_frac=found.task.left_frac,
                chain=_chain(found.task),
                pays=found.task.usd < factor * usd,
            )


def _strongest_usd(task: ReliableTask) -> float | None:
    return None if task.strongest is None else task.strongest.usd_per_reliable_task


def _from(
    market: Market,
    volumes: list[tuple[float, Decided]],
    now: ReliableTask,
    rival: Callable[[ReliableTask], float | None],
) -> float | None:
    """Return the volume from which on chains cost less than a rival [tasks/h].

    Looked for between the largest volume looked at that does not pay and the next one.
    """

    def pays(task: ReliableTask) -> bool:
        usd = rival(task)
        return usd is not None and task.usd < usd * LESS

    def holds(load: float) -> bool:
        found = _decided(market, load=load)
        return found is not None and pays(found.task)

    paying = [pays(one.task) for _, one in volumes]
    if not paying or not paying[-1]:
        return None
    if all(paying):
        return 0.0
    last = max(place for place, one in enumerate(paying) if not one)
    load = relax.first_that_holds(holds, volumes[last][0], volumes[last + 1][0], ratio=RATIO)
    return load * (now.tasks_per_h or 0.0)


def _successes(now: Decided, person_usd: float | None) -> Iterator[SuccessEven]:
    """Yield by how much models may fail more, all at once and one by one, against each rival."""
    tiers, best = now.task.tiers, now.task.strongest
    if person_usd is not None:
        everybody = even_factor(now.outcome, [tier.model for tier in tiers], person_usd)
        yield SuccessEven(against=PERSON, even_factor=everybody)
    for tier in tiers if len(tiers) > 1 else ():
        rivals = [(PERSON, person_usd)]
        if best is not None and best.model != tier.model:
            rivals.append((f"{best.model} alone", best.usd_per_reliable_task))
        for name, usd in rivals:
            if usd is not None:
                yield SuccessEven(
                    model=tier.model,
                    success_frac=tier.success_frac,
                    against=name,
                    even_factor=even_factor(now.outcome, [tier.model], usd),
                )


def _volume(load: float, now: ReliableTask, one: Decided) -> TaskVolume:
    return TaskVolume(
        tasks_per_h=load * (now.tasks_per_h or 0.0),
        usd=one.task.usd,
        bill_usd_per_h=one.outcome.bill_usd_per_h,
        reliable_frac=one.task.reliable_frac,
        chain=_chain(one.task),
        strongest_usd=_strongest_usd(one.task),
    )


def _chain(task: ReliableTask) -> str:
    """Return the chain that most tasks take, in words."""

    def words(one: TaskChain) -> str:
        steps = (f"{step.model} x {step.up_to}" if step.up_to > 1 else step.model for step in one.steps)
        return ", then ".join(steps)

    return words(max(task.chains, key=lambda one: one.share_frac)) if task.chains else "nobody"
