"""`vllm bench serve --save-result`: a served model under a closed, open or saturating load.

Format: vLLM `vllm/benchmarks/serve.py` (result dictionary and `process_one_metric`); SGLang's
`bench_serving` writes the same keys. Times are milliseconds; `request_rate` is the text "inf" where
all requests are sent at once, and `max_concurrency` then caps those under way.
"""

import math
from typing import Any

from planner.imports.measured import Run
from planner.imports.told import Origin, Told, run
from planner.imports.untrusted import number, whole, word
from tonnage.errors import FormatError

KEYS = ("completed", "total_input_tokens", "total_output_tokens", "duration")
_ENGINES = {
    "vllm": "vllm",
    "sglang": "sglang",
    "tgi": "tgi",
    "tensorrt-llm": "trtllm",
    "lmdeploy": "lmdeploy",
}


def is_vllm_bench(data: object) -> bool:
    """Say if an object is a saved result."""
    return isinstance(data, dict) and all(key in data for key in KEYS)


def read(data: dict[str, Any], *, file: str, told: Told, count: int = 1) -> Run:
    """Read one saved result."""
    where = f"{file}: run {count}"
    done = whole(data["completed"], name="completed", where=where)
    sent = number(data["total_input_tokens"], name="total_input_tokens", where=where)
    came = number(data["total_output_tokens"], name="total_output_tokens", where=where)
    if done is None or sent is None or came is None:
        raise FormatError(f"{where}: no request was completed, or none had tokens")
    load, notes = _load(data, where)
    if failed := whole(data.get("failed"), name="failed", where=where):
        notes.append(f"{failed} of {done + failed} requests failed")
    first = _mean_s(data, "ttft", where, notes)
    seen = {
        "model": word(data.get("model_id")),
        "engine": _ENGINES.get((word(data.get("backend")) or "").lower()),
        "isl": sent / done,
        "osl": came / done,
        "notes": notes,
        **load,
    }
    measured = {
        "ttft_s": None if load["load"] == "saturated" else first,
        "tpot_s": _mean_s(data, "tpot", where, notes),
        "output_tokens_per_s": number(data.get("output_throughput"), name="output_throughput", where=where),
        "requests_per_s": number(data.get("request_throughput"), name="request_throughput", where=where),
    }
    return run(told, Origin(tool="vllm bench serve", file=file), seen=seen, measured=measured, number=count)


def _mean_s(data: dict[str, Any], metric: str, where: str, notes: list[str]) -> float | None:
    """Return the mean of a time, or its median with a note [s]."""
    for kind in ("mean", "median"):
        found = number(data.get(f"{kind}_{metric}_ms"), name=f"{kind}_{metric}_ms", where=where)
        if found is not None:
            if kind == "median":
                notes.append(f"{metric} is the median over requests; the mean was not saved")
            return found / 1e3
    return None


def _load(data: dict[str, Any], where: str) -> tuple[dict[str, Any], list[str]]:
    rate = data.get("request_rate")
    try:
        endless = rate is None or math.isinf(float(rate))
    except (TypeError, ValueError, OverflowError):
        raise FormatError(f"{where}: request_rate = {str(rate)[:40]!r} is no rate and not 'inf'") from None
    users = whole(data.get("max_concurrency"), name="max_concurrency", where=where)
    if not endless:
        found = number(rate, name="request_rate", where=where)
        notes = [f"at most {users} requests under way, so a slow server saw fewer"] if users else []
        return {"load": "open", "requests_per_s": found}, notes
    if users:
        return {"load": "closed", "concurrency": users}, []
    return {"load": "saturated"}, []
