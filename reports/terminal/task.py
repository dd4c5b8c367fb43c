"""What a task that ends right costs, on the terminal: who solves it, on which chains, and what else."""

from rich.table import Table as Grid

from planner.fleet.records.task_record import ReliableTask
from reports.numbers import interval, percent, usd
from reports.tables.tasks import person_price, steps
from reports.terminal.console import table


def solvers(task: ReliableTask) -> Grid:
    """Return who is asked in turn, and what is left."""
    cost = usd(task.usd) if task.interval_usd is None else interval(task.interval_usd, "USD")
    grid = table(
        f"A task that ends right: {cost}", "asked in turn", ">one try", ">USD a try", ">tries", ">solves"
    )
    for tier in task.tiers:
        grid.add_row(
            f"{tier.model}{' (API)' if tier.hosted else ''}",
            percent(tier.success_frac, digits=2),
            usd(tier.usd_per_try),
            f"{tier.tries_per_task:.2f}",
            percent(tier.solved_frac, digits=2),
        )
    if task.has_person:
        pays = task.break_even_person_usd
        above = "" if pays is None else f" (models pay off above {usd(pays)})"
        left = percent(task.left_frac, digits=2)
        grid.add_row(f"a person{above}", "", person_price(task), f"{task.left_frac:.2f}", left)
    grid.add_row("ends wrong, taken for right", "", "", "", percent(task.wrong_frac, digits=2))
    if not task.has_person:
        grid.add_row("stays open", "", "", "", percent(task.left_frac, digits=2))
    return grid


def chains(task: ReliableTask) -> Grid:
    """Return the chains that a plan takes; no rows where it chose none."""
    timed = any(one.worst_s is not None for one in task.chains)
    last = [">at the latest"] if timed else []
    grid = table("The chains that tasks take", "class", ">of its tasks", "asked in turn", ">end right", *last)
    for one in task.chains:
        time = [f"{one.worst_s:.3g} s" if one.worst_s is not None else ""] if timed else []
        grid.add_row(
            one.class_name,
            percent(one.share_frac, digits=3),
            steps(one),
            percent(one.reliable_frac, digits=3),
            *time,
        )
    return grid
