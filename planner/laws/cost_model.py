"""A cost model: the laws of one target, each with its coefficients, range and checked error."""

from typing import ClassVar

from pydantic import Field

from planner.laws.curves import Table
from tonnage.evidence import Evidence, Quantiles
from tonnage.files import FileRecord, Record

LEAST_CHECKED = 3
"""Shapes of a law from which on the error of a shape left out is that of a law."""


class Law(Record):
    """Roofline with saturation for one kernel class, backend, dtype and format.

    Notes
    -----
    t = t0 + softmax_q(flop / (P e_c(flop)), bytes / (B e_b(bytes))), with
    e(w) = e_inf w / (w + w_half); softmax_q(a, b) = (a^q + b^q)^(1/q).
    """

    kernel: str
    backend: str
    dtype: str
    format: str | None = None
    overhead_s: float = Field(ge=0)
    peak_flop_per_s: float | None = None
    """P e_inf: what large work reaches. None where the kernel does no arithmetic to speak of."""
    half_flop: float = Field(default=0.0, ge=0)
    """Work at which half of it is reached."""
    bandwidth_bytes_per_s: float | None = None
    half_bytes: float = Field(default=0.0, ge=0)
    sharpness: float = Field(default=4.0, ge=1)
    """q of the soft maximum; larger is nearer to a hard roof."""
    sigma_log: float = Field(ge=0)
    """Standard deviation of the log residual left one shape out."""
    loo_median_error_frac: float | None = None
    loo_p90_error_frac: float | None = None
    n_shapes: int = Field(ge=0)
    flop_range: Quantiles | None = None
    bytes_range: Quantiles | None = None
    """Smallest, median and largest work among the samples."""
    evidence: Evidence
    notes: tuple[str, ...] = ()

    @property
    def is_checked(self) -> bool:
        """Whether errors of shapes left out say something: of two, one would be left, which is no law."""
        return self.n_shapes >= LEAST_CHECKED


class CostModel(FileRecord):
    """What `tonnage fit` writes: everything needed to predict for this target, no device needed."""

    FORMAT: ClassVar[str] = "tonnage.model"
    VERSION: ClassVar[int] = 1

    device: str
    """Catalog id, or a name made from the CPU model."""
    name: str
    kind: str
    memory_bytes: float | None = None
    memory_bandwidth_bytes_per_s: float | None = None
    peak_flop_per_s: dict[str, float] = Field(default_factory=dict)
    laws: tuple[Law, ...] = ()
    tables: tuple[Table, ...] = ()
    """Of kernels that switch code with their shape; they take the place of laws."""
    step_s: float | None = Field(default=None, ge=0)
    """What a step of llama.cpp costs beside its graph's nodes."""
    fitted_from: str = ""
    """Path or name of the profile."""
    notes: tuple[str, ...] = ()
