"""The traffic of a scenario file: one class or several, each with its limits and quality floors."""

from pathlib import Path
from typing import Literal

from tonnage.errors import InvalidInput
from workloads.profile import DAY, MOST_PERIODS, WEEK, aligned, normalised
from workloads.scenario import Quality, Slo, Task, TrafficClass
from workloads.scenario_toml import values as read
from workloads.scenario_toml.task import task
from workloads.scenario_toml.tenants import split, tenants
from workloads.scenario_toml.trace import Trace, read_trace

LOAD = ("requests_per_s", "prompt_tokens", "output_tokens")
PROFILES = ("hourly", "weekly", "profile")
TRAFFIC = (*LOAD, "peak_to_mean", "cached_prompt_frac", *PROFILES)
LIMITS = tuple(Slo.model_fields)
FLOORS = tuple(Quality.model_fields)

Table = dict[str, object]


def traffic_classes(top: Table, *, folder: Path) -> tuple[TrafficClass, ...]:
    """Read [traffic], [slo] and [quality] into classes.

    A class takes every limit and floor that it does not set itself from the
    scenario's [slo] and [quality].

    Parameters
    ----------
    top : dict
        The whole scenario.
    folder : Path
        Where a relative path of a trace starts.
    """
    if "traffic" not in top:
        raise InvalidInput("the scenario has no [traffic]; give requests_per_s, prompt_tokens, output_tokens")
    traffic = read.table(top["traffic"], (*TRAFFIC, "trace", "class", "tenant"), where="[traffic]")
    return _aligned(split(_classes(top, traffic, folder=folder), tenants(traffic)))


def _classes(top: Table, traffic: Table, *, folder: Path) -> tuple[TrafficClass, ...]:
    traffic = {key: value for key, value in traffic.items() if key != "tenant"}
    slo, quality = _limits(top.get("slo", {}), where="slo"), _floors(top.get("quality", {}), where="quality")
    trace = _trace(traffic.pop("trace"), folder=folder) if "trace" in traffic else None
    if "class" not in traffic:
        return (_class({"name": "all", **traffic}, slo, quality, trace=trace, where="traffic"),)
    listed = read.tables(traffic.pop("class"), where="traffic.class")
    if "requests_per_s" in traffic or trace is not None:
        raise InvalidInput(
            "[traffic] has a load of its own beside [[traffic.class]]; give each class its own"
        )
    if not listed:
        raise InvalidInput("[[traffic.class]] is empty; give at least one class")
    keys = ("name", *TRAFFIC, "slo", "quality", "task")
    classes = []
    for i, item in enumerate(listed):
        own = read.table(item, keys, where=f"traffic.class[{i}]")
        name = read.text(own.get("name"), where=f"traffic.class[{i}].name")
        inherited = {key: value for key, value in traffic.items() if not _replaced(key, own)}
        made = _class({**inherited, **own}, slo, quality, trace=None, where=f"traffic.class.{name}")
        classes.append(made.model_copy(update={"task": _task(own, top, name=name, folder=folder)}))
    return tuple(classes)


def _task(own: Table, top: Table, *, name: str, folder: Path) -> Task | Literal[False] | None:
    """Read the task of a class: what it leaves out is that of the scenario's [task]."""
    given = own.get("task")
    if given is None or given is False:
        return None if given is None else False
    where, shared = f"traffic.class.{name}.task", top.get("task", {})
    if not isinstance(given, dict):
        raise InvalidInput(f"{where} must be a table, or false if its requests are no tasks, not {given!r}")
    if not isinstance(shared, dict):
        shared = {}
    if given.get("benchmark", shared.get("benchmark")) != shared.get("benchmark"):
        shared = {key: value for key, value in shared.items() if key not in ("split", "evals", "chains")}
    return task({**shared, **given}, folder=folder, where=where)


def _replaced(key: str, own: Table) -> bool:
    """Tell whether a class sets a profile of its own, under whatever name."""
    return key in PROFILES and any(other in own for other in PROFILES)


def _aligned(classes: tuple[TrafficClass, ...]) -> tuple[TrafficClass, ...]:
    """Bring all profiles to the same periods; where none is given they stay empty."""
    if not any(traffic.profile for traffic in classes):
        return classes
    profiles = aligned([traffic.profile for traffic in classes])
    return tuple(
        traffic.model_copy(update={"profile": profile})
        for traffic, profile in zip(classes, profiles, strict=True)
    )


def _class(
    own: Table, slo: dict[str, float], quality: dict[str, float], *, trace: Trace | None, where: str
) -> TrafficClass:
    if trace is not None:
        own = {**trace.as_traffic(), **own}
    missing = [key for key in LOAD if key not in own]
    if missing:
        raise InvalidInput(f"{where} has no {missing[0]}; a load needs {', '.join(LOAD)}")
    prompt = read.length(own["prompt_tokens"], where=f"{where}.prompt_tokens")
    output = read.length(own["output_tokens"], where=f"{where}.output_tokens")
    peak_to_mean = read.share(own.get("peak_to_mean", 1.0), where=f"{where}.peak_to_mean")
    if peak_to_mean < 1:
        raise InvalidInput(f"{where}.peak_to_mean must be at least 1, not {peak_to_mean:g}")
    return TrafficClass(
        name=str(own["name"]),
        requests_per_s=read.rate(own["requests_per_s"], where=f"{where}.requests_per_s"),
        peak_to_mean=peak_to_mean,
        profile=_profile(own, where=where),
        cached_prompt_frac=_cached(own, where=where),
        prompt_tokens=prompt.mean,
        prompt_tokens_p95=prompt.p95,
        output_tokens=output.mean,
        output_tokens_p95=output.p95,
        slo=Slo(**{**slo, **_limits(own.get("slo", {}), where=f"{where}.slo")}),
        quality=Quality(**{**quality, **_floors(own.get("quality", {}), where=f"{where}.quality")}),
    )


def _profile(own: Table, *, where: str) -> tuple[float, ...]:
    """Read hourly (24 values), weekly (168, from Monday) or profile (any number)."""
    given = [key for key in PROFILES if key in own]
    if not given:
        return ()
    if len(given) > 1:
        raise InvalidInput(f"{where} has both {given[0]} and {given[1]}; keep one")
    name, listed = f"{where}.{given[0]}", own[given[0]]
    if not isinstance(listed, list):
        raise InvalidInput(f"{name} must be a list of relative rates, not {listed!r}")
    wanted = {"hourly": DAY, "weekly": WEEK}.get(given[0])
    if (wanted and len(listed) != wanted) or not 1 <= len(listed) <= MOST_PERIODS:
        raise InvalidInput(f"{name} needs {wanted or f'1 to {MOST_PERIODS}'} values, not {len(listed)}")
    return normalised([read.share(value, where=name) for value in listed], where=name)


def _cached(own: Table, *, where: str) -> float:
    value = read.share(own.get("cached_prompt_frac", 0.0), where=f"{where}.cached_prompt_frac")
    if not 0 <= value <= 1:
        raise InvalidInput(f"{where}.cached_prompt_frac must be between 0 and 1, not {value:g}")
    return value


def _trace(value: object, *, folder: Path) -> Trace:
    return read_trace(folder / read.text(value, where="traffic.trace"))


def _limits(value: object, *, where: str) -> dict[str, float]:
    milliseconds = {key.removesuffix("_s") + "_ms": key for key in LIMITS}
    given = read.table(value, (*LIMITS, *milliseconds), where=f"[{where}]")
    limits = {}
    for key, item in given.items():
        in_ms = key in milliseconds
        text = f"{item}ms" if in_ms and isinstance(item, (int, float)) else item
        limits[milliseconds.get(key, key)] = read.limit_s(text, where=f"{where}.{key}")
    return limits


def _floors(value: object, *, where: str) -> dict[str, float]:
    given = read.table(value, FLOORS, where=f"[{where}]")
    return {key: read.percent(item, where=f"{where}.{key}") for key, item in given.items()}
