"""Which tool wrote a result file, and its measurements."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from planner.imports import (
    aiconfigurator,
    aiperf,
    guidellm,
    llama_bench,
    llmservingsim,
    long_tables,
    mlperf,
    vidur,
    vllm_bench,
)
from planner.imports.measured import Measured, Run
from planner.imports.named import device_id, model_id
from planner.imports.operator_table import Table
from planner.imports.thin import by_law, thinned
from planner.imports.told import Told
from planner.imports.untrusted import csv_rows, json_lines, table, text_of
from tonnage.errors import FormatError, InvalidInput

KEPT_PER_LAW = 512
MOST_TABLES = 64
TABLES = (
    "mlp.csv",
    "attention.csv",
    "dense.csv",
    "per_sequence.csv",
    *(f"{operator}_perf.parquet" for operator in aiconfigurator.OPERATORS),
)
"""Names of operator tables that laws here can use."""
KNOWN = (
    "llama-bench (json, jsonl, csv), vllm bench serve, GuideLLM, AIPerf, genai-perf, MLPerf summaries, "
    "operator tables of Vidur, LLMServingSim and aiconfigurator-core"
)


@dataclass(frozen=True, slots=True)
class Part:
    """What one file held."""

    runs: tuple[Run, ...] = ()
    device: str | None = None
    table: Table | None = None


def read_files(paths: Sequence[Path], told: Told) -> Measured:
    """Read result files of any known tools into one record.

    Raises
    ------
    FormatError
        If a file is of no known tool, or not what that tool writes.
    InvalidInput
        If a file leaves out what `told` does not say, or kernels are of several devices.
    FileProblem
        If a file cannot be read.
    """
    parts = [(str(path), _read(path, told)) for path in expanded(paths)]
    devices = sorted({part.device for _, part in parts if part.device is not None})
    if len(devices) > 1:
        raise InvalidInput(f"kernels of {', '.join(devices)} together; import one device at a time")
    kernels = [one for _, part in parts if part.table for one in part.table.found]
    kept = [one for group in by_law(kernels).values() for one in thinned(group, KEPT_PER_LAW)]
    notes = [note for file, part in parts if part.table for note in part.table.notes(file)]
    if len(kept) < len(kernels):
        notes.append(f"{len(kept)} of {len(kernels)} kernel times kept, spread evenly over sizes")
    runs = tuple(run for _, part in parts for run in part.runs)
    if not runs and not kept:
        raise FormatError(f"{', '.join(file for file, _ in parts)}: nothing in it that can be used")
    return Measured(
        files=tuple(file for file, _ in parts),
        device=devices[0] if devices else None,
        runs=runs,
        kernels=tuple(kept),
        notes=tuple(notes),
    )


def expanded(paths: Sequence[Path]) -> list[Path]:
    """Replace each folder by the operator tables below it, which are known by their file names.

    Raises
    ------
    InvalidInput
        If a folder holds none, or more than anybody means.
    """
    found: list[Path] = []
    for path in paths:
        if not path.is_dir():
            found.append(path)
            continue
        below = sorted(one for name in TABLES for one in path.rglob(name))
        if not 0 < len(below) <= MOST_TABLES:
            raise InvalidInput(
                f"{path}: a folder with {len(below)} operator tables ({', '.join(TABLES)}); "
                f"name one with 1 to {MOST_TABLES}"
            )
        found += below
    return found


def _read(path: Path, told: Told) -> Part:
    if path.name.startswith("silicon_sample"):
        raise InvalidInput(f"{path}: is for checking predictions; measurements to fit come from elsewhere")
    if path.suffix == ".parquet":
        named, rows = aiconfigurator.read(path, device=None)
        return Part(device=device_id(told.device or named, where=str(path)), table=rows)
    text = text_of(path)
    if mlperf.is_mlperf(text):
        return Part(runs=(mlperf.read(text, file=str(path), told=told),))
    start = text.lstrip()[:1]
    if start in ("{", "["):
        return Part(runs=_json_runs(text, path, told))
    if not start:
        raise FormatError(f"{path}: is empty")
    return _csv_part(text, path, told)


def _json_runs(text: str, path: Path, told: Told) -> tuple[Run, ...]:
    file = str(path)
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        data = json_lines(text, where=file)
    many = data if isinstance(data, list) else [data]
    if many and llama_bench.is_llama_bench(many[0]):
        return llama_bench.read(many, file=file, told=told)
    if many and all(vllm_bench.is_vllm_bench(one) for one in many):
        return tuple(vllm_bench.read(one, file=file, told=told, count=n) for n, one in enumerate(many, 1))
    if guidellm.is_guidellm(data):
        return guidellm.read(table(data), file=file, told=told)
    if aiperf.is_aiperf(data):
        return (aiperf.read(table(data), file=file, told=told),)
    raise FormatError(f"{file}: JSON of no tool known here; known are {KNOWN}")


Rows = Callable[[], Iterator[dict[str, str]]]


def _csv_part(text: str, path: Path, told: Told) -> Part:
    file = str(path)

    def rows() -> Iterator[dict[str, str]]:
        return csv_rows(text, where=file)

    first = next(rows(), None)
    if first is None:
        raise FormatError(f"{file}: has no rows; known are {KNOWN}")
    if llama_bench.is_llama_bench(first):
        return Part(runs=llama_bench.read(rows(), file=file, told=told))
    if vidur.is_mlp(first) or vidur.is_attention(first):
        device = _device(told, _before(path, "compute"), file)
        return Part(device=device, table=vidur.read(rows(), file=file, device=device))
    if llmservingsim.is_layers(first) or llmservingsim.is_attention(first):
        return _llmservingsim(rows, path, told)
    if long_tables.is_long_table(first):
        return _long(rows, file, told)
    raise FormatError(f"{file}: a table of no tool known here; known are {KNOWN}")


def _before(path: Path, folder: str) -> str | None:
    """Return the folder below one of this name: Vidur's device."""
    parts: Iterable[str] = path.parts
    return next((low for high, low in zip(parts, path.parts[1:], strict=False) if high == folder), None)


def _device(told: Told, seen: str | None, file: str) -> str:
    name = told.device or seen
    if name is None:
        raise InvalidInput(f"{file}: the table does not say the device; add --device")
    return device_id(name, where=file)


def _llmservingsim(rows: Rows, path: Path, told: Told) -> Part:
    file, seen = str(path), llmservingsim.in_path(path)
    name = told.model or seen.get("model")
    if name is None:
        raise InvalidInput(f"{file}: the table does not say the model; add --model")
    device = _device(told, seen.get("device"), file)
    layer = llmservingsim.layer_of(model_id(name, where=file), told.tp or int(seen.get("tp", 1)))
    return Part(device=device, table=llmservingsim.read(rows(), file=file, device=device, layer=layer))


def _long(rows: Rows, file: str, told: Told) -> Part:
    names = {row["device"] for row in rows()}
    if told.device is None:
        if len(names) > 1:
            raise InvalidInput(f"{file}: holds {', '.join(sorted(names))}; name one of them with --device")
        (name,) = names
        wanted = device_id(name, where=file)
    else:
        wanted = device_id(told.device, where=file)
        matching = [name for name in sorted(names) if _may_be(name, wanted)]
        if len(matching) != 1:
            raise InvalidInput(f"{file}: holds {', '.join(sorted(names))}, and not just one is {wanted}")
        (name,) = matching
    return Part(device=wanted, table=long_tables.read(rows(), file=file, device=wanted, name=name))


def _may_be(name: str, wanted: str) -> bool:
    """Say if a table's short name, such as 'a100', can mean this device."""
    words = name.lower().replace("-", "").replace(" ", "")
    return words in wanted.replace("-", "")
