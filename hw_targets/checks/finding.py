"""What a check says of one condition: the reading, whether it is well, why it matters, what to do."""

from enum import StrEnum
from typing import ClassVar

from hw_targets.machine import Machine
from tonnage.files import FileRecord, Record


class Verdict(StrEnum):
    """Whether a condition is as it should be."""

    WELL = "well"
    BAD = "bad"
    """It changes measurements or serving."""


class Finding(Record):
    """One condition of the host."""

    name: str
    verdict: Verdict
    reading: str
    why: str
    """Why it matters."""
    advice: str | None = None
    """What to do; None if all is well."""


class Checkup(FileRecord):
    """All conditions of a machine: what `tonnage doctor` prints, and what a user can file with a report."""

    FORMAT: ClassVar[str] = "tonnage.checkup"
    VERSION: ClassVar[int] = 1

    machine: Machine
    findings: tuple[Finding, ...] = ()

    @property
    def bad(self) -> tuple[Finding, ...]:
        """What should be changed."""
        return tuple(finding for finding in self.findings if finding.verdict is Verdict.BAD)


def finding(name: str, reading: str, *, bad: bool, why: str, advice: str) -> Finding:
    """Judge one reading; advice is only given where something is bad."""
    verdict = Verdict.BAD if bad else Verdict.WELL
    return Finding(name=name, verdict=verdict, reading=reading, why=why, advice=advice if bad else None)
