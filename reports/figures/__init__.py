"""Figures of a report: one file each, which draws from records and returns SVG, or None without data.

Every file has `CAPTION`, `describe(sources)` for those who cannot see it, and `draw(sources)`.
"""

from collections.abc import Callable
from importlib import import_module

from reports.content import Picture
from reports.sources import Sources
from tonnage.registry import Registry

FIGURES: Registry[str] = Registry("figure")
FIGURES.add("roofline", "reports.figures.roofline")
FIGURES.add("ceilings", "reports.figures.ceilings")
FIGURES.add("costs", "reports.figures.costs")
FIGURES.add("alternatives", "reports.figures.alternatives")
FIGURES.add("service", "reports.figures.service")
FIGURES.add("load", "reports.figures.load")
FIGURES.add("memory", "reports.figures.memory")


def picture(name: str, sources: Sources) -> Picture | None:
    """Draw one figure; None where the records hold nothing to draw."""
    module = import_module(FIGURES.get(name))
    draw: Callable[[Sources], bytes | None] = module.draw
    drawn = draw(sources)
    if drawn is None:
        return None
    return Picture(name=name, svg=drawn.decode("utf-8"), caption=module.CAPTION, alt=module.describe(sources))
