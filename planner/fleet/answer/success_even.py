"""How often models must succeed for the chains of a plan to cost as little as something else."""

from collections.abc import Collection
from dataclasses import replace

from planner.fleet.answer.chain_interval import cost_of_chains
from planner.fleet.answer.chain_taken import solvers_of, spent_by_solver, taken_chains, tries_by_solver
from planner.fleet.answer.outcome import Outcome
from planner.fleet.tasks.solvers import Solver

EDGE = 1e-6
"""Successes closer to 0 or 1 are taken as never or always."""
ROUNDS = 40


def even_factor(outcome: Outcome, names: Collection[str], usd: float) -> float | None:
    """Return the part of their success at which some solvers make a right end cost a given sum.

    Chains, the price of a try, correlations and all other solvers stay as they are.

    Parameters
    ----------
    names : collection of str
        Solvers whose success is multiplied by the same factor, as far as it stays below 1.
    usd : float
        What something else costs per task that ends right. [USD]

    Returns
    -------
    float or None
        None if chains cost less, or more, whatever the success is.
    """
    taken, solvers = taken_chains(outcome), solvers_of(outcome)
    tried, (spent, _) = tries_by_solver(taken), spent_by_solver(outcome)
    each_try = {name: spent.get(name, 0.0) / tries for name, tries in tried.items() if tries > 0}
    other = outcome.bill_usd_per_h - sum(spent.values())
    moved = [name for name in names if name in each_try and solvers[name].fit.tries.mean > 0]
    if not moved:
        return None

    def pays(factor: float) -> bool:
        changed = {name: _times(solvers[name], factor) for name in moved}
        return cost_of_chains({**solvers, **changed}, taken, each_try, other) < usd

    paying = pays(1.0)
    far = EDGE if paying else 1 / min(solvers[name].fit.tries.mean for name in moved)
    if pays(far) == paying:
        return None
    yes, no = (1.0, far) if paying else (far, 1.0)
    for _ in range(ROUNDS):
        middle = (yes + no) / 2
        yes, no = (middle, no) if pays(middle) else (yes, middle)
    return yes


def _times(solver: Solver, factor: float) -> Solver:
    mean = min(solver.fit.tries.mean * factor, 1 - EDGE)
    return replace(solver, fit=replace(solver.fit, tries=replace(solver.fit.tries, mean=mean)))
