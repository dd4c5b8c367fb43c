"""AIPerf's `profile_export_aiperf.json` and genai-perf's `profile_export_genai_perf.json`.

Format: AIPerf `docs/reference/json-export-schema.md` (schema 1.0 to 1.5) and `export_models.py` of
aiperf 0.13; genai-perf 0.0.16 `json_exporter.py`, whose layout AIPerf keeps. Every metric is an object
with `unit` and `avg`; the unit decides, not the name. What was asked stands in `input_config`:
`phases` (now), `loadgen` (AIPerf 0.1 on) or `perf_analyzer.stimulus` (genai-perf).
"""

from typing import Any

from planner.imports.measured import Run
from planner.imports.told import Origin, Told, run
from planner.imports.untrusted import number, rows, table, whole, word
from tonnage.errors import FormatError

KEYS = ("request_throughput", "request_latency")
_SECONDS = {"s": 1.0, "sec": 1.0, "seconds": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}


def is_aiperf(data: object) -> bool:
    """Say if an object is a summary of AIPerf or genai-perf."""
    return isinstance(data, dict) and all("avg" in table(data.get(key)) for key in KEYS)


def read(data: dict[str, Any], *, file: str, told: Told) -> Run:
    """Read one summary.

    Raises
    ------
    FormatError
        Also if the run was cancelled or incomplete, as the file itself says.
    """
    where = f"{file}: run 1"
    if data.get("was_cancelled") is True or data.get("is_complete") is False:
        reason = word(data.get("incomplete_reason")) or "cancelled"
        raise FormatError(f"{where}: the run was not finished ({reason}); its means are not steady")
    asked = table(data.get("input_config"))
    load = _load(asked, where)
    notes = []
    if failed := _average(data, "error_request_count", where):
        notes.append(f"{failed:g} requests failed")
    seen = {
        "model": _model(asked),
        "isl": _average(data, "input_sequence_length", where),
        "osl": _average(data, "output_sequence_length", where),
        "notes": notes,
        **load,
    }
    measured = {
        "ttft_s": None if load["load"] == "saturated" else _time_s(data, "time_to_first_token", where),
        "tpot_s": _time_s(data, "inter_token_latency", where),
        "output_tokens_per_s": _average(data, "output_token_throughput", where),
        "requests_per_s": _average(data, "request_throughput", where),
        "power_w": _power_w(data, where),
    }
    version = word(data.get("aiperf_version"))
    tool = "AIPerf" if version or "schema_version" in data else "genai-perf"
    origin = Origin(tool=tool, file=file, tool_version=version)
    return run(told, origin, seen=seen, measured=measured, number=1)


def _average(data: dict[str, Any], name: str, where: str) -> float | None:
    return number(table(data.get(name)).get("avg"), name=name, where=where)


def _time_s(data: dict[str, Any], name: str, where: str) -> float | None:
    found = _average(data, name, where)
    if found is None:
        return None
    unit = (word(table(data[name]).get("unit")) or "").lower()
    if unit not in _SECONDS:
        raise FormatError(f"{where}: {name} is in '{unit}', which is no unit of time known here")
    return found * _SECONDS[unit]


def _model(asked: dict[str, Any]) -> str | None:
    items = asked.get("models")
    names = [
        *rows(asked.get("model_names")),
        *rows(table(asked.get("endpoint")).get("model_names")),
        *(one.get("name") if isinstance(one, dict) else one for one in rows(table(items).get("items"))),
        *rows(items),
        items,
    ]
    return next((found for name in names if (found := word(name))), None)


def _load(asked: dict[str, Any], where: str) -> dict[str, Any]:
    """Return the load of the phase that was measured; warm-up phases are not."""
    phases = [table(one) for one in rows(asked.get("phases"))]
    measured = [one for one in phases if "warmup" not in (one.get("kind"), one.get("name"))]
    stimulus = table(table(asked.get("perf_analyzer")).get("stimulus"))
    sources = [*measured[:1], table(asked.get("loadgen")), stimulus]
    for source in sources:
        rate = source.get("rate", source.get("request_rate"))
        if rate is not None:
            return {"load": "open", "requests_per_s": number(rate, name="request_rate", where=where)}
        if (users := whole(source.get("concurrency"), name="concurrency", where=where)) is not None:
            return {"load": "closed", "concurrency": users}
    raise FormatError(f"{where}: input_config names neither a concurrency nor a request rate")


def _power_w(data: dict[str, Any], where: str) -> float | None:
    """Sum the mean draw of all GPUs that telemetry saw; None unless every one tells it."""
    found = []
    for endpoint in table(table(data.get("telemetry_data")).get("endpoints")).values():
        for gpu in table(table(endpoint).get("gpus")).values():
            metrics = table(table(gpu).get("metrics"))
            for name in ("nvidia_power_usage", "amd_power_usage", "gpu_power_usage"):
                if name in metrics and word(table(metrics[name]).get("unit")) == "W":
                    found.append(_average(metrics, name, where))
                    break
            else:
                found.append(None)
    known = [watts for watts in found if watts is not None]
    return sum(known) if known and len(known) == len(found) else None
