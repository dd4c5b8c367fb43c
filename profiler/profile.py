"""A profile: what was measured on one machine, under which conditions, with raw samples."""

from itertools import accumulate
from typing import ClassVar

from pydantic import Field

from hw_targets.machine import Machine
from tonnage.evidence import Quantiles
from tonnage.files import FileRecord, Record


class Conditions(Record):
    """The state of the host at one moment of a bench; None is unreadable here."""

    taken_at: str
    """UTC, ISO 8601."""
    load_1min: float | None = None
    cpu_frequency_hz: float | None = None
    governor: str | None = None
    temperature_c: float | None = None
    steal_frac: float | None = None
    """Share of CPU time that the hypervisor took since the previous stamp."""
    memory_available_bytes: int | None = None
    power_w: float | None = None


class MemoryReading(Record):
    """What memory gave to plain reads at one moment of a bench."""

    at_s: float
    """Seconds since 1970, UTC."""
    read_bytes_per_s: float = Field(gt=0)


class BenchConditions(Record):
    """What must be the same for two profiles to be compared."""

    before: Conditions
    after: Conditions | None = None
    """None while the bench runs, and in a profile that was killed."""
    threads: int
    budget_s: float
    elapsed_s: float | None = None
    libraries: dict[str, str] = Field(default_factory=dict)
    """Version by name of everything that ran kernels."""
    energy_source: str | None = None
    why_no_energy: str | None = None
    """Why measurements have no energy."""
    during: tuple[Conditions, ...] = ()
    """Stamps taken while the bench ran."""
    memory: tuple[MemoryReading, ...] = ()
    """Read bandwidth every second or so: where it wanders, what memory limits wanders with it."""


class Pass(Record):
    """One visit to a trial: samples taken in a row, a while away from those of its other passes."""

    at_s: float
    """Seconds since 1970, UTC."""
    samples: int = Field(ge=1)
    """How many of the measurement's samples, in their order, it took."""
    steal_frac: float | None = None
    others_frac: float | None = None
    waited_frac: float | None = None
    read_bytes_per_s: float | None = None
    """What memory gave to plain reads just before."""
    core_turns_per_s: float | None = None
    """What all cores gave to a fixed loop in registers: mean of just before and just after."""
    why_unsteady: str | None = None
    """Why these samples alone are not to be trusted; None if they are."""


class Measurement(Record):
    """One kernel at one shape: raw samples and what they say.

    `shape` holds the kernel's own dimensions: m, n, k of a matmul; batch, heads,
    kv_heads, head_dim, tokens, context of attention; batch, tokens, d_inner,
    d_state of a scan; size_bytes of memory kernels.
    """

    kernel: str
    backend: str
    device: str
    """`cpu`, or the index of an accelerator such as `cuda:0`."""
    dtype: str
    format: str | None = None
    """Stored weight format of a quantized kernel, e.g. INT4_G32."""
    shape: dict[str, int]
    flop: float = Field(ge=0)
    bytes: float = Field(ge=0)
    samples_s: tuple[float, ...]
    """Time of one call, in the order in which samples were taken."""
    loops: int = Field(default=1, ge=1)
    """Calls in a row that one sample averages over."""
    copies: int = Field(default=1, ge=1)
    """Copies of weights or cache that successive calls rotate over, so that they find them cold."""
    error: float | None = Field(default=None, ge=0)
    """Relative error against float64, checked before timing."""
    steal_frac: float | None = None
    """Share of CPU time that the hypervisor took meanwhile."""
    others_frac: float | None = None
    """Share of CPU time that other programs used meanwhile."""
    waited_frac: float | None = None
    """Time that the bench's threads stood ready without a CPU, over wall time."""
    energy_j: float | None = None
    """Energy of one call: mean power while it was sampled times its median time."""
    time_s: Quantiles
    """Median of the fastest steady pass; the interval holds its spread and the medians of all passes."""
    stable: bool
    why_unstable: str | None = None
    passes: tuple[Pass, ...] = ()
    """Empty in profiles of older versions, which took all samples in one pass."""

    @property
    def samples_by_pass(self) -> tuple[tuple[float, ...], ...]:
        """Samples of each pass, in order."""
        if not self.passes:
            return (self.samples_s,)
        ends = list(accumulate(one.samples for one in self.passes))
        return tuple(
            self.samples_s[end - one.samples : end] for end, one in zip(ends, self.passes, strict=True)
        )

    @property
    def counted(self) -> tuple[tuple[float, ...], ...]:
        """Samples of the passes that count: the steady ones, or all where fewer than two are."""
        taken = self.samples_by_pass
        return tuple(taken[index] for index in self.counting) if self.passes else taken

    @property
    def counting(self) -> tuple[int, ...]:
        """Places of the passes that count."""
        steady = tuple(index for index, one in enumerate(self.passes) if one.why_unsteady is None)
        return steady if len(steady) > 1 else tuple(range(len(self.passes)))

    @property
    def flop_per_s(self) -> float:
        """Achieved rate at the median time."""
        return self.flop / self.time_s.p50

    @property
    def bytes_per_s(self) -> float:
        """Achieved bandwidth at the median time."""
        return self.bytes / self.time_s.p50


class MatmulCeiling(Record):
    """The fastest matmul of one number format at one number of rows, any weights."""

    dtype: str
    format: str | None = None
    """Stored weight format; None for dense weights of the dtype."""
    rows: int
    """M: 1 is decoding one sequence, hundreds are prefill."""
    flop_per_s: float
    bytes_per_s: float
    """All bytes of the call over its time: near the memory's read bandwidth where rows are few."""
    reached_by: str
    """Backend and shape."""
    stable: bool


class Ceilings(Record):
    """The best that any backend reached here: the roof of the roofline."""

    memory_bandwidth_bytes_per_s: float | None = None
    peak_flop_per_s: dict[str, float] = Field(default_factory=dict)
    """By dtype."""
    bandwidth_bytes_per_s: dict[str, float] = Field(default_factory=dict)
    """By kind of memory traffic: read, copy, triad. Decoding only reads."""
    reached_by: dict[str, str] = Field(default_factory=dict)
    """Backend and kernel behind each ceiling, by `memory`, kind of memory traffic or dtype."""
    matmuls: tuple[MatmulCeiling, ...] = ()
    """The best library by dtype, format and rows: another one may win at each."""

    def memory_by(self, kind: str) -> str | None:
        """Return what reached the ceiling of a kind of memory traffic; older profiles tell the best alone."""
        best = self.reached_by.get("memory", "")
        return self.reached_by.get(kind) or (best if f" {kind} " in best else None)


class Skipped(Record):
    """What was not measured, and why."""

    kernel: str
    backend: str
    why: str


class Profile(FileRecord):
    """What `tonnage bench` writes."""

    FORMAT: ClassVar[str] = "tonnage.profile"
    VERSION: ClassVar[int] = 1

    machine: Machine
    conditions: BenchConditions
    measurements: tuple[Measurement, ...] = ()
    ceilings: Ceilings = Ceilings()
    skipped: tuple[Skipped, ...] = ()
    complete: bool = False
    """False while the sweep has shapes left: the bench was cut short."""
    notes: tuple[str, ...] = ()
