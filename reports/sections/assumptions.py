"""What was assumed."""

from reports.content import Bullets, Section
from reports.sources import Sources


def build(sources: Sources) -> Section | None:
    """Build the section; None where nothing was assumed."""
    notes = sources.profile.notes if sources.profile is not None else ()
    model_notes = sources.model.notes if sources.model is not None else ()
    items = tuple(dict.fromkeys((*sources.plan.assumptions, *notes, *model_notes)))
    if not items:
        return None
    return Section(title="Assumptions and remarks", blocks=(Bullets(items=items),))
