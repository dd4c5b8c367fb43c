"""Where anchors come from: a case's own key, a file of imported runs, or cases with what was measured."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from planner.deployment import Case
from planner.figures import Anchor, Figures
from planner.imports.measured import Measured, Run
from planner.imports.untrusted import json_lines
from tonnage.errors import FormatError, InvalidInput
from tonnage.files import read_text, upgraded
from tonnage.openable import is_file
from workloads.readers.freshness import changed_ns

MOST = 500
"""Runs of one file: the update inverts a matrix of this size."""
_LOAD = ("isl", "osl", "context", "concurrency")

Point = tuple[Case, Figures]


def of_case(case: Case) -> tuple[Point, ...]:
    """Points that a case itself brings along.

    Raises
    ------
    InvalidInput, FormatError, FileProblem
        If nothing was measured, or its file is no file of measurements.
    """
    if case.anchor is None:
        return ()
    if isinstance(case.anchor, str):
        return of_file(Path(case.anchor))
    if case.anchor.is_empty:
        raise InvalidInput(f"case '{case.id}': anchor holds no ttft_s, tpot_s or output_tokens_per_s")
    load = {name: value for name in _LOAD if (value := getattr(case.anchor, name)) is not None}
    return ((case.model_copy(update={**load, "anchor": None}), case.anchor),)


def of_file(path: Path) -> tuple[Point, ...]:
    """Points of a file that `tonnage import` wrote, or of JSON lines as `calibrate` takes them.

    Raises
    ------
    FormatError, FileProblem
        If it is neither, or cannot be read.
    """
    return _read(path, changed_ns(path) if is_file(path) else 0)


def of_runs(runs: Sequence[Run]) -> tuple[Point, ...]:
    """Points of imported runs; those without a latency or a rate say nothing here."""
    return tuple((run.case, run.measured) for run in runs if not run.measured.is_empty)


@lru_cache(maxsize=32)
def _read(path: Path, _changed_ns: int) -> tuple[Point, ...]:
    text = read_text(path)
    lines = json_lines(text, where=str(path)) if not _is_one_object(text) else [_whole(text, path)]
    if len(lines) == 1 and isinstance(lines[0], dict) and lines[0].get("format") == Measured.FORMAT:
        data = upgraded(lines[0], Measured, where=str(path))
        points = of_runs(Measured.parse(data, where=str(path)).runs)
    else:
        points = tuple(_point(line, f"{path}: line {n}") for n, line in enumerate(lines, start=1))
    if not points:
        raise FormatError(f"{path}: holds no measured run to anchor to; 'tonnage import' makes such a file")
    if len(points) > MOST:
        raise FormatError(f"{path}: holds {len(points)} runs; at most {MOST} can anchor one prediction")
    return points


def _is_one_object(text: str) -> bool:
    first = text.lstrip().split("\n", 1)[0].strip()
    return first == "{"


def _whole(text: str, path: Path) -> Any:
    import json

    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise FormatError(f"{path}: not valid JSON; the file may be cut off") from None


def _point(line: Any, where: str) -> Point:
    if not isinstance(line, dict) or not isinstance(line.get("measured"), dict):
        raise FormatError(f"{where}: no case with 'measured'")
    measured = Figures.parse(
        {name: line["measured"].get(name) for name in Anchor.model_fields if name in Figures.model_fields},
        where=where,
    )
    if measured.is_empty:
        raise FormatError(f"{where}: 'measured' holds no ttft_s, tpot_s or output_tokens_per_s")
    return Case.parse(
        {"id": where, **{k: v for k, v in line.items() if k != "anchor"}}, where=where
    ), measured
