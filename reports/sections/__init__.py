"""Sections of the report in reading order; each builder returns None where it has nothing to say."""

from collections.abc import Callable

from reports.content import Section
from reports.sections import (
    alternatives,
    assumptions,
    break_even,
    cost,
    evidence,
    fleet,
    machine,
    rejected,
    reproduction,
    robustness,
    service,
    tasks,
)
from reports.sources import Sources

BUILDERS: tuple[Callable[[Sources], Section | None], ...] = (
    fleet.build,
    cost.build,
    tasks.build,
    service.build,
    alternatives.build,
    robustness.build,
    break_even.build,
    rejected.build,
    machine.build,
    assumptions.build,
    evidence.build,
    reproduction.build,
)


def sections(sources: Sources) -> tuple[Section, ...]:
    """Build every section that has something to say."""
    built = (build(sources) for build in BUILDERS)
    return tuple(section for section in built if section is not None)
