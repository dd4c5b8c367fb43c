"""How each number is known, and how to get it again."""

import hashlib
import platform
from importlib.metadata import PackageNotFoundError, version

from reports.content import Table, headings
from reports.known import MEANING
from reports.sources import Sources
from tonnage.evidence import Evidence
from tonnage.files import Record

PACKAGES = ("tonnage", "numpy", "scipy", "matplotlib", "typst", "pydantic")


def legend(sources: Sources) -> Table:
    """Tabulate the levels of evidence, strongest first, and what in this report has each."""
    used = uses(sources)
    rows = tuple(
        (level.value, f"{MEANING[level].capitalize()}.", "; ".join(used.get(level, [])) or "–")
        for level in Evidence
    )
    return Table(columns=headings("*Evidence", "What it means", "In this report"), rows=rows)


def uses(sources: Sources) -> dict[Evidence, list[str]]:
    """Return which parts of the report rest on which level."""
    from reports.tables.fleet import lines

    found: dict[Evidence, list[str]] = {}
    if sources.profile is not None and sources.profile.measurements:
        found.setdefault(Evidence.MEASURED, []).append("ceilings and roofline points")
    if sources.model is not None:
        for level in sorted({law.evidence for law in sources.model.laws}, key=lambda one: one.rank):
            found.setdefault(level, []).append("laws of the measured machine")
    for line in lines(sources.plan):
        if line.unit is not None:
            found.setdefault(line.unit.evidence, []).append(f"capacity and times of {line.letter}")
    if any(line.usd_per_h for line in lines(sources.plan)):
        found.setdefault(Evidence.DATASHEET, []).append("prices")
    return found


def versions(sources: Sources) -> Table:
    """Tabulate what the report was made with, and what ran the kernels."""
    here = {"Python": platform.python_version()} | {name: _version(name) for name in PACKAGES}
    rows = [("This report", _listed(here))]
    if sources.profile is not None and sources.profile.conditions.libraries:
        rows.append(("The measurements", _listed(sources.profile.conditions.libraries)))
    if sources.plan.solver:
        rows.append(("The plan", sources.plan.solver))
    return Table(columns=headings("Made by", "Software"), rows=tuple(rows), title="Versions")


def _listed(versions: dict[str, str]) -> str:
    return ", ".join(f"{name} {number}" for name, number in sorted(versions.items(), key=str))


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def fingerprints(sources: Sources) -> tuple[tuple[str, str], ...]:
    """Return the SHA-256 of each record as its file holds it: (what, hex digest)."""
    records: list[tuple[str, Record | None]] = [
        ("plan.json", sources.plan),
        ("profile.json", sources.profile),
    ]
    return tuple((name, sha256(record)) for name, record in records if record is not None)


def sha256(record: Record) -> str:
    """Return the digest of the file that `tonnage.files.write_record` makes of a record."""
    return hashlib.sha256((record.to_json() + "\n").encode()).hexdigest()
