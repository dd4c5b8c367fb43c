"""What decides the plan, and what would flip it."""

from reports.content import Section, Table
from reports.sources import Sources
from reports.tables import decision


def build(sources: Sources) -> Section | None:
    """Build the section; None where nothing binds and nothing was varied."""
    plan = sources.plan
    tables: list[Table] = [decision.sensitivity(plan), decision.measuring(plan)]
    if plan.feasible:
        tables.insert(0, decision.binding(plan))
    shown = tuple(table for table in tables if table.rows)
    if not shown:
        return None
    flips = sum(one.flips for one in plan.sensitivity)
    lead = ""
    if plan.sensitivity:
        lead = (
            f"Of {len(plan.sensitivity)} changes of an input, {flips or 'none'} would change what is bought."
        )
    return Section(title="What decides it", lead=lead, blocks=shown)
