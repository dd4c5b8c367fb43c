"""Predicted beside measured: a row per step of a whole model, and how far apart they are."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import ClassVar

import numpy as np
from pydantic import Field

from planner.laws.curves import fast_end_s
from planner.serving.step.graph_time import Tables
from planner.verify.steps import predict_step, tables_of
from profiler.profile import Measurement, Profile
from tonnage.evidence import Quantiles
from tonnage.files import FileRecord, Record


class Row(Record):
    """One step of one file."""

    model: str
    format: str
    tokens: int = Field(ge=1)
    """New tokens of each sequence: 1 is decode."""
    depth: int = Field(ge=0)
    """Tokens that each sequence had cached."""
    batch: int = Field(ge=1)
    predicted_s: Quantiles
    parts_s: dict[str, float]
    """The prediction by what it goes to."""
    measured_s: float = Field(gt=0)
    """Median, or the fastest of the samples where they were not steady."""
    stable: bool

    @property
    def error_frac(self) -> float:
        """Predicted over measured, less one."""
        return self.predicted_s.p50 / self.measured_s - 1.0

    @property
    def inside(self) -> bool:
        """The measurement lies in the 80 % interval."""
        return self.predicted_s.p10 <= self.measured_s <= self.predicted_s.p90

    @property
    def tokens_per_s(self) -> float:
        """Measured rate of all sequences together."""
        return self.tokens * self.batch / self.measured_s

    @property
    def is_decode(self) -> bool:
        """One token per sequence."""
        return self.tokens == 1


class Summary(Record):
    """How far predictions and measurements of some rows are apart."""

    rows: int
    median_error_frac: float
    """Of |predicted / measured - 1|."""
    p90_error_frac: float
    bias_frac: float
    """Median of predicted / measured - 1."""
    inside_frac: float


class Verification(FileRecord):
    """What `tonnage verify` writes."""

    FORMAT: ClassVar[str] = "tonnage.verification"
    VERSION: ClassVar[int] = 1

    machine: str
    threads: int
    clock: str
    """`processor time` of one thread, or `wall time`."""
    taken_at: str
    load_1min: float | None = None
    """Of the host before the nodes were measured."""
    libraries: dict[str, str] = Field(default_factory=dict)
    rows: tuple[Row, ...]
    summary: Summary
    notes: tuple[str, ...] = ()


def row(measurement: Measurement, path: Path, tables: Tables) -> Row:
    """Put the prediction of a step beside its measurement."""
    shape = {name: measurement.shape[name] for name in ("tokens", "depth", "batch")}
    predicted = predict_step(tables, path, **shape)
    return Row(
        model=measurement.dtype, format=measurement.format or "", **shape, predicted_s=predicted.time_s,
        parts_s=predicted.parts_s, measured_s=fast_end_s(measurement), stable=measurement.stable,
    )  # fmt: skip


def verified(profile: Profile, steps: Iterable[tuple[Path, Measurement]]) -> Verification:
    """Predict every step from the profile's tables, and gather both.

    Raises
    ------
    FitRejected
        Before the first step is run, if the profile has no such tables.
    """
    tables = tables_of(profile)
    return verification([row(found, path, tables) for path, found in steps], profile)


def verification(rows: Iterable[Row], profile: Profile) -> Verification:
    """Gather rows under the conditions of the profile that predicted them.

    Raises
    ------
    ValueError
        If there is no row.
    """
    found = tuple(rows)
    conditions = profile.conditions
    return Verification(
        machine=profile.machine.cpu.model or "unknown CPU", threads=conditions.threads,
        clock="processor time" if conditions.threads == 1 else "wall time",
        taken_at=conditions.before.taken_at, load_1min=conditions.before.load_1min,
        libraries=conditions.libraries, rows=found, summary=summary(found), notes=tuple(_doubts(found)),
    )  # fmt: skip


def summary(rows: Iterable[Row]) -> Summary:
    """Summarise rows.

    Raises
    ------
    ValueError
        If there is none.
    """
    found = tuple(rows)
    if not found:
        raise ValueError("no rows to summarise")
    errors = np.array([one.error_frac for one in found])
    return Summary(
        rows=len(found), median_error_frac=float(np.median(np.abs(errors))),
        p90_error_frac=float(np.quantile(np.abs(errors), 0.9)), bias_frac=float(np.median(errors)),
        inside_frac=float(np.mean([one.inside for one in found])),
    )  # fmt: skip


def _doubts(rows: tuple[Row, ...]) -> Iterator[str]:
    shaky = sum(not one.stable for one in rows)
    if shaky:
        yield (
            f"{shaky} of {len(rows)} steps were not steady: the fastest of their samples counts; "
            "an idle machine would help"
        )
