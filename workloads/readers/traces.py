"""Logs of requests into `Requests`: Azure, BurstGPT, Mooncake, vLLM, GuideLLM, plain CSV, JSONL, Parquet.

What a file is follows from its columns. Every value is checked; the first bad
one is refused by row and column, or counted and left out.
"""

import csv
import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from tonnage.errors import BackendUnavailable, FileProblem, FormatError
from tonnage.files import read_text
from tonnage.openable import check_name, short_lines
from workloads.readers.benchmark_logs import OUTPUT, PROMPT, TIME, benchmark_rows, is_benchmark
from workloads.readers.prefix_groups import with_groups
from workloads.requests import Requests

MOST_TOKENS = 100_000_000
"""A longer request is a mistake of the log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Which columns of a log hold what; times are multiplied into seconds."""

    name: str
    time: str
    prompt: str
    output: str
    scale_s: float = 1.0


LAYOUTS = (
    Layout(name="Azure", time="TIMESTAMP", prompt="ContextTokens", output="GeneratedTokens"),
    Layout(name="BurstGPT", time="Timestamp", prompt="Request tokens", output="Response tokens"),
    Layout(name="Mooncake", time="timestamp", prompt="input_length", output="output_length", scale_s=1e-3),
    Layout(name="plain", time="arrival_s", prompt="input_tokens", output="output_tokens"),
    Layout(name="sample", time="timestamp_s", prompt="input_tokens", output="output_tokens"),
    Layout(name="short", time="arrival_s", prompt="isl", output="osl"),
    Layout(name="benchmark", time=TIME, prompt=PROMPT, output=OUTPUT),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """A log that was read.

    Attributes
    ----------
    skipped, first_bad : int, str
        Bad rows that were left out because that was asked for, and what is wrong with the first.
    repeated : int
        Rows that are the same as the row above them: kept, as two requests may well be equal.
    timed : bool
        False where the log has lengths only: arrivals are then one a second.
    """

    requests: Requests
    layout: str
    skipped: int = 0
    repeated: int = 0
    first_bad: str = ""
    timed: bool = True


def read_log(path: Path | str, *, skip_bad: bool = False) -> Log:
    """Read a log; arrivals are counted from its first and must not go back in time.

    Raises
    ------
    FileProblem, FormatError
        Naming row and column of the first bad value, unless `skip_bad`.
    BackendUnavailable
        For Parquet without pyarrow.
    """
    path = Path(path)
    rows = _rows(path)
    first = next(rows, None)
    if first is None:
        raise FormatError(f"{path}: holds no requests")
    layout = _layout(path, first[1])
    kept: list[tuple[float, int, int]] = []
    hashes: list[list[int]] = []
    first_bad = ""
    skipped, last_s, timed = 0, -math.inf, _has_time(first[1], layout)
    for number, row in _chained(first, rows):
        try:
            arrival_s, prompt, output = _values(row, layout, where=f"{path}: row {number}", timed=timed)
            if timed and arrival_s < last_s:
                raise FormatError(
                    f"{path}: row {number}, column {layout.time}: {arrival_s:g} s is before the row above it "
                    f"({last_s:g} s); sort the log by time"
                )
        except FormatError as problem:
            if not skip_bad:
                raise
            skipped, first_bad = skipped + 1, first_bad or f"the first being {problem}"
            continue
        last_s = arrival_s
        kept.append((arrival_s, prompt, output))
        hashes.append(_hashes(row))
    if not kept:
        raise FormatError(f"{path}: none of its {skipped} rows is usable")
    requests = _requests(kept, timed=timed)
    if any(hashes):
        requests = with_groups(requests, hashes)
    return Log(
        requests=requests,
        layout=layout.name,
        skipped=skipped,
        first_bad=first_bad,
        repeated=sum(one == other for one, other in pairwise(kept)) if timed else 0,
        timed=timed,
    )


def _has_time(row: dict[str, Any], layout: Layout) -> bool:
    value = row.get(layout.time)
    return value is not None and str(value).strip() != ""


def _hashes(row: dict[str, Any]) -> list[int]:
    found = row.get("hash_ids")
    return [one for one in found if isinstance(one, int)] if isinstance(found, list) else []


def _chained(
    first: tuple[int, dict[str, Any]], rest: Iterable[tuple[int, dict[str, Any]]]
) -> Iterator[tuple[int, dict[str, Any]]]:
    yield first
    yield from rest


def _requests(kept: list[tuple[float, int, int]], *, timed: bool) -> Requests:
    table = np.array(kept)
    arrival_s = table[:, 0] - table[0, 0] if timed else np.arange(len(table), dtype=np.float64)
    return Requests(
        arrival_s=arrival_s,
        prompt_tokens=table[:, 1].astype(np.int64),
        output_tokens=table[:, 2].astype(np.int64),
    )


def _layout(path: Path, row: dict[str, Any]) -> Layout:
    for layout in LAYOUTS:
        if {layout.prompt, layout.output} <= row.keys() and (layout.time in row or layout.name == "sample"):
            return layout
    known = "; ".join(f"{layout.name}: {layout.time}, {layout.prompt}, {layout.output}" for layout in LAYOUTS)
    raise FormatError(f"{path}: columns {', '.join(map(str, row))} are those of no known log ({known})")


def _rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield row number, counted from 1 without the header, and row."""
    check_name(path)
    if path.suffix == ".parquet":
        yield from enumerate(_parquet(path), start=1)
        return
    try:
        with path.open(encoding="utf-8-sig", newline="") as text:
            if path.suffix == ".json" and is_benchmark(document := _whole(path)):
                yield from benchmark_rows(document, where=str(path))
                return
            lines = short_lines(text, where=str(path))
            if path.suffix in (".jsonl", ".json", ".ndjson"):
                yield from _json_lines(path, lines)
            else:
                yield from enumerate(_csv(path, lines), start=1)
    except UnicodeDecodeError:
        raise FormatError(f"{path}: not a UTF-8 text file") from None
    except csv.Error as problem:
        raise FormatError(f"{path}: not a CSV file ({problem})") from None
    except OSError as problem:
        raise FileProblem(f"{path}: {problem.strerror or problem}") from None


def _csv(path: Path, text: Iterable[str]) -> Iterator[dict[str, Any]]:
    lines = (line for line in text if not line.startswith("#"))
    rows = csv.DictReader(lines, restkey="(more columns)")
    names = list(rows.fieldnames or ())
    twice = next((name for at, name in enumerate(names) if name in names[:at]), None)
    if twice is not None:
        raise FormatError(f"{path}: column {twice} is there twice")
    yield from rows


def _whole(path: Path) -> Any:
    """Return the file as one JSON document, None if it is not one."""
    try:
        return json.loads(read_text(path))
    except (ValueError, RecursionError, FileProblem):  # also a number with thousands of digits
        return None


def _json_lines(path: Path, text: Iterable[str]) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, line in enumerate(text, start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):  # also a number with thousands of digits
            raise FormatError(f"{path}: row {number} is not a JSON object") from None
        if not isinstance(row, dict):
            raise FormatError(f"{path}: row {number} is not a JSON object")
        yield number, row


def _parquet(path: Path) -> list[dict[str, Any]]:
    try:
        from pyarrow import ArrowException
        from pyarrow import parquet as table
    except ImportError:
        raise BackendUnavailable(
            f"{path}: reading Parquet needs pyarrow; install the extra 'tables', or use CSV or JSONL"
        ) from None
    try:
        rows: list[dict[str, Any]] = table.read_table(path).to_pylist()
    except (ArrowException, OSError) as problem:
        raise FileProblem(f"{path}: {problem}") from None
    return rows


def _values(row: dict[str, Any], layout: Layout, *, where: str, timed: bool) -> tuple[float, int, int]:
    arrival_s = _seconds(row.get(layout.time), f"{where}, column {layout.time}") if timed else 0.0
    prompt = _tokens(row.get(layout.prompt), f"{where}, column {layout.prompt}")
    output = _tokens(row.get(layout.output), f"{where}, column {layout.output}")
    return arrival_s * layout.scale_s, prompt, output


def _seconds(value: object, where: str) -> float:
    text = str(value if value is not None else "").strip()
    try:
        seconds = float(text)
    except ValueError:
        try:
            # Azure writes 100 ns ticks; fromisoformat takes up to six digits of a second.
            stamp = datetime.fromisoformat(text[:26])
        except ValueError:
            raise FormatError(f"{where}: {text!r} is neither seconds nor a date") from None
        seconds = (stamp if stamp.tzinfo else stamp.replace(tzinfo=UTC)).timestamp()
    if not 0 <= seconds < math.inf:
        raise FormatError(f"{where}: {text!r} is not a time from 0 on")
    return seconds


def _tokens(value: object, where: str) -> int:
    text = str(value if value is not None else "").strip()
    try:
        tokens = float(text)
    except ValueError:
        raise FormatError(f"{where}: {text!r} is not a number of tokens") from None
    if not 1 <= tokens <= MOST_TOKENS or tokens != int(tokens):
        raise FormatError(f"{where}: {text!r} is not a whole number of tokens from 1 to {MOST_TOKENS}")
    return int(tokens)
