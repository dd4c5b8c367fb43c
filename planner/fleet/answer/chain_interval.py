"""How sure a cost per reliable task is: sampling errors of successes, widths of predicted capacities."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from planner.fleet.answer.chain_taken import Taken, bills, spent_by_solver
from planner.fleet.answer.outcome import Outcome
from planner.fleet.tasks.retries import Tries
from planner.fleet.tasks.routes import of_steps
from planner.fleet.tasks.solvers import Solver
from planner.fleet.tasks.task_problem import reliable
from tonnage.evidence import Z90, Quantiles


def chain_interval(
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
    other = outcome.bill_usd_per_h - sum(spent_by_solver(outcome)[0].values())
    for name in each_try:
        solver = solvers[name]
        error = solver.standard_error
        if error is None:
            return None
        ends = [
            cost_of_chains({**solvers, name: _moved(solver, error, sign)}, taken, each_try, other)
            for sign in (-1, 1)
        ]
        if min(ends) <= 0 or not all(map(math.isfinite, ends)):
            return None
        square += (math.log(ends[0] / ends[1]) / 2) ** 2
    usd = outcome.usd_per_reliable_task
    return None if not usd else Quantiles.lognormal(usd, math.sqrt(square) / Z90)


def cost_of_chains(
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
    for line, shares, bill in zip(outcome.lines, outcome.mix.shares, bills(outcome), strict=True):
        widths = [
            math.log(able.requests_per_s.p90 / able.requests_per_s.p10) / 2
            for able, share in zip(line.abilities or (), shares, strict=True)
            if share > 0 and able.requests_per_s is not None and able.requests_per_s.p10 > 0
        ]
        yield max(widths, default=0.0) * bill / outcome.mix.usd_per_h
