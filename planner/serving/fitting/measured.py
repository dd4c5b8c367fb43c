"""Measured rows of a fit, and how much each of them says."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from planner.deployment import Case, Load
from planner.serving.engines import resolve
from tonnage.errors import FitRejected
from tonnage.files import read_text

Array = NDArray[np.float64]

METRICS = ("tpot_s", "ttft_s", "output_tokens_per_s")
_SPREAD = {"tpot_s": "tpot", "ttft_s": "ttft", "output_tokens_per_s": "throughput"}
"""Names of metrics in coefficient files."""

ALIKE = 0.03
"""Correlation of the errors within a series (ASSUMED; 0, 0.1 and 0.3 leave held-out errors much the same)."""


@dataclass(frozen=True, slots=True)
class Row:
    """One measured case."""

    case: Case
    metric: str
    measured: float
    source: str
    stratum: str

    @property
    def series(self) -> tuple[str | None, ...]:
        """What rows share that were measured in one go: launch script, client, state of the machine."""
        case = self.case
        run = (case.engine, case.engine_version, case.backend, case.device, case.model, case.weights)
        return *run, self.metric


def weights(rows: Sequence[Row]) -> Array:
    """Weight of every row: n rows of a series say as much as n / (1 + (n - 1) ALIKE) independent ones.

    Kish, Survey Sampling, 1965, section 5.4 (design effect of clusters). Without it, the hundred rows of
    one long series outvote what is believed of all engines, by whatever is peculiar to that series.
    """
    size = Counter(row.series for row in rows)
    return np.array([1.0 / (1.0 + (size[row.series] - 1) * ALIKE) for row in rows])


def read_rows(path: Path) -> list[Row]:
    """Read cases with a `measured` object from JSON lines; one row per metric.

    Cases under an open load are left out: fits solve for closed and saturated ones.

    Raises
    ------
    FitRejected
        If no line has a measurement that a fit can use.
    """
    rows: list[Row] = []
    for line in read_text(path).splitlines():
        if not line.strip():
            continue
        data = json.loads(line)
        case = Case.parse(data, where=str(path))
        if case.load is Load.OPEN:
            continue
        for metric, value in data.get("measured", {}).items():
            if metric in METRICS and value and value > 0:
                rows.append(Row(case, metric, value, data.get("source", ""), data.get("stratum", "")))
    if not rows:
        raise FitRejected(f"{path}: no closed or saturated case holds a 'measured' object to fit to")
    return rows


def by_metric(rows: Sequence[Row]) -> dict[str, NDArray[np.intp]]:
    """Rows of each metric; single streams apart."""
    names = np.array([_SPREAD[row.metric] + ("_single" if row.stratum == "single" else "") for row in rows])
    return {str(name): np.flatnonzero(names == name) for name in sorted(set(names))}


def engine_of(row: Row) -> str:
    """Return the catalog's name of a row's engine."""
    return resolve(row.case.engine, kind="gpu")[0].name
