"""What a task that ends right costs: who solves it, on which chains, and where the money goes."""

from planner.fleet.records.task_record import ReliableTask, TaskChain
from reports.content import Table, headings
from reports.numbers import percent, usd
from tonnage.units import HOURS_PER_MONTH


def solvers(task: ReliableTask) -> Table:
    """Tabulate the models that are asked, and what is left to a person or open."""
    rows = [
        (
            f"{tier.model}{' (API)' if tier.hosted else ''}",
            percent(tier.success_frac, digits=2),
            usd(tier.usd_per_try),
            f"{tier.tries_per_task:.2f}",
            percent(tier.solved_frac, digits=2),
            tier.evidence.value,
        )
        for tier in task.tiers
    ]
    left = percent(task.left_frac, digits=2)
    if task.has_person:
        rows.append(("a person", "100 %", person_price(task), f"{task.left_frac:.2f}", left, "assumed"))
    else:
        rows.append(("nobody: it stays open", "", "", "", left, ""))
    rows.append(("ends wrong, taken for right", "", "", "", percent(task.wrong_frac, digits=2), ""))
    columns = headings("Model", ">One try succeeds", ">USD a try", ">Tries a task", ">Ends tasks", "*Success")
    return Table(columns=columns, rows=tuple(rows), title="Who solves what")


def person_price(task: ReliableTask) -> str:
    """Return what a person asks per task."""
    return "by class" if task.person_usd is None else usd(task.person_usd)


def chains(task: ReliableTask) -> Table:
    """Tabulate the chains that a plan takes."""
    timed = any(one.worst_s is not None for one in task.chains)
    rows = [
        (
            one.class_name,
            percent(one.share_frac, digits=3),
            steps(one),
            percent(one.reliable_frac, digits=3),
            percent(one.wrong_frac, digits=2),
            percent(one.left_frac, digits=2),
            *((f"{one.worst_s:.3g} s" if one.worst_s is not None else "",) if timed else ()),
        )
        for one in task.chains
    ]
    columns = headings(
        "Class", ">Of its tasks", "Asked in turn", ">End right", ">Wrong", ">Left",
        *([">At the latest"] if timed else []),
    )  # fmt: skip
    return Table(columns=columns, rows=tuple(rows), title="The chains that tasks take")


def steps(one: TaskChain) -> str:
    """Return the models of a chain in their order, with how often each may try."""
    return ", then ".join(
        f"{step.model} × {step.up_to}" if step.up_to > 1 else step.model for step in one.steps
    )


def spending(task: ReliableTask) -> Table:
    """Tabulate where the money goes."""
    parts = (
        ("Units and hosted offers", task.bill_usd_per_h),
        ("Checks of results", task.checks_usd_per_h),
        ("The person", task.person_usd_per_h),
    )
    right = task.reliable_per_h or 0.0
    known = [(what, amount) for what, amount in parts if amount is not None]
    total = sum(amount for _, amount in known)
    rows = [
        (what, usd(amount * HOURS_PER_MONTH), usd(amount / right) if right else "")
        for what, amount in (*known, ("Total", total))
    ]
    columns = headings("Part", ">USD/month", ">USD a right end")
    return Table(columns=columns, rows=tuple(rows), title="Where the money goes", total=True)


def against(task: ReliableTask) -> tuple[str, ...]:
    """Return the cost beside that of the strongest single model and of a person, in sentences."""
    lines = []
    best = task.strongest
    if best is not None:
        tried = f" × {best.up_to}" if best.up_to > 1 else ""
        line = (
            f"The strongest model, {best.model}{tried} alone on a fleet of its own, costs "
            f"{usd(best.usd_per_reliable_task)} a right end and ends {percent(best.reliable_frac, digits=2)} "
            "of the tasks right"
        )
        if best.break_even_price_frac is not None and best.break_even_price_frac < 1:
            line += f"; it would break even at {percent(best.break_even_price_frac, digits=2)} of its price"
        elif best.break_even_price_frac is None:
            line += "; it would cost more even if its units and offers were free"
        lines.append(line + ".")
    if task.person_usd is not None and task.break_even_person_usd is not None:
        than = "more" if task.usd > task.person_usd else "less"
        lines.append(
            f"A person alone costs {usd(task.person_usd)} a task, and the plan {than}; models pay off where "
            f"one asks more than {usd(task.break_even_person_usd)}."
        )
    return tuple(lines)
