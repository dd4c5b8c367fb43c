"""The legend of evidence: how each number of the report is known."""

from reports.content import Section
from reports.sources import Sources
from reports.tables import method


def build(sources: Sources) -> Section:
    """Build the legend; every report has one."""
    lead = (
        "Every prediction says how it is known, from the strongest evidence to the weakest, and carries an "
        "interval that should hold the true value in 80 of 100 cases. "
        "A result is known no better than its weakest input."
    )
    return Section(title="How each number is known", lead=lead, blocks=(method.legend(sources),))
