"""What a plan with chains takes for granted, in sentences."""

from collections.abc import Iterator

from planner.fleet.best_mix import QUICK_CHAINS
from planner.fleet.chain_taken import solvers_of, taken_chains, tries_by_solver
from planner.fleet.outcome import Outcome
from workloads.scenario import Scenario


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
    solvers, tried = solvers_of(outcome), tries_by_solver(taken_chains(outcome))
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
    if len(outcome.problem.tasks.chains) > QUICK_CHAINS:
        yield (
            f"The plan chose among all of {len(outcome.problem.tasks.chains):,} chains; what would change "
            f"it, and the alternatives, were looked for among the {QUICK_CHAINS} of each class that are "
            "nearest to the best."
        )
    if scenario.budget.usd_per_month is not None:
        yield "The budget is one of units and hosted offers; checks and persons are paid on top of it."
