"""The plan itself: what runs where, and how loaded it is."""

from reports.content import Block, Section
from reports.figures import picture
from reports.sources import Sources
from reports.tables import fleet
from reports.tables.handovers import handovers


def build(sources: Sources) -> Section | None:
    """Build the section; None where the plan buys nothing."""
    plan = sources.plan
    known = (fleet.units(plan), fleet.apis(plan), handovers(plan), fleet.load(plan))
    tables = [table for table in known if table.rows]
    if not tables:
        return None
    pictures = [drawn for name in ("load", "memory") if (drawn := picture(name, sources))]
    blocks: list[Block] = [*tables, *pictures]
    lead = "Each line of the plan has a letter, by which the other tables and the figures call it."
    return Section(title="The plan", lead=lead, blocks=tuple(blocks))
