"""What a task that ends right costs, who solves it, and what else it could cost."""

from reports.content import Block, Bullets, Section
from reports.numbers import interval, percent, usd
from reports.sources import Sources
from reports.tables import tasks


def build(sources: Sources) -> Section | None:
    """Build the section; None where a plan counts no tasks."""
    task = sources.plan.task
    if task is None or not sources.plan.feasible:
        return None
    blocks: list[Block] = [tasks.solvers(task)]
    if task.chains:
        blocks += [tasks.chains(task), tasks.spending(task)]
    beside = tasks.against(task)
    if beside:
        blocks.append(Bullets(items=beside))
    known = task.interval_usd
    cost = usd(task.usd) if known is None else f"{interval(known, 'USD')}, 80 % interval"
    lead = (
        f"A task that ends right costs {cost}: all spend over the tasks that end right, "
        f"{percent(task.reliable_frac, digits=2)} of them; {percent(task.wrong_frac, digits=2)} end with a "
        "wrong result that is taken for right."
    )
    return Section(title="What a right end costs", lead=lead, blocks=tuple(blocks))
