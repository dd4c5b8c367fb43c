"""What the command line and the library ask, as experiments: one case, or the fleet of a plan."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import Field

from planner.deployment import Case, Deployment, Load
from planner.fleet.plan import make_plan
from planner.fleet.plan_record import Plan, Unit
from planner.simulate.deployments import Simulated, simulated
from planner.simulate.instance import Fleet, Kind, Role, Router, single
from planner.simulate.replicate import Experiment
from planner.simulate.run import Feed, feed
from tonnage.errors import Infeasible, InvalidInput
from tonnage.files import read_record
from workloads import samples
from workloads.mixture import draw_mixture
from workloads.readers.traces import read_log
from workloads.requests import Requests
from workloads.scenario import Scenario, Slo, TrafficClass
from workloads.scenario_file import read_scenario
from workloads.trace_scale import resampled
from workloads.traffic import Arrivals, Length, Traffic

REQUESTS = 20_000
REPLICATIONS = 3


class SimulatedCase(Case):
    """A case, with the log of a real load in place of a drawn one if `trace` names one."""

    trace: str | None = None
    """Sample, CSV or JSONL of requests; its lengths and times take the place of isl, osl and load."""
    slo: Slo = Slo()
    process: str = "poisson"
    """Of an open load: poisson, gamma or markov."""
    gap_cv: float = Field(default=2.0, gt=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """How much is simulated."""

    requests: int = REQUESTS
    replications: int = REPLICATIONS
    seed: int = 0
    skip_bad: bool = False


def experiment(source: Plan | Scenario | Path | str | Mapping[str, Any], effort: Effort) -> Experiment:
    """Return the experiment that a plan, a scenario, the file of either, or a case asks for."""
    if isinstance(source, Mapping):
        return experiment_of(SimulatedCase.parse({"id": "case", **source}, where="case"), effort)
    if isinstance(source, (str, Path)):
        path = Path(source)
        source = read_scenario(path) if path.suffix == ".toml" else read_record(path, Plan)
    return experiment_of_plan(make_plan(source) if isinstance(source, Scenario) else source, effort)


def experiment_of(case: SimulatedCase, effort: Effort) -> Experiment:
    """Return one instance of a deployment under the load of the case."""
    if case.trace is not None:
        return _replayed(case, case.trace, effort)
    if case.context:
        raise InvalidInput(
            f"case '{case.id}': simulated requests start with an empty cache; leave out context"
        )
    deployment = simulated(case)
    low, high = _spread(case)
    closed = case.load is Load.CLOSED
    traffic = Traffic(
        arrivals=_arrivals(case),
        prompt=Length(mean=case.isl, low=max(case.isl * low, 1), high=max(case.isl * high, 1)),
        output=Length(mean=case.osl, low=max(case.osl * low, 1), high=max(case.osl * high, 1)),
        users=case.concurrency if closed else 0,
    )
    return Experiment(
        id=case.id,
        fleet=single(deployment.law, deployment.engine),
        traffic=_Drawn((traffic,), effort.requests, _cycle_s(case, deployment) if closed else 0.0),
        slos=(case.slo,),
        replications=effort.replications,
        seed=effort.seed,
        warm_up=case.load is not Load.SATURATED,
        notes=deployment.notes,
    )


def _cycle_s(case: Case, deployment: Simulated) -> float:
    """Estimate the time from one request of a user to the next, over which users begin."""
    law, users = deployment.law, min(case.concurrency, deployment.engine.max_sequences)
    cached = users * (case.isl + case.osl / 2)
    step_s = float(law.step_s(tokens=users, sequences=users, cached=cached))
    prompt_s = float(law.step_s(tokens=case.isl, pairs=case.isl**2 / 2)) - float(law.token_s[0])
    return (case.osl * step_s + users * prompt_s) * case.mean_length_frac


def _spread(case: Case) -> tuple[float, float]:
    if case.length_spread == "fixed":
        return 1.0, 1.0
    low, high = case.length_spread.removeprefix("uniform-").split("-")
    return float(low), float(high)


def _arrivals(case: SimulatedCase) -> Arrivals:
    if case.load is Load.SATURATED:
        return Arrivals(process="at-once")
    if case.load is Load.OPEN and case.requests_per_s is None:
        raise InvalidInput(f"case '{case.id}' has an open load without requests_per_s")
    return Arrivals.parse(
        {"process": case.process, "requests_per_s": case.requests_per_s or 1.0, "gap_cv": case.gap_cv},
        where=f"case '{case.id}'",
    )


@dataclass(frozen=True, slots=True)
class _Drawn:
    """A seed to a feed of drawn requests; a value, so that other processes can take it."""

    kinds: tuple[Traffic, ...]
    requests: int
    ramp_s: float = 0.0

    def __call__(self, seed: int) -> Feed:
        first = self.kinds[0]
        # Requests after those that count keep the load up until the last of them has ended.
        more = max(first.users, self.requests // 50) if first.arrivals.process != "at-once" else 0
        return Feed(
            chunks=draw_mixture(self.kinds, self.requests + more, seed=seed),
            rows=self.requests,
            users=first.users,
            think_s=first.think_s,
            ramp_s=self.ramp_s,
            classes=len(self.kinds),
        )


@dataclass(frozen=True, slots=True)
class _Replay:
    """A seed to a feed of logged requests, which are the same for every seed unless they are resampled."""

    log: Requests
    requests_per_s: float | None

    def __call__(self, seed: int) -> Feed:
        if self.requests_per_s is None:
            return feed(self.log)
        return feed(resampled(self.log, self.requests_per_s, seed=seed))


def _replayed(case: SimulatedCase, trace: str, effort: Effort) -> Experiment:
    known = trace in samples.names()
    log = read_log(samples.path_of(trace) if known else Path(trace), skip_bad=effort.skip_bad)
    lengths = {
        "isl": float(log.requests.prompt_tokens.mean()),
        "osl": float(log.requests.output_tokens.mean()),
    }
    deployment = simulated(case.model_copy(update={**lengths, "length_spread": "fixed"}))
    if not log.timed:
        raise InvalidInput(f"{trace}: has lengths but no times of arrival; give requests_per_s instead")
    notes = [*deployment.notes, f"{len(log.requests)} requests of {trace} ({log.layout})"]
    if log.skipped:
        notes.append(f"{log.skipped} bad rows of the trace were left out")
    if case.requests_per_s is not None:
        notes.append(f"thinned or superposed to {case.requests_per_s:g} requests/s on the same clock")
    return Experiment(
        id=case.id,
        fleet=single(deployment.law, deployment.engine),
        traffic=_Replay(log.requests, case.requests_per_s),
        slos=(case.slo,),
        replications=1 if case.requests_per_s is None else effort.replications,
        seed=effort.seed,
        warm_up=False,
        notes=tuple(notes),
    )


def experiment_of_plan(plan: Plan, effort: Effort) -> Experiment:
    """Return the fleet of a plan under its scenario at the peak, API traffic left out.

    Raises
    ------
    Infeasible
        If the plan has no units: there is nothing of one's own to simulate.
    """
    if not plan.units:
        why = "it serves everything through APIs" if plan.feasible else "it is infeasible"
        raise Infeasible(f"the plan has no units of its own to simulate: {why}")
    classes = plan.scenario.classes
    served = [sum(unit.share.get(each.name, 0.0) for unit in plan.units) for each in classes]
    here = [(each, share) for each, share in zip(classes, served, strict=True) if share > 1e-9]
    if not here:
        raise InvalidInput("the units of the plan serve no class of its scenario")
    mean_prompt, mean_output = _mean_lengths(here)
    kinds = tuple(
        _kind(unit, [each for each, _ in here], prompt=mean_prompt, output=mean_output) for unit in plan.units
    )
    return Experiment(
        id=plan.scenario.name or "plan",
        fleet=Fleet(kinds=kinds, router=Router.SHORTEST_QUEUE),
        traffic=_Drawn(tuple(_traffic(each, share) for each, share in here), effort.requests),
        names=tuple(each.name for each, _ in here),
        slos=tuple(each.slo for each, _ in here),
        replications=effort.replications,
        seed=effort.seed,
        notes=tuple(_plan_notes(plan, served)),
    )


def _plan_notes(plan: Plan, served: list[float]) -> Iterator[str]:
    yield "Poisson arrivals at the peak rate; shares of the plan, shortest queue among equal units"
    for each, share in zip(plan.scenario.classes, served, strict=True):
        if share < 1 - 1e-6:
            yield f"{1 - share:.1%} of class '{each.name}' goes to APIs and is left out"


def _mean_lengths(here: list[tuple[TrafficClass, float]]) -> tuple[float, float]:
    rate = sum(each.requests_per_s * share for each, share in here)
    prompt = sum(each.prompt_tokens * each.requests_per_s * share for each, share in here)
    output = sum(each.output_tokens * each.requests_per_s * share for each, share in here)
    return prompt / rate, output / rate


def _traffic(each: TrafficClass, share: float) -> Traffic:
    return Traffic(
        name=each.name,
        arrivals=Arrivals(requests_per_s=each.requests_per_s * each.peak_to_mean * share),
        prompt=Length.from_percentile(each.prompt_tokens, each.prompt_tokens_p95),
        output=Length.from_percentile(each.output_tokens, each.output_tokens_p95),
    )


def _kind(unit: Unit, classes: list[TrafficClass], *, prompt: float, output: float) -> Kind:
    given = {name: getattr(unit, name) for name in Deployment.model_fields if name in Unit.model_fields}
    load = {"id": unit.device, "devices": unit.devices_per_unit, "isl": prompt, "osl": output}
    case = Case.parse({**load, **given}, where="plan")
    deployment = simulated(case)
    return Kind(
        name=f"{unit.model} {unit.weights} on {unit.devices_per_unit} x {unit.device}",
        law=deployment.law,
        engine=deployment.engine,
        count=unit.count,
        role=Role(unit.role),
        share={c: unit.share[each.name] for c, each in enumerate(classes) if unit.share.get(each.name)},
        usd_per_h=unit.usd_per_h / unit.count,
        busy_w=None if unit.power_w is None else unit.power_w / unit.count,
        idle_w=None,
    )
