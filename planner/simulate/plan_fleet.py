"""The fleet of a plan under the peak of its scenario, or under a trace in its place."""

from collections.abc import Iterator
from dataclasses import replace

from planner.deployment import Case, Deployment
from planner.fleet.answer.served_load import with_further_tries
from planner.fleet.answer.ways_through import ways
from planner.fleet.records.plan_record import Plan, Unit
from planner.role import Role
from planner.serving.disaggregation import PoolLink, link, transfer_s
from planner.serving.placement import place
from planner.simulate.busiest import in_busiest_period
from planner.simulate.deployments import simulated
from planner.simulate.feeds import Drawn, Replayed, traffic_of
from planner.simulate.groups import half_law
from planner.simulate.instance import Fleet, Kind, Router
from planner.simulate.logged import Logged
from planner.simulate.replicate import Experiment
from tonnage.errors import Infeasible, InvalidInput
from workloads.scenario import Slo, TrafficClass

NO_TRAFFIC = 1e-9
Served = list[tuple[TrafficClass, float]]


def experiment_of_plan(
    plan: Plan, *, requests: int, replications: int, seed: int, log: Logged | None = None
) -> Experiment:
    """Return the fleet of a plan under its scenario at the peak, API traffic left out.

    A plan over periods is taken as it is in its busiest one.

    Parameters
    ----------
    log : Logged, optional
        Requests that take the place of the drawn ones; every unit then takes any of them.

    Raises
    ------
    Infeasible
        If the plan has no units: there is nothing of one's own to simulate.
    """
    if not plan.units:
        why = "it serves everything through APIs" if plan.feasible else "it is infeasible"
        raise Infeasible(f"the plan has no units of its own to simulate: {why}")
    plan, said = in_busiest_period(with_further_tries(plan))
    classes = plan.scenario.classes
    serving = [unit for unit in plan.units if unit.role != Role.PREFILL]
    parts = [sum(unit.share.get(each.name, 0.0) for unit in serving) for each in classes]
    here = [(each, share) for each, share in zip(classes, parts, strict=True) if share > NO_TRAFFIC]
    if not here:
        raise InvalidInput("the units of the plan serve no class of its scenario")
    fleet = _fleet(plan, here, logged=log is not None)
    name = plan.scenario.name or "plan"
    if log is not None:
        return _replayed(fleet, name, log, slo=here[0][0].slo, replications=replications, seed=seed)
    drawn = tuple(traffic_of(each, each.requests_per_s * each.peak_to_mean * share) for each, share in here)
    return Experiment(
        id=name,
        fleet=fleet,
        traffic=Drawn(drawn, requests),
        names=tuple(each.name for each, _ in here),
        slos=tuple(each.slo for each, _ in here),
        replications=replications,
        seed=seed,
        notes=(*_notes(plan, parts), *([said] if said is not None else [])),
    )


def _fleet(plan: Plan, here: Served, *, logged: bool) -> Fleet:
    prompt, output = _mean_lengths(here)
    classes = [] if logged else [each for each, _ in here]
    over = link(plan.handovers[0].interconnect) if plan.handovers else None
    handed = _hands(plan, classes)
    kinds = tuple(
        replace(_kind(unit, classes, prompt=prompt, output=output, over=over), hands=handed.get(number, {}))
        for number, unit in enumerate(plan.units)
    )
    return Fleet(kinds=kinds, router=Router.SHORTEST_QUEUE)


def _hands(plan: Plan, classes: list[TrafficClass]) -> dict[int, dict[int, dict[int, float]]]:
    """Return where units that prefill hand caches to: by unit and class, the part of every decode unit."""
    found: dict[int, dict[int, dict[int, float]]] = {}
    for way in ways(plan):
        for c, each in enumerate(classes):
            own = {writer: plan.units[writer].share.get(each.name, 0.0) for writer in way.decode}
            whole = sum(own.values())
            part = way.share.get(each.name, 0.0)
            if part <= NO_TRAFFIC or whole <= NO_TRAFFIC:
                continue
            for reader in way.prefill:
                to = found.setdefault(reader, {}).setdefault(c, {})
                for writer, share in own.items():
                    to[writer] = to.get(writer, 0.0) + part * share / whole
    return found


def _replayed(fleet: Fleet, name: str, log: Logged, *, slo: Slo, replications: int, seed: int) -> Experiment:
    return Experiment(
        id=name,
        fleet=fleet,
        traffic=Replayed(log.log.requests, log.requests_per_s, log.scaling),
        slos=(slo,),
        replications=1 if log.requests_per_s is None else replications,
        seed=seed,
        warm_up=False,
        notes=(*log.notes(), "limits are those of the first class; shortest queue among all units"),
    )


def _notes(plan: Plan, served: list[float]) -> Iterator[str]:
    yield "Poisson arrivals at the peak rate; shares of the plan, shortest queue among equal units"
    if plan.handovers:
        yield (
            "first tokens of split requests leave the decode unit, once the cache has moved; caches go to "
            "kinds of decode units in the plan's parts"
        )
    for each, share in zip(plan.scenario.classes, served, strict=True):
        if share < 1 - 1e-6:
            yield f"{1 - share:.1%} of class '{each.name}' goes to APIs and is left out"


def _mean_lengths(here: Served) -> tuple[float, float]:
    rate = sum(each.requests_per_s * share for each, share in here)
    prompt = sum(each.prompt_tokens * each.requests_per_s * share for each, share in here)
    output = sum(each.output_tokens * each.requests_per_s * share for each, share in here)
    return prompt / rate, output / rate


def _kind(
    unit: Unit, classes: list[TrafficClass], *, prompt: float, output: float, over: PoolLink | None
) -> Kind:
    given = {name: getattr(unit, name) for name in Deployment.model_fields if name in Unit.model_fields}
    load = {"id": unit.device, "devices": unit.devices_per_unit, "isl": prompt, "osl": output}
    one = simulated(Case.parse({**load, **given}, where="plan"))
    # A request comes to whole and prefill units; decode units take what those hand over.
    named = [] if unit.role == Role.DECODE else list(enumerate(classes))
    share = {c: unit.share[each.name] for c, each in named if unit.share.get(each.name)}
    moved_s = 0.0
    if unit.role == Role.PREFILL and over is not None:
        moved_s = transfer_s(place(Case.parse({**load, **given}, where="plan")), prompt, over) / prompt
    return Kind(
        name=f"{unit.model} {unit.weights} on {unit.devices_per_unit} x {unit.device}",
        law=half_law(one.law, Role(unit.role)),
        engine=one.engine,
        count=unit.count,
        role=Role(unit.role),
        pool=unit.pool or "",
        discards_first=one.discards_first and unit.role == Role.PREFILL,
        share=share or None,
        transfer_s_per_token=moved_s,
        usd_per_h=unit.usd_per_h / unit.count,
        busy_w=None if unit.power_w is None else unit.power_w / unit.count,
    )
