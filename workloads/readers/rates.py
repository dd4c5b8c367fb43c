"""Rates by window, as ServeGen publishes them, into an arrival process."""

import csv
import math
from itertools import pairwise
from pathlib import Path

from tonnage.errors import FileProblem, FormatError, UnknownName
from tonnage.openable import check_name, is_file, short_lines
from workloads.traffic import Arrivals

TIME, RATE, WORKLOAD, GAP_CV = "t_s", "rate_rps", "workload", "rate_weighted_client_gap_cv"
SHIPPED = Path(__file__).parents[1] / "catalog" / "rates"


def read_rates(source: str, *, workload: str | None = None, requests_per_s: float | None = None) -> Arrivals:
    """Read a CSV with columns t_s and rate_rps, and a column workload if it holds several.

    Parameters
    ----------
    source : str
        Path, or name of a file that comes with Tonnage: servegen.
    workload : str, optional
        Which one; needed where the file holds several.
    requests_per_s : float, optional
        Mean rate to scale to; that of the file by default.

    Raises
    ------
    FileProblem, FormatError, UnknownName
        Naming row and column of the first bad value.
    """
    shipped = SHIPPED / f"{source}.csv"
    path = shipped if is_file(shipped) else Path(source)
    check_name(path)
    try:
        with path.open(encoding="utf-8-sig", newline="") as text:
            lines = short_lines(text, where=str(path))
            rows = list(csv.DictReader(line for line in lines if not line.startswith("#")))
    except UnicodeDecodeError:
        raise FormatError(f"{path}: not a UTF-8 text file") from None
    except OSError as problem:
        raise FileProblem(f"{path}: {problem.strerror or problem}") from None
    if not rows or not {TIME, RATE} <= rows[0].keys():
        raise FormatError(f"{path}: rates have the columns {TIME} and {RATE}")
    numbered = _of_workload(path, list(enumerate(rows, start=1)), workload)
    times, rates = ([_number(path, n, row, column) for n, row in numbered] for column in (TIME, RATE))
    window_s = _window(path, times)
    slots = [0.0] * (round((times[-1] - times[0]) / window_s) + 1)
    for time, rate in zip(times, rates, strict=True):
        slots[round((time - times[0]) / window_s)] = rate
    mean = math.fsum(slots) / len(slots)
    if mean <= 0:
        raise FormatError(f"{path}: all rates are 0")
    return Arrivals(
        process="profile", requests_per_s=requests_per_s or mean, rates=tuple(slots), window_s=window_s
    )


def _of_workload(
    path: Path, rows: list[tuple[int, dict[str, str]]], workload: str | None
) -> list[tuple[int, dict[str, str]]]:
    names = tuple(dict.fromkeys(row.get(WORKLOAD, "") for _, row in rows))
    if workload is None and len(names) > 1:
        raise FormatError(f"{path}: holds several workloads, name one: {', '.join(names)}")
    if workload is not None and workload not in names:
        raise UnknownName("workload", workload, names)
    return [(n, row) for n, row in rows if workload is None or row.get(WORKLOAD) == workload]


def _number(path: Path, number: int, row: dict[str, str], column: str) -> float:
    try:
        value = float(row[column])
    except (TypeError, ValueError):
        value = math.nan
    if not 0 <= value < math.inf:
        raise FormatError(f"{path}: row {number}, column {column}: {row[column]!r} is not a number from 0 on")
    return value


def _window(path: Path, times: list[float]) -> float:
    """Return the shortest step between windows; windows without traffic may be missing."""
    steps = [later - sooner for sooner, later in pairwise(times)]
    if not steps or min(steps) <= 0:
        raise FormatError(f"{path}: column {TIME} needs two windows or more, each later than the one before")
    return min(steps)
