"""What another tool measured: runs of whole models, and times of single kernels."""

from typing import ClassVar

from planner.deployment import Case
from planner.figures import Figures
from profiler.profile import Measurement
from tonnage.evidence import Evidence
from tonnage.files import FileRecord, Record


class Run(Record):
    """One deployment under one load, and what it did."""

    case: Case
    measured: Figures
    tool: str
    tool_version: str | None = None
    file: str
    evidence: Evidence = Evidence.MEASURED
    notes: tuple[str, ...] = ()


class Measured(FileRecord):
    """What `tonnage import` writes.

    Attributes
    ----------
    files : tuple of str
        Where it was read.
    device : str or None
        Catalog id of what ran the kernels; None where there are none.
    runs : tuple of Run
        For `predict --anchor`.
    kernels : tuple of Measurement
        For `fit`.
    notes : tuple of str
        What was left out, and why.
    """

    FORMAT: ClassVar[str] = "tonnage.measured"
    VERSION: ClassVar[int] = 1

    files: tuple[str, ...]
    device: str | None = None
    runs: tuple[Run, ...] = ()
    kernels: tuple[Measurement, ...] = ()
    notes: tuple[str, ...] = ()
    evidence: Evidence = Evidence.MEASURED
