"""GuideLLM's `benchmarks.json`: one benchmark per rate of a sweep.

Format: guidellm 0.8 `guidellm/benchmark/schemas` (report version 2) and the versions before it, whose
strategy stands under `args` instead of `config`. `inter_token_latency_ms` leaves the first token out,
so it is our TPOT; GuideLLM's `time_per_output_token_ms` holds the wait for the first token and is not.
"""

from typing import Any

from planner.imports.measured import Run
from planner.imports.told import Origin, Told, run
from planner.imports.untrusted import number, rows, table, whole, word
from tonnage.errors import FormatError


def is_guidellm(data: object) -> bool:
    """Say if an object is a report of GuideLLM."""
    first = table((rows(table(data).get("benchmarks")) or [None])[0])
    return "inter_token_latency_ms" in table(first.get("metrics"))


def read(data: dict[str, Any], *, file: str, told: Told) -> tuple[Run, ...]:
    """Read every benchmark of a report that finished requests."""
    version = word(table(data.get("metadata")).get("guidellm_version"))
    origin = Origin(tool="GuideLLM", file=file, tool_version=version)
    found = []
    for count, one in enumerate(rows(data["benchmarks"]), start=1):
        made = _run(table(one), table(data), origin, told, count)
        if made is not None:
            found.append(made)
    if not found:
        raise FormatError(f"{file}: no benchmark of this GuideLLM report finished a request")
    return tuple(found)


def _run(one: dict[str, Any], report: dict[str, Any], origin: Origin, told: Told, count: int) -> Run | None:
    where = f"{origin.file}: run {count}"
    metrics = table(one.get("metrics"))
    sent, came = (_mean(metrics, name, where) for name in ("prompt_token_count", "output_token_count"))
    if sent is None or came is None:
        return None
    load = _load(_strategy(one), where)
    first, later = (
        None if found is None else found / 1e3
        for found in (
            _mean(metrics, "time_to_first_token_ms", where),
            _mean(metrics, "inter_token_latency_ms", where),
        )
    )
    measured = {
        "ttft_s": None if load["load"] == "saturated" else first,
        "tpot_s": later,
        "output_tokens_per_s": _mean(metrics, "output_tokens_per_second", where),
        "requests_per_s": _mean(metrics, "requests_per_second", where),
    }
    seen = {"model": _model(one, report), "isl": sent, "osl": came, **load}
    return run(told, origin, seen=seen, measured=measured, number=count)


def _mean(metrics: dict[str, Any], name: str, where: str) -> float | None:
    """Mean over successful requests."""
    return number(table(table(metrics.get(name)).get("successful")).get("mean"), name=name, where=where)


def _strategy(one: dict[str, Any]) -> dict[str, Any]:
    for holder in ("config", "args", "scheduler"):
        found = table(table(one.get(holder)).get("strategy"))
        if found:
            return found
    return {}


def _model(one: dict[str, Any], report: dict[str, Any]) -> str | None:
    for holder in (one.get("config"), one.get("args"), one, report.get("config"), report.get("args")):
        backend = table(holder).get("backend")
        for place in (table(backend), table(table(holder).get("backend_kwargs")), table(holder)):
            if model := word(place.get("model")):
                return model
    return None


def _load(strategy: dict[str, Any], where: str) -> dict[str, Any]:
    kind = strategy.get("type_")
    if kind == "synchronous":
        return {"load": "closed", "concurrency": 1}
    if kind == "concurrent":
        return {"load": "closed", "concurrency": whole(strategy.get("streams"), name="streams", where=where)}
    if kind == "throughput":
        users = whole(strategy.get("max_concurrency"), name="max_concurrency", where=where)
        return {"load": "closed", "concurrency": users} if users else {"load": "saturated"}
    if kind in ("poisson", "constant"):
        rate = number(strategy.get("rate"), name="rate", where=where)
        return {"load": "open", "requests_per_s": rate}
    raise FormatError(f"{where}: strategy {str(kind)[:40]!r} of GuideLLM is none that has a steady load")
