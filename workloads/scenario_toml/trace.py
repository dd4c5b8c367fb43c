"""A request trace as the load of one class: mean rate, peak, mean and 95th percentile lengths."""

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tonnage.errors import FormatError
from tonnage.files import read_text

COLUMNS = ("arrival_s", "input_tokens", "output_tokens")
PEAK_WINDOW_S = 300.0
"""The peak is that of the busiest window of this width; a trace with fewer than two has none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """What a trace says about its load; lengths are tokens per request."""

    requests_per_s: float
    peak_to_mean: float
    prompt_tokens: dict[str, float]
    output_tokens: dict[str, float]

    def as_traffic(self) -> dict[str, object]:
        """Return it under the keys of [traffic]."""
        return {
            "requests_per_s": self.requests_per_s,
            "peak_to_mean": self.peak_to_mean,
            "prompt_tokens": self.prompt_tokens,
            "output_tokens": self.output_tokens,
        }


def read_trace(path: Path) -> Trace:
    """Read a CSV with the columns arrival_s, input_tokens, output_tokens.

    Raises
    ------
    FileProblem, FormatError
        If it cannot be read, lacks a column, or holds fewer than two requests.
    """
    rows = csv.DictReader(read_text(path).splitlines())
    missing = [name for name in COLUMNS if name not in (rows.fieldnames or ())]
    if missing:
        raise FormatError(f"{path}: a trace has the columns {', '.join(COLUMNS)}; {missing[0]} is missing")
    try:
        table = np.array([[float(row[name]) for name in COLUMNS] for row in rows])
    except (TypeError, ValueError) as problem:
        raise FormatError(f"{path}: not a number in line {rows.line_num}: {problem}") from None
    if len(table) < 2 or not np.isfinite(table).all() or np.ptp(table[:, 0]) <= 0:
        raise FormatError(f"{path}: a trace needs at least two requests at different finite times")
    arrivals_s = np.sort(table[:, 0]) - table[:, 0].min()
    return Trace(
        requests_per_s=float((len(table) - 1) / arrivals_s[-1]),
        peak_to_mean=_peak_to_mean(arrivals_s),
        prompt_tokens=_length(table[:, 1]),
        output_tokens=_length(table[:, 2]),
    )


def _length(tokens: NDArray[np.float64]) -> dict[str, float]:
    tokens = np.maximum(tokens, 1.0)
    return {"mean": float(tokens.mean()), "p95": float(np.quantile(tokens, 0.95))}


def _peak_to_mean(arrivals_s: NDArray[np.float64]) -> float:
    windows = int(arrivals_s[-1] // PEAK_WINDOW_S)
    if windows < 2:
        return 1.0
    counts, _ = np.histogram(arrivals_s, bins=windows, range=(0, windows * PEAK_WINDOW_S))
    return float(max(1.0, counts.max() / counts.mean()))
