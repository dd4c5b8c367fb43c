"""The cost per reliable task of a plan that chose its chains: who solves what, for how much, how surely."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from planner.fleet.outcome import Outcome
from planner.fleet.retries import Tries
from planner.fleet.routes import Route, of_steps
from planner.fleet.solvers import Solver
from planner.fleet.strongest import strongest
from planner.fleet.task_problem import reliable, route_of, tasks_per_h
from planner.fleet.task_record import ChainStepTaken, ReliableTask, TaskChain, TaskTier
from tonnage.evidence import Z90, Quantiles
from workloads.scenario import Scenario
from workloads.task import Task

PART_NOISE = 1e-6
"""Parts of a class below this are not shown as chains."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A chain that some tasks take.

    Attributes
    ----------
    part : float
        Of the class's tasks.
    per_h : float
        Tasks that take it. [1/h]
    """

    class_name: str
    task: Task
    route: Route
    part: float
    per_h: float


def chain_task(outcome: Outcome) -> ReliableTask | None:
    """Return what a reliable task costs with the chains that a plan chose; None if none ends right."""
    usd = outcome.usd_per_reliable_task
    if usd is None:
        return None
    taken, solvers = _taken(outcome), _solvers(outcome)
    total = sum(one.per_h for one in taken)
    each_try = _usd_per_try(outcome, taken)
    checks, person = _extras(taken)
    solved = sum(one.per_h * sum(one.route.solved) for one in taken) / total
    prices = {one.task.person_usd for one in taken}
    return ReliableTask(
        usd=usd,
        interval_usd=_interval(outcome, taken, solvers, each_try),
        usd_per_task=outcome.mix.usd_per_h / total,
        reliable_frac=sum(one.per_h * reliable(one.route, one.task) for one in taken) / total,
        wrong_frac=sum(one.per_h * one.route.wrong for one in taken) / total,
        left_frac=sum(one.per_h * one.route.left for one in taken) / total,
        person_usd=prices.pop() if len(prices) == 1 else None,
        break_even_person_usd=(outcome.mix.usd_per_h - person) / total / solved if solved > 0 else None,
        tiers=tuple(_tiers(outcome, taken, solvers, each_try, total)),
        chains=tuple(_chain(one) for one in sorted(taken, key=lambda one: -one.per_h)),
        tries_per_task=_tries(outcome),
        tasks_per_h=total,
        reliable_per_h=outcome.mix.usd_per_h / usd,
        bill_usd_per_h=outcome.bill_usd_per_h,
        checks_usd_per_h=checks,
        person_usd_per_h=person,
        strongest=strongest(outcome, usd, solvers),
    )


def _taken(outcome: Outcome) -> tuple[Taken, ...]:
    scenario, problem = outcome.market.scenario, outcome.problem
    kinds, offers = outcome.market.of_lines(outcome.lines).triers()
    known = {j: route_of(scenario, problem, [*kinds, *offers], j) for j in sorted(problem.tasks.classes)}
    found = []
    for chain, part in zip(problem.tasks.chains, outcome.mix.chains, strict=True):
        traffic = scenario.classes[chain.klass]
        task = scenario.task_of(traffic)
        if part > PART_NOISE and task is not None:
            found.append(
                Taken(
                    class_name=traffic.name,
                    task=task,
                    route=known[chain.klass][chain.key],
                    part=part,
                    per_h=part * tasks_per_h(traffic, task),
                )
            )
    return tuple(found)


def _solvers(outcome: Outcome) -> dict[str, Solver]:
    kinds, offers = outcome.market.of_lines(outcome.lines).triers()
    return {one.name: one for trier in (*kinds, *offers) for one in trier.solvers if one is not None}


def _tries(outcome: Outcome) -> dict[str, float]:
    classes = outcome.market.scenario.classes
    return {classes[j].name: outcome.tries[j] for j in sorted(outcome.problem.tasks.classes)}


def _extras(taken: Sequence[Taken]) -> tuple[float, float]:
    """Return what checks and persons cost [USD/h]."""
    checks = sum(one.per_h * sum(one.route.tries) * one.task.verifier_usd for one in taken)
    person = sum(one.per_h * one.route.left * (one.task.person_usd or 0.0) for one in taken)
    return checks, person


def _spent_by_solver(outcome: Outcome) -> tuple[dict[str, float], dict[str, float]]:
    """Return the bill of each solver's tries, and the part of it that goes to offers [USD/h].

    Units that serve several classes cost each what it keeps of them busy.
    """
    problem, mix, scenario = outcome.problem, outcome.mix, outcome.market.scenario
    spent: dict[str, float] = {}
    hosted: dict[str, float] = {}
    for kind, shares, bill in zip(problem.kinds, mix.shares, _bills(outcome), strict=True):
        busy = [
            share * traffic.requests_per_s / able if share > 0 else 0.0
            for share, traffic, able in zip(shares, scenario.classes, kind.capacity, strict=True)
        ]
        for j in problem.tasks.classes:
            if busy[j] > 0:
                name, _ = kind.skill.of(j)
                spent[name] = spent.get(name, 0.0) + bill * busy[j] / sum(busy)
    for offer, shares in zip(problem.offers, mix.offer_shares, strict=True):
        for j in problem.tasks.classes:
            price = offer.usd_per_h[j]
            if price is not None and shares[j] > 0:
                name, _ = offer.skill.of(j)
                spent[name] = spent.get(name, 0.0) + price * shares[j]
                hosted[name] = hosted.get(name, 0.0) + price * shares[j]
    return spent, hosted


def _bills(outcome: Outcome) -> list[float]:
    """Return what the units of each kind cost on the mean over time [USD/h]."""
    problem, mix = outcome.problem, outcome.mix
    return [
        sum(
            span.time_frac * count * way.usd_per_h
            for span, part in zip(problem.spans, mix.by_period, strict=True)
            for count, way in zip(part.bought[place], kind.purchases, strict=True)
        )
        for place, kind in enumerate(problem.kinds)
    ]


def _tries_by_solver(taken: Sequence[Taken]) -> dict[str, float]:
    found: dict[str, float] = {}
    for one in taken:
        for step, tries in zip(one.route.steps, one.route.tries, strict=True):
            found[step.solver] = found.get(step.solver, 0.0) + one.per_h * tries
    return found


def _usd_per_try(outcome: Outcome, taken: Sequence[Taken]) -> dict[str, float]:
    spent, _ = _spent_by_solver(outcome)
    return {
        name: spent.get(name, 0.0) / tries for name, tries in _tries_by_solver(taken).items() if tries > 0
    }


def _tiers(
    outcome: Outcome,
    taken: Sequence[Taken],
    solvers: Mapping[str, Solver],
    each_try: Mapping[str, float],
    total: float,
) -> Iterator[TaskTier]:
    """Yield the solvers that try, those whose try costs least first."""
    spent, hosted = _spent_by_solver(outcome)
    tries = _tries_by_solver(taken)
    for name in sorted(each_try, key=lambda one: each_try[one]):
        solver = solvers[name]
        own = [(one, step) for one in taken for step in zip(one.route.steps, one.route.solved, strict=True)]
        yield TaskTier(
            model=name,
            hosted=hosted.get(name, 0.0) >= spent.get(name, 0.0) > 0,
            success_frac=solver.fit.tries.mean,
            correlation_frac=solver.fit.tries.correlation,
            usd_per_try=each_try[name],
            tries_per_task=tries[name] / total,
            solved_frac=sum(one.per_h * done for one, (step, done) in own if step.solver == name) / total,
            loss_frac=solver.loss_frac,
            evidence=solver.fit.evidence,
            source=solver.rate.source,
        )


def _chain(one: Taken) -> TaskChain:
    route = one.route
    return TaskChain(
        class_name=one.class_name,
        share_frac=one.part,
        steps=tuple(
            ChainStepTaken(model=step.solver, up_to=step.up_to, tries_per_task=tries, solved_frac=solved)
            for step, tries, solved in zip(route.steps, route.tries, route.solved, strict=True)
        ),
        reliable_frac=reliable(route, one.task),
        wrong_frac=route.wrong,
        left_frac=route.left,
        worst_s=route.worst_s,
    )


def _interval(
    outcome: Outcome, taken: Sequence[Taken], solvers: dict[str, Solver], each_try: Mapping[str, float]
) -> Quantiles | None:
    """Return the cost per reliable task with what is not known of successes and capacities [USD].

    Notes
    -----
    Each solver's mean success is moved by 1.28 standard errors on the logit scale with the chains
    kept as chosen, and each kind's capacity by the width of its prediction; half the log ratio of
    the two costs is its share of the width, and shares add in squares. Prices, correlations and
    the price of a try are taken as exact.
    """
    square = sum(width**2 for width in _capacity_widths(outcome))
    other = outcome.bill_usd_per_h - sum(_spent_by_solver(outcome)[0].values())
    for name in each_try:
        solver = solvers[name]
        error = solver.standard_error
        if error is None:
            return None
        ends = [
            _cost({**solvers, name: _moved(solver, error, sign)}, taken, each_try, other) for sign in (-1, 1)
        ]
        if min(ends) <= 0 or not all(map(math.isfinite, ends)):
            return None
        square += (math.log(ends[0] / ends[1]) / 2) ** 2
    usd = outcome.usd_per_reliable_task
    return None if not usd else Quantiles.lognormal(usd, math.sqrt(square) / Z90)


def _cost(
    solvers: dict[str, Solver], taken: Sequence[Taken], each_try: Mapping[str, float], other: float
) -> float:
    """Return the spend per reliable task of chains whose solvers succeed otherwise [USD]."""
    spend, right = other, 0.0
    for one in taken:
        route = of_steps(one.task, one.route.steps, solvers)
        paid = sum(
            tries * (each_try[step.solver] + one.task.verifier_usd)
            for step, tries in zip(route.steps, route.tries, strict=True)
        )
        spend += one.per_h * (paid + route.left * (one.task.person_usd or 0.0))
        right += one.per_h * reliable(route, one.task)
    return spend / right if right > 0 else math.inf


def _moved(solver: Solver, error: float, sign: int) -> Solver:
    """Return the solver with its mean at an end of its 80 % interval."""
    mean = min(max(solver.fit.tries.mean, error / 2), 1 - error / 2)
    if not 0 < mean < 1:
        return solver
    logit = math.log(mean / (1 - mean)) + sign * Z90 * error / (mean * (1 - mean))
    tries = Tries(mean=1 / (1 + math.exp(-logit)), correlation=solver.fit.tries.correlation)
    return replace(solver, fit=replace(solver.fit, tries=tries))


def _capacity_widths(outcome: Outcome) -> Iterator[float]:
    """Yield, per kind, half the log width of its capacity times its part of all spend."""
    for line, shares, bill in zip(outcome.lines, outcome.mix.shares, _bills(outcome), strict=True):
        widths = [
            math.log(able.requests_per_s.p90 / able.requests_per_s.p10) / 2
            for able, share in zip(line.abilities or (), shares, strict=True)
            if share > 0 and able.requests_per_s is not None and able.requests_per_s.p10 > 0
        ]
        yield max(widths, default=0.0) * bill / outcome.mix.usd_per_h


def said_of_chains(outcome: Outcome) -> Iterator[str]:
    """Yield what a plan with chains takes for granted."""
    scenario: Scenario = outcome.market.scenario
    yield (
        "The traffic of a class with tasks is taken as one try at every task; second tries, and models "
        "asked later, come on top of it and are bought for."
    )
    tasks = {task for each in scenario.classes if (task := scenario.task_of(each)) is not None}
    like = ", ".join(sorted({task.named() for task in tasks}))
    yield (
        f"Tasks are taken to be as hard as those of {like}, and models to find the same tasks hard, so "
        "that what reaches a later model is harder than what the first one saw."
    )
    solvers, tried = _solvers(outcome), _tries_by_solver(_taken(outcome))
    unsourced = sorted(name for name in tried if solvers[name].loss_frac is None)
    if unsourced:
        yield (
            f"What the weight format takes off the success of {', '.join(unsourced)} on such tasks is "
            "unknown and left out: no source gives it."
        )
    for task in sorted(tasks, key=lambda one: one.named()):
        if task.false_accept_frac == 1:
            yield f"Nobody checks results on {task.named()}, so the first one is taken, right or wrong."
        if task.deadline_s is not None:
            yield (
                f"Within {task.deadline_s:.3g} s no try at {task.named()} is begun that might not end: a try "
                "is taken to last as long as its requests one after the other at the 95th percentiles of "
                "a full unit. The time of a person does not count."
            )
    if any(task.person_usd is not None for task in tasks):
        yield "A person is taken to be always right."
    if any(j not in outcome.problem.tasks.classes for j in range(len(scenario.classes))):
        yield "The spend for classes whose requests are no tasks is in the cost per reliable task."
    if scenario.budget.usd_per_month is not None:
        yield "The budget is one of units and hosted offers; checks and persons are paid on top of it."
