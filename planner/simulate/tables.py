"""Answers and request times as flat tables: CSV, Parquet or JSON, by the ending of the file."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from planner.simulate.simulation_record import Simulation, Spread
from tonnage.errors import BackendUnavailable, InvalidInput
from tonnage.files import check_writable, write_bytes, write_text

Columns = Mapping[str, Sequence[Any]]
ENDINGS = (".csv", ".parquet", ".json", ".jsonl")
_PER_CLASS = ("classes", "format", "version", "notes")


def check_table(path: Path) -> None:
    """Refuse a file that could not be written, before anything is computed.

    Raises
    ------
    InvalidInput, BackendUnavailable, FileProblem
        For an unknown ending, Parquet without pyarrow, or a folder that is not there.
    """
    if path.suffix not in ENDINGS:
        raise InvalidInput(
            f"{path}: tables are written as {', '.join(ENDINGS)}; '{path.suffix}' is none of them"
        )
    if path.suffix == ".parquet":
        _pyarrow(path)
    check_writable(path)


def write_table(path: Path, columns: Columns) -> None:
    """Write equally long columns in the format of the file's ending; a JSON file holds a list of rows."""
    check_table(path)
    if path.suffix == ".parquet":
        write_bytes(path, _parquet(path, columns))
        return
    rows = zip(*columns.values(), strict=True)
    if path.suffix == ".csv":
        text = io.StringIO(newline="")
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows([_cell(value) for value in row] for row in rows)
        write_text(path, text.getvalue())
        return
    lines = [json.dumps(dict(zip(columns, row, strict=True)), allow_nan=False) for row in rows]
    whole = "\n".join(lines) if path.suffix == ".jsonl" else "[\n" + ",\n".join(lines) + "\n]"
    write_text(path, whole + "\n")


def summary_columns(answers: Sequence[Simulation]) -> dict[str, list[Any]]:
    """Return a row per answer and class: spreads as `ttft_p95_s`, half widths as `ttft_p95_ci95_s`."""
    columns: dict[str, list[Any]] = {}
    for answer in answers:
        shared = answer.model_dump(mode="json", exclude=set(_PER_CLASS))
        for result in answer.classes:
            row = dict(shared)
            for name in type(result).model_fields:
                value = getattr(result, name)
                if name.endswith("_s"):
                    row |= _spread(name.removesuffix("_s"), value)
                else:
                    row["class" if name == "name" else f"class_{name}"] = value
            for name, value in row.items():
                columns.setdefault(name, []).append(value)
    return columns


def _spread(name: str, spread: Spread | None) -> dict[str, float | None]:
    metric, _, kind = name.partition("_")
    ending = f"_{kind}_s" if kind else "_s"
    return {f"{metric}_{part}{ending}": getattr(spread, part, None) for part in Spread.model_fields}


def _cell(value: Any) -> Any:
    return f"{value:.9g}" if isinstance(value, float) else value


def _parquet(path: Path, columns: Columns) -> bytes:
    pyarrow = _pyarrow(path)
    from pyarrow import parquet

    out = io.BytesIO()
    parquet.write_table(pyarrow.table({name: list(values) for name, values in columns.items()}), out)
    return out.getvalue()


def _pyarrow(path: Path) -> Any:
    try:
        import pyarrow
    except ImportError:
        raise BackendUnavailable(
            f"{path}: Parquet needs pyarrow; install Tonnage with its extra 'tables', or write CSV or JSON"
        ) from None
    return pyarrow
