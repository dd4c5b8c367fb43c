"""What another tool measured: runs of whole models, and times of single kernels."""

from typing import ClassVar

from pydantic import Field, model_validator

from planner.deployment import Case
from profiler.profile import Measurement
from tonnage.evidence import Evidence
from tonnage.files import FileRecord, Record

METRICS = ("ttft_s", "tpot_s", "output_tokens_per_s", "requests_per_s")


class Figures(Record):
    """Means over the requests of one run; None is not measured. At least one is known.

    Attributes
    ----------
    ttft_s, tpot_s : float or None
        Time to first token, and (end - first token) / (output tokens - 1). [s]
    output_tokens_per_s, requests_per_s : float or None
        Of the whole deployment.
    power_w : float or None
        Mean draw of all its devices together. [W]
    """

    ttft_s: float | None = Field(default=None, gt=0)
    tpot_s: float | None = Field(default=None, gt=0)
    output_tokens_per_s: float | None = Field(default=None, gt=0)
    requests_per_s: float | None = Field(default=None, gt=0)
    power_w: float | None = Field(default=None, gt=0)

    @model_validator(mode="after")
    def _says_something(self) -> "Figures":
        if all(getattr(self, name) is None for name in (*METRICS, "power_w")):
            raise ValueError("no figure was measured; give ttft_s, tpot_s or output_tokens_per_s")
        return self


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
