"""What the strongest model would cost alone: the same programme with its chains of one step."""

from collections.abc import Mapping
from dataclasses import replace

from planner.fleet.answer.outcome import Outcome
from planner.fleet.programme.problem import Problem
from planner.fleet.records.task_record import SingleModel
from planner.fleet.solve.mix import cheapest
from planner.fleet.solve.ratio import least_per_right, right_per_h
from planner.fleet.solve.relaxed_ratio import tasks_per_h
from planner.fleet.solve.task_solve import bill_usd_per_h
from planner.fleet.tasks.solvers import Solver


def strongest(outcome: Outcome, usd: float, solvers: Mapping[str, Solver]) -> SingleModel | None:
    """Return what the most reliable single model costs per right end; None if none can serve alone.

    Parameters
    ----------
    usd : float
        Cost per reliable task of the plan itself. [USD]
    solvers : mapping of str to Solver
        By name.

    Notes
    -----
    With B its bill, E its spend on checks and persons, R its right ends: (x B + E) / R = usd at
    x = (usd R - E) / B.
    """
    problem = outcome.problem
    for solver in sorted(solvers, key=lambda name: -solvers[name].fit.tries.mean):
        alone = only(problem, solver)
        found = None if alone is None else least_per_right(alone, cheapest)
        if alone is None or found is None:
            continue
        right = right_per_h(alone, found.mix)
        bill = bill_usd_per_h(alone, found.mix)
        extras = found.mix.usd_per_h - bill
        frac = (usd * right - extras) / bill if bill > 0 else None
        most = max(zip(found.mix.chains, alone.tasks.chains, strict=True), key=lambda pair: pair[0])[1]
        return SingleModel(
            model=solver,
            up_to=int(most.key.rpartition("*")[2].partition("@")[0]),
            usd_per_reliable_task=found.usd,
            reliable_frac=right / tasks_per_h(alone),
            bill_usd_per_h=bill,
            break_even_price_frac=frac if frac is not None and frac > 0 else None,
        )
    return None


def only(problem: Problem, solver: str) -> Problem | None:
    """Return the problem with the chains of one solver alone; None if a class has none."""
    chains = tuple(chain for chain in problem.tasks.chains if {ask.solver for ask in chain.asks} == {solver})
    if {chain.klass for chain in chains} != set(problem.tasks.classes):
        return None
    return replace(problem, tasks=replace(problem.tasks, chains=chains, right_min=()))
