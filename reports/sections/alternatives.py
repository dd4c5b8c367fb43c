"""What else could be bought."""

from reports.content import Block, Section
from reports.figures import picture
from reports.sources import Sources
from reports.tables import decision


def build(sources: Sources) -> Section | None:
    """Build the section; None where nothing else is possible."""
    if not sources.plan.alternatives:
        return None
    blocks: list[Block] = [decision.alternatives(sources.plan)]
    if (drawn := picture("alternatives", sources)) is not None:
        blocks.append(drawn)
    lead = "The best plans that differ in kind from the one that is recommended and meet the same limits."
    return Section(title="Alternatives", lead=lead, blocks=tuple(blocks))
