"""`llama-bench -o json|jsonl|csv`: prompt processing and generation of one sequence.

Format: llama.cpp `tools/llama-bench/README.md`, section "Output formats" (its example is a fixture).
`avg_ns` is the mean time of one test of `n_prompt` and then `n_gen` tokens behind `n_depth` cached
ones; tokenization and sampling are outside it. A generation test starts from one token.
"""

from collections.abc import Iterable
from typing import Any

from planner.imports.measured import Run
from planner.imports.named import gguf_format
from planner.imports.told import Origin, Told, run
from planner.imports.untrusted import number, table, whole, word
from tonnage.errors import FormatError
from workloads import formats

KEYS = ("n_prompt", "n_gen", "avg_ns", "model_filename")


def is_llama_bench(row: object) -> bool:
    """Say if an object is a row of llama-bench."""
    return isinstance(row, dict) and all(key in row for key in KEYS)


def read(rows: Iterable[Any], *, file: str, told: Told) -> tuple[Run, ...]:
    """Read benchmark rows, each an object with llama-bench's keys."""
    return tuple(_run(table(row), file, told, count) for count, row in enumerate(rows, start=1))


def _run(row: dict[str, Any], file: str, told: Told, count: int) -> Run:
    where = f"{file}: run {count}"
    if not is_llama_bench(row):
        raise FormatError(f"{where}: no llama-bench result; it needs {', '.join(KEYS)}")
    prompt = whole(row["n_prompt"], name="n_prompt", where=where) or 0
    generated = whole(row["n_gen"], name="n_gen", where=where) or 0
    nanoseconds = number(row["avg_ns"], name="avg_ns", where=where)
    if nanoseconds is None or not prompt + generated:
        raise FormatError(f"{where}: no time (avg_ns) or no tokens (n_prompt, n_gen)")
    seconds = nanoseconds / 1e9
    measured: dict[str, Any]
    if not generated:
        measured = {"ttft_s": seconds}
    elif not prompt:
        measured = {"tpot_s": seconds / generated}
    else:
        measured = {"output_tokens_per_s": generated / seconds, "requests_per_s": 1.0 / seconds}
    seen = {
        **_hardware(row),
        "model": word(row["model_filename"]),
        "weights": gguf_format(word(row.get("model_type")) or ""),
        "kv": _cache(row),
        "engine": "llama.cpp",
        "isl": prompt or 1,
        "osl": generated or 1,
        "context": whole(row.get("n_depth"), name="n_depth", where=where) or 0,
    }
    origin = Origin(tool="llama-bench", file=file, tool_version=_build(row))
    return run(told, origin, seen=seen, measured=measured, number=count)


def _hardware(row: dict[str, Any]) -> dict[str, Any]:
    """Name what computed: the GPUs where layers were on them, else the CPU."""
    backend = (word(row.get("backends")) or "").lower()
    on_gpu = backend not in ("", "cpu", "blas") and str(row.get("n_gpu_layers")) != "0"
    names = [name.strip() for name in (word(row.get("gpu_info")) or "").split(", ") if name.strip()]
    if not on_gpu or not names:
        return {"device": word(row.get("cpu_info")), "backend": "cpu"}
    if len(set(names)) > 1:
        return {"backend": backend}  # of several kinds: the owner says which
    cut = "tp" if row.get("split_mode") == "row" else "pp"
    split = {} if row.get("split_mode") == "none" else {cut: len(names)}
    return {"device": names[0], "backend": backend.split(",")[0], **split}


def _cache(row: dict[str, Any]) -> str | None:
    name = (word(row.get("type_k")) or "f16").upper()
    return None if name in ("F16", "BF16") or f"KV_{name}" not in formats.kv_names() else name


def _build(row: dict[str, Any]) -> str | None:
    build = row.get("build_number")
    return f"b{build}" if isinstance(build, int | str) and str(build).isdigit() else None
