"""What the command line and the library ask, as experiments: a case, or the fleet of a plan."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from planner.deployment import Case, Load
from planner.fleet.plan import make_plan
from planner.fleet.records.plan_record import Plan
from planner.simulate.case_record import SimulatedCase
from planner.simulate.feeds import Drawn, Replayed, cycle_s
from planner.simulate.groups import fleet_of
from planner.simulate.instance import Fleet
from planner.simulate.logged import Logged, logged
from planner.simulate.plan_fleet import experiment_of_plan
from planner.simulate.replicate import Experiment
from tonnage.errors import FormatError, InvalidInput
from tonnage.files import read_record
from tonnage.toml_text import read_toml
from workloads.readers.rates import read_rates
from workloads.scenario import Scenario
from workloads.scenario_toml.file import read_scenario
from workloads.traffic import Arrivals, Length, Traffic

REQUESTS = 20_000
REPLICATIONS = 3
_LOADS = tuple(load.value for load in Load)


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """How much is simulated."""

    requests: int = REQUESTS
    replications: int = REPLICATIONS
    seed: int = 0
    skip_bad: bool = False


def experiment(
    source: Plan | Scenario | Path | str | Mapping[str, Any], effort: Effort, *, log: Logged | None = None
) -> Experiment:
    """Return the experiment that a plan, a scenario, a case, or the file of one asks for.

    Parameters
    ----------
    source
        A TOML file with a `device` or a `fleet` on top is a case, another one a scenario to plan first.
    log : Logged, optional
        Requests that take the place of those of a plan or a scenario.
    """
    if isinstance(source, (str, Path)):
        source = _read(Path(source))
    if isinstance(source, Mapping):
        if log is not None:
            raise InvalidInput("a case names its own trace; leave --trace out")
        return experiment_of(case_of({"id": "case", **source}), effort)
    plan = make_plan(source) if isinstance(source, Scenario) else source
    return experiment_of_plan(
        plan, requests=effort.requests, replications=effort.replications, seed=effort.seed, log=log
    )


def _read(path: Path) -> Plan | Scenario | Mapping[str, Any]:
    if path.suffix != ".toml":
        return read_record(path, Plan)
    table = read_toml(path)
    return {"id": path.stem, **table} if "device" in table or "fleet" in table else read_scenario(path)


def case_of(data: Mapping[str, Any]) -> SimulatedCase:
    """Read a case; a load that is none of the known ones names a trace.

    Raises
    ------
    InvalidInput
        Naming the field and what is wrong with it.
    """
    data = dict(data)
    if isinstance(data.get("load"), str) and data["load"] not in _LOADS:
        data = {**data, "trace": data["load"], "load": "open"}
    data["traffic"] = _traffic(data.get("traffic"))
    if "device" not in data and data.get("fleet"):
        data = {**_first(data["fleet"]), **data}
    return SimulatedCase.parse(data, where=f"case '{data.get('id', '')}'")


def _traffic(given: object) -> object:
    """Return a list of classes: one alone is a list of one, a word is the file of a fitted one."""
    if isinstance(given, str):
        return [read_record(Path(given), Traffic)]
    if isinstance(given, Mapping):
        return [given]
    return given if given is not None else ()


def _first(fleet: object) -> dict[str, Any]:
    """Return what the first group says of its deployment, which a case without one of its own begins from."""
    first = fleet[0] if isinstance(fleet, (list, tuple)) else None
    if not isinstance(first, Mapping):
        raise FormatError("fleet is a list of groups, each with a device, a model and weights")
    return {name: first[name] for name in ("device", "devices", "model", "weights") if name in first}


def experiment_of(case: SimulatedCase, effort: Effort) -> Experiment:
    """Return the instances of a case under its load."""
    if case.trace is not None:
        return _replayed(case, case.trace, effort)
    if case.context:
        raise InvalidInput(
            f"case '{case.id}': simulated requests start with an empty cache; leave out context"
        )
    isl, osl = _means(case)
    fleet, notes = fleet_of(case, isl=isl, osl=osl)
    traffic = case.traffic or (_plain_traffic(case),)
    users = traffic[0].users
    return Experiment(
        id=case.id,
        fleet=fleet,
        traffic=Drawn(traffic, effort.requests, _ramp_s(fleet, users, isl=isl, osl=osl) if users else 0.0),
        names=tuple(each.name for each in traffic),
        slos=tuple(case.slos.get(each.name, case.slo) for each in traffic),
        replications=effort.replications,
        seed=effort.seed,
        warm_up=traffic[0].arrivals.process != "at-once",
        notes=notes,
    )


def _means(case: SimulatedCase) -> tuple[float, float]:
    """Mean prompt and output of a request, by which the cache is sized."""
    if not case.traffic:
        return case.isl * case.mean_length_frac, case.osl * case.mean_length_frac
    rates = np.array([each.arrivals.requests_per_s for each in case.traffic])
    lengths = np.array([each.mean_tokens() for each in case.traffic])
    prompt, output = rates @ lengths / rates.sum()
    return float(prompt), float(output)


def _ramp_s(fleet: Fleet, users: int, *, isl: float, osl: float) -> float:
    kind = fleet.kinds[0]
    return cycle_s(kind.law, kind.engine, users=-(-users // fleet.size), prompt=isl, output=osl)


def _plain_traffic(case: SimulatedCase) -> Traffic:
    low, high = _spread(case)
    return Traffic(
        arrivals=_arrivals(case),
        prompt=Length.from_percentile(case.isl, case.isl_p95)
        if case.isl_p95 is not None
        else Length(mean=case.isl, low=max(case.isl * low, 1), high=max(case.isl * high, 1)),
        output=Length(mean=case.osl, low=max(case.osl * low, 1), high=max(case.osl * high, 1)),
        users=case.concurrency if case.load is Load.CLOSED and case.rates is None else 0,
    )


def _spread(case: Case) -> tuple[float, float]:
    if case.length_spread == "fixed":
        return 1.0, 1.0
    low, high = case.length_spread.removeprefix("uniform-").split("-")
    return float(low), float(high)


def _arrivals(case: SimulatedCase) -> Arrivals:
    if case.load is Load.SATURATED:
        return Arrivals(process="at-once")
    if case.rates is not None:
        return read_rates(case.rates, workload=case.workload, requests_per_s=case.requests_per_s)
    if case.load is Load.OPEN and case.requests_per_s is None:
        raise InvalidInput(f"case '{case.id}' has an open load without requests_per_s")
    return Arrivals.parse(
        {"process": case.process, "requests_per_s": case.requests_per_s or 1.0, "gap_cv": case.gap_cv},
        where=f"case '{case.id}'",
    )


def _replayed(case: SimulatedCase, trace: str, effort: Effort) -> Experiment:
    log = logged(trace, requests_per_s=case.requests_per_s, scaling=case.scaling, skip_bad=effort.skip_bad)
    rows = log.log.requests
    prompt, output = float(rows.prompt_tokens.mean()), float(rows.output_tokens.mean())
    fleet, notes = fleet_of(case, isl=prompt, osl=output)
    return Experiment(
        id=case.id,
        fleet=fleet,
        traffic=Replayed(rows, case.requests_per_s, case.scaling),
        slos=(case.slo,),
        replications=1 if case.requests_per_s is None else effort.replications,
        seed=effort.seed,
        warm_up=False,
        notes=(*notes, *log.notes()),
    )
