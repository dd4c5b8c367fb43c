"""The cost per reliable task of a plan that chose its chains: who solves what, for how much, how surely."""

from collections.abc import Iterator, Mapping, Sequence

from planner.fleet.answer.chain_interval import chain_interval
from planner.fleet.answer.chain_taken import Taken, solvers_of, spent_by_solver, taken_chains, tries_by_solver
from planner.fleet.answer.outcome import Outcome
from planner.fleet.answer.strongest import strongest
from planner.fleet.records.task_record import ChainStepTaken, ReliableTask, TaskChain, TaskTier
from planner.fleet.tasks.solvers import Solver
from planner.fleet.tasks.task_problem import reliable


def chain_task(outcome: Outcome) -> ReliableTask | None:
    """Return what a reliable task costs with the chains that a plan chose; None if none ends right."""
    usd = outcome.usd_per_reliable_task
    if usd is None:
        return None
    taken, solvers = taken_chains(outcome), solvers_of(outcome)
    total = sum(one.per_h for one in taken)
    each_try = _usd_per_try(outcome, taken)
    checks, person = _extras(taken)
    solved = sum(one.per_h * sum(one.route.solved) for one in taken) / total
    prices = {one.task.person_usd for one in taken}
    return ReliableTask(
        usd=usd,
        interval_usd=chain_interval(outcome, taken, solvers, each_try),
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


def _tries(outcome: Outcome) -> dict[str, float]:
    classes = outcome.market.scenario.classes
    return {classes[j].name: outcome.tries[j] for j in sorted(outcome.problem.tasks.classes)}


def _extras(taken: Sequence[Taken]) -> tuple[float, float]:
    """Return what checks and persons cost [USD/h]."""
    checks = sum(one.per_h * sum(one.route.tries) * one.task.verifier_usd for one in taken)
    person = sum(one.per_h * one.route.left * (one.task.person_usd or 0.0) for one in taken)
    return checks, person


def _usd_per_try(outcome: Outcome, taken: Sequence[Taken]) -> dict[str, float]:
    spent, _ = spent_by_solver(outcome)
    return {name: spent.get(name, 0.0) / tries for name, tries in tries_by_solver(taken).items() if tries > 0}


def _tiers(
    outcome: Outcome,
    taken: Sequence[Taken],
    solvers: Mapping[str, Solver],
    each_try: Mapping[str, float],
    total: float,
) -> Iterator[TaskTier]:
    """Yield the solvers that try, those whose try costs least first."""
    spent, hosted = spent_by_solver(outcome)
    tries = tries_by_solver(taken)
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
