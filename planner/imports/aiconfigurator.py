"""Parquet tables of the `aiconfigurator-core` wheel: `systems/data/SYSTEM/OP/FRAMEWORK/VERSION/*.parquet`.

Format: the files themselves (aiconfigurator-core 0.12.0). Read are `gemm_perf` (m, n, k, gemm_dtype),
`context_attention_perf` (batch_size, isl, heads, step = tokens before) and `generation_attention_perf`
(step = cached tokens); `latency` is milliseconds. Other operators have no law of their own here. Needs
pyarrow (`pip install tonnage[tables]`). The wheel's samples of whole-model runs are for checking
predictions, not for fitting them: they are never opened.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from planner.imports import kernels
from planner.imports.kernels import Heads, Timed
from planner.imports.operator_table import Table
from planner.imports.untrusted import MAX_FILE_BYTES, number, whole
from tonnage.errors import BackendUnavailable, FileProblem, FormatError

_COMPUTE = {"bfloat16": "bf16", "float16": "fp16", "half": "fp16", "fp8": "fp8", "fp8_block": "fp8",
            "fp8_ootb": "fp8", "sq": "int8", "int8": "int8", "nvfp4": "fp4"}  # fmt: skip
_STORED = {"int8_wo": ("INT8", 8.0), "int4_wo": ("INT4", 4.25), "fp8": ("FP8", 8.0), "sq": ("INT8_W8A8", 8.0),
           "fp8_block": ("FP8_BLOCK128", 8.0), "fp8_ootb": ("FP8", 8.0), "nvfp4": ("NVFP4", 4.5),
           "int8": ("INT8_W8A8", 8.0)}  # fmt: skip
_COLUMNS = {
    "gemm": ("device", "gemm_dtype", "m", "n", "k", "latency"),
    "context_attention": (
        "device", "batch_size", "isl", "num_heads", "num_key_value_heads", "head_dim", "attn_dtype",
        "kv_cache_dtype", "step", "window_size", "latency",
    ),
    "generation_attention": (
        "device", "batch_size", "isl", "num_heads", "num_key_value_heads", "head_dim", "attn_dtype",
        "kv_cache_dtype", "step", "window_size", "latency",
    ),
}  # fmt: skip
OPERATORS = tuple(_COLUMNS)
BATCH_ROWS = 65536


def operator_of(path: Path) -> str:
    """Return which operator a file holds.

    Raises
    ------
    FormatError
        If it is none that a law here times.
    """
    name = path.stem.removesuffix("_perf")
    if name not in _COLUMNS:
        raise FormatError(
            f"{path}: operator '{name}' has no law of its own here; known: {', '.join(_COLUMNS)}"
        )
    return name


def read(path: Path, *, device: str | None) -> tuple[str, Table]:
    """Read one table; returns the device as it is named there, and its rows.

    Parameters
    ----------
    device : str or None
        Name to carry in the measurements; by default the table's.

    Raises
    ------
    BackendUnavailable
        If pyarrow is not installed.
    FileProblem, FormatError
        If the file cannot be read, or lacks a column.
    """
    operator = operator_of(path)
    out, named = Table(), ""
    for batch in _batches(path, _COLUMNS[operator]):
        for row in batch:
            named = named or str(row["device"])
            if row["device"] != named:
                raise FormatError(f"{path}: holds rows of '{named}' and of '{row['device']}'")
            _add(out, operator, row, str(path), device or named)
    if not named:
        raise FormatError(f"{path}: holds no row")
    return named, out


def _batches(path: Path, columns: tuple[str, ...]) -> Any:
    try:
        import pyarrow.parquet as parquet
        from pyarrow import ArrowException
    except ImportError:
        raise BackendUnavailable(
            f"{path}: reading Parquet needs pyarrow; pip install 'tonnage[tables]'"
        ) from None
    if not path.is_file() or path.stat().st_size > MAX_FILE_BYTES:
        raise FileProblem(f"{path}: no file, or larger than {MAX_FILE_BYTES} bytes")
    try:
        table = parquet.ParquetFile(path)
        missing = sorted(set(columns) - set(table.schema_arrow.names))
        if missing:
            raise FormatError(f"{path}: has no column {', '.join(missing)}")
        for batch in table.iter_batches(batch_size=BATCH_ROWS, columns=list(columns)):
            yield batch.to_pylist()
    except (ArrowException, OSError, ValueError) as problem:
        if isinstance(problem, FormatError):
            raise
        raise FormatError(f"{path}: not a Parquet table ({str(problem)[:80]})") from None


def _add(out: Table, operator: str, row: Mapping[str, Any], where: str, device: str) -> None:
    found = number(row["latency"], name="latency", where=where)
    if found is None:
        out.skip("no time")
    elif operator == "gemm":
        _add_gemm(out, row, where, device, found / 1e3)
    else:
        _add_attention(out, operator, row, where, device, found / 1e3)


def _add_gemm(out: Table, row: Mapping[str, Any], where: str, device: str, time_s: float) -> None:
    kind = str(row["gemm_dtype"])
    form, bits = _STORED.get(kind, (None, 16.0))
    dtype = _COMPUTE.get(kind, "bf16" if form else None)
    m, n, k = (whole(row[name], name=name, where=where) for name in "mnk")
    if dtype is None or not (m and n and k):
        out.skip(f"matmul of type '{kind[:40]}'")
        return
    timed = Timed(backend="aiconfigurator", device=device, dtype=dtype, time_s=time_s)
    width = 16.0 if kind.endswith("_wo") else min(bits, 16.0)
    out.found.append(
        kernels.matmul(timed, m, n, k, weight_format=form, weight_bits=bits, activation_bits=width)
    )


def _add_attention(
    out: Table, operator: str, row: Mapping[str, Any], where: str, device: str, time_s: float
) -> None:
    if row["window_size"]:
        out.skip("attention in a sliding window")
        return
    dtype = _COMPUTE.get(str(row["attn_dtype"]))
    cache = kernels.BYTES.get(_COMPUTE.get(str(row["kv_cache_dtype"]), ""), 0.0)
    names = ("batch_size", "isl", "num_heads", "num_key_value_heads", "head_dim")
    batch, tokens, heads, kv_heads, width = (whole(row[name], name=name, where=where) for name in names)
    before = whole(row["step"], name="step", where=where) or 0
    if dtype is None or not cache or not (batch and tokens and heads and kv_heads and width):
        out.skip("attention of an unknown type or size")
        return
    timed = Timed(backend="aiconfigurator", device=device, dtype=dtype, time_s=time_s)
    local = Heads(heads=heads, kv_heads=kv_heads, head_dim=width, cache_bytes=cache)
    if operator == "context_attention":
        out.found.append(kernels.prefill(timed, local, batch=batch, tokens=tokens, cached=before))
    else:
        out.found.append(kernels.decode(timed, local, batch=batch, cached=before + tokens))
