"""What it costs: by the hour, the month, the token, and line by line."""

from reports.content import Block, Section
from reports.figures import picture
from reports.sources import Sources
from reports.tables import fleet


def build(sources: Sources) -> Section | None:
    """Build the section; None where nothing has a price."""
    plan = sources.plan
    if plan.cost_usd_per_month is None or not (plan.units or plan.api):
        return None
    drawn = picture("costs", sources)
    blocks: list[Block] = [fleet.prices(plan), fleet.costs(plan)]
    if drawn is not None:
        blocks.append(drawn)
    lead = (
        "Prices are those of the day and place that the price basis names; "
        "taxes and network traffic are not in them."
    )
    return Section(title="What it costs", lead=lead, blocks=tuple(blocks))
