"""What a plan with chains takes for granted, in sentences."""

from collections.abc import Iterator

from planner.fleet.answer.chain_taken import solvers_of, taken_chains, tries_by_solver
from planner.fleet.answer.outcome import Outcome
from planner.fleet.solve.best_mix import QUICK_CHAINS
from workloads.scenario import Scenario

WORTH_SAYING = 0.005
"""Share of wrong ends from which it is said that they cost nothing."""


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
    taken = taken_chains(outcome)
    solvers, tried = solvers_of(outcome), tries_by_solver(taken)
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
    asked = sorted({(task.named(), task.person_usd) for task in tasks if task.person_usd is not None})
    if asked:
        yield "A person is taken to be always right."
    if len({usd for _, usd in asked}) > 1:
        prices = ", ".join(f"{usd:g} USD for {name}" for name, usd in asked)
        yield f"What a person asks differs by class: {prices}."
    yield from wrong_ends(
        sum(one.per_h * one.route.wrong for one in taken) / (sum(one.per_h for one in taken) or 1.0),
        held=all(task.reliable_min is not None for task in tasks),
    )
    if any(j not in outcome.problem.tasks.classes for j in range(len(scenario.classes))):
        yield "The spend for classes whose requests are no tasks is in the cost per reliable task."
    if len(outcome.problem.tasks.chains) > QUICK_CHAINS:
        yield (
            f"The plan chose among all of {len(outcome.problem.tasks.chains):,} chains; what would change "
            f"it, and the alternatives, were looked for among the {QUICK_CHAINS} of each class that are "
            "nearest to the best."
        )
    if scenario.budget.usd_per_month is not None:
        yield "The budget is one of units and hosted offers; checks and persons are paid on top of it."


def wrong_ends(wrong_frac: float, *, held: bool) -> Iterator[str]:
    """Say so where wrong results are taken for right and nothing holds their share down."""
    if wrong_frac >= WORTH_SAYING and not held:
        yield (
            f"{wrong_frac:.0%} of the tasks end with a wrong result that is taken for right. Nothing here "
            "charges for them: task.reliable_min asks for a least share of right ends."
        )
