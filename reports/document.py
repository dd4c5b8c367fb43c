"""From records to a report: content first, then the PDF and the page that show it."""

from pathlib import Path

from planner.break_even.record import BreakEven
from planner.fleet.records.plan_record import Plan
from planner.laws.cost_model import CostModel
from profiler.profile import Profile
from reports.content import Document
from reports.sections import sections, summary
from reports.sources import Sources
from tonnage.files import check_writable, write_bytes
from tonnage.version import __version__

TITLE = "Capacity report"


def write_report(
    plan: Plan,
    *,
    profile: Profile | None = None,
    model: CostModel | None = None,
    break_even: BreakEven | None = None,
    pdf: Path,
    html: Path | None = None,
) -> Path:
    """Write the report of a plan as PDF, and as one HTML file where asked.

    Parameters
    ----------
    plan : Plan
        What is reported; an infeasible one too.
    profile, model : Profile and CostModel, optional
        The measured machine and its laws, for its section and the roofline.
    break_even : BreakEven, optional
        Where units of one's own and hosted offers cost the same, for its section and the curve.
    pdf, html : Path
        Where to write; each is written whole or not at all.

    Returns
    -------
    Path
        `pdf`.

    Raises
    ------
    FileProblem
        If a path cannot be written; found out before any work is done.
    """
    for path in (pdf, html):
        if path is not None:
            check_writable(path)
    from reports.html import render
    from reports.pdf import typeset

    document = compose(Sources(plan=plan, profile=profile, model=model, break_even=break_even))
    typeset_bytes = typeset(document, created_at=plan.created_at)
    if html is not None:
        write_bytes(html, render(document).encode("utf-8"))
    write_bytes(pdf, typeset_bytes)
    return pdf


def compose(sources: Sources) -> Document:
    """Put the content of a report together: every number and figure, no look."""
    plan = sources.plan
    return Document(
        title=TITLE,
        subject=plan.scenario.name or "Unnamed scenario",
        date=(plan.created_at or "")[:10],
        made_with=f"Tonnage {__version__}",
        summary=summary.build(sources),
        sections=sections(sources),
    )
