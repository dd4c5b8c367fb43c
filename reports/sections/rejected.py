"""What was considered and turned down, and why."""

from reports.content import Section
from reports.numbers import plural
from reports.sources import Sources
from reports.tables import decision


def build(sources: Sources) -> Section | None:
    """Build the section; None where nothing was turned down."""
    plan = sources.plan
    if not plan.rejected:
        return None
    lead = (
        f"{plural(len(plan.rejected), 'candidate')} turned down before the plan was made, "
        "grouped here by reason; the plan file lists every one."
    )
    return Section(title="Turned down", lead=lead, blocks=(decision.rejected(plan),))
