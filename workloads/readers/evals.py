"""A user's own results of models on tasks: a CSV or JSON file, by model or by try.

By model, each row has `model`, `success` (the share that is right at the first try), and, where
known, `pass_2`, `pass_3` ... (the share of which all of so many tries are right), `tasks` and
`trials`. By try, each row has `model`, `task` and `success` (1 or 0): the shares follow, pass^k
without bias from c right of n tries as C(c, k) / C(n, k). `weights` names the format of the weights
where results hold for that one alone.
"""

import csv
import io
import json
import math
from collections.abc import Mapping
from pathlib import Path

from tonnage.errors import FormatError, InvalidInput
from tonnage.evidence import Evidence
from tonnage.files import read_text
from workloads.tasks import Success

Row = Mapping[str, object]

TRUE, FALSE = ("1", "1.0", "true", "pass", "passed", "yes"), ("0", "0.0", "false", "fail", "failed", "no")
COLUMNS = ("model", "weights", "task", "success", "tasks", "trials")
PASS = "pass_"


def read_evals(path: Path, *, benchmark: str, split: str) -> tuple[Success, ...]:
    """Read results of one benchmark.

    Raises
    ------
    FileProblem, FormatError, InvalidInput
        One line that names the file, the row and what is wrong with it.
    """
    rows = _rows(path)
    if not rows:
        raise FormatError(f"{path}: has no rows")
    for number, row in enumerate(rows, start=1):
        for key in row:
            if key not in COLUMNS and not _k_of(key):
                raise FormatError(
                    f"{path}: row {number}: unknown column '{key}'; known are "
                    f"{', '.join(COLUMNS)}, pass_2 ..."
                )
        if not str(row.get("model") or "").strip():
            raise FormatError(f"{path}: row {number} has no model")
    by_try = ["task" in row for row in rows]
    if any(by_try) and not all(by_try):
        raise FormatError(
            f"{path}: some rows have a task and others have none; give one row per try, or per model"
        )
    read = _by_try(rows, path) if all(by_try) else _by_model(rows, path)
    return tuple(
        Success.parse(
            {
                "benchmark": benchmark,
                "split": split,
                "source": f"your own results: {path.name}",
                "evidence": Evidence.MEASURED,
                **row,
            },
            where=f"{path}: {row['model']}",
        )
        for row in read
    )


def _rows(path: Path) -> list[Row]:
    text = read_text(path)
    if path.suffix.lower() == ".json":
        try:
            found = json.loads(text)
        except (json.JSONDecodeError, RecursionError) as problem:
            raise FormatError(f"{path}: not valid JSON: {problem}") from None
        if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
            raise FormatError(f"{path}: must be a list of objects, one per model or per try")
        return [{key: value for key, value in row.items() if value is not None} for row in found]
    if path.suffix.lower() != ".csv":
        raise InvalidInput(f"{path}: results are read from .csv or .json files")
    lines = csv.DictReader(io.StringIO(text.lstrip("\ufeff")), skipinitialspace=True)
    rows: list[Row] = []
    for number, row in enumerate(lines, start=1):
        if None in row:
            raise FormatError(f"{path}: row {number} has more cells than the heading")
        rows.append({key.strip(): value.strip() for key, value in row.items() if value and value.strip()})
    return rows


def _k_of(key: str) -> int | None:
    """Return k of a column pass_k, None for another one."""
    tail = key.removeprefix(PASS)
    return int(tail) if tail != key and tail.isdecimal() and int(tail) >= 1 else None


def _by_model(rows: list[Row], path: Path) -> list[dict[str, object]]:
    found, seen = [], set()
    for number, row in enumerate(rows, start=1):
        where = f"{path}: row {number}"
        key = _variant(row)
        if key in seen:
            raise InvalidInput(f"{where}: {' '.join(filter(None, key))} is given twice")
        seen.add(key)
        shares = {k: _share(row[name], f"{where}: {name}") for name in row if (k := _k_of(name))}
        if "success" in row:
            shares[1] = _share(row["success"], f"{where}: success")
        if 1 not in shares:
            raise FormatError(f"{where} has no success, the share that is right at the first try")
        falling = [shares[k] for k in sorted(shares)]
        if falling != sorted(falling, reverse=True):
            raise InvalidInput(f"{where}: pass_k cannot grow with k: {falling}")
        counts = {name: _count(row[name], f"{where}: {name}") for name in ("tasks", "trials") if name in row}
        found.append({**_named(key), "all_of": shares, **counts})
    return found


def _by_try(rows: list[Row], path: Path) -> list[dict[str, object]]:
    tries: dict[tuple[str, str | None], dict[str, list[bool]]] = {}
    for number, row in enumerate(rows, start=1):
        text = str(row.get("success", "")).strip().lower()
        if text not in (*TRUE, *FALSE):
            raise FormatError(f"{path}: row {number}: success must be 1 or 0, not '{row.get('success', '')}'")
        tries.setdefault(_variant(row), {}).setdefault(str(row["task"]), []).append(text in TRUE)
    return [{**_named(key), **_pass_k(list(own.values()))} for key, own in tries.items()]


def _pass_k(tasks: list[list[bool]]) -> dict[str, object]:
    fewest = min(map(len, tasks))
    shares = {
        k: sum(math.comb(sum(task), k) / math.comb(len(task), k) for task in tasks) / len(tasks)
        for k in range(1, fewest + 1)
    }
    return {"all_of": shares, "tasks": len(tasks), "trials": fewest}


def _variant(row: Row) -> tuple[str, str | None]:
    weights = str(row.get("weights") or "").strip()
    return str(row["model"]).strip(), weights or None


def _named(key: tuple[str, str | None]) -> dict[str, object]:
    model, weights = key
    return {"model": model, "model_id": model, "weights": weights}


def _share(value: object, where: str) -> float:
    try:
        parsed = float(str(value))
    except ValueError:
        raise FormatError(f"{where} must be a share between 0 and 1, not '{value}'") from None
    if not 0 <= parsed <= 1:
        hint = f"; write {parsed / 100:g} if percent are meant" if 1 < parsed <= 100 else ""
        raise InvalidInput(f"{where} must be between 0 and 1, not {parsed:g}{hint}")
    return parsed


def _count(value: object, where: str) -> int:
    try:
        parsed = float(str(value))
    except ValueError:
        parsed = math.nan
    if not (parsed >= 1 and parsed == int(parsed)):
        raise InvalidInput(f"{where} must be a whole number of at least 1, not '{value}'")
    return int(parsed)
