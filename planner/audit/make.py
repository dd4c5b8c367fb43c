"""A running fleet audited: headroom, waste, the next bottleneck, and when growth breaks it."""

import math
from collections.abc import Iterator, Sequence

import numpy as np

from hw_targets import catalog
from planner.audit.abilities import Able, abilities, felt
from planner.audit.audit_record import Audit, AuditedUnit, Bottleneck
from planner.audit.fleet_file import RunningFleet
from planner.audit.price import unit_usd_per_h
from planner.audit.routing import Array, Routed, fewest, largest
from planner.fleet.peak import peak_rate
from planner.fleet.supply.slo import all_hold, at_confidence, probability
from planner.prediction import Prediction
from planner.serving.units.capacity import Capacity
from tonnage.evidence import Evidence, Quantiles, weakest
from tonnage.units import HOURS_PER_MONTH
from workloads.scenario import Scenario, Slo, TrafficClass

NEAR = 0.9
"""A limit that is used up to this part at the largest load is what ends it."""


def audit(fleet: RunningFleet, scenario: Scenario, *, growth_per_month: float | None = None) -> Audit:
    """Return what a fleet does with the load of a scenario.

    Parameters
    ----------
    growth_per_month : float, optional
        Part by which the load grows; by default that of the fleet's file, then of the scenario.

    Raises
    ------
    UnknownName, InvalidInput
        If a device, model or format is not known.
    """
    found = abilities(fleet.units, scenario)
    spare = scenario.availability.spare_units
    counts = [one.count for one in fleet.units]
    working = [max(count - spare, 0) for count in counts]
    rates = [peak_rate(each) for each in scenario.classes]
    median = _capacity(found, 0.5)
    routed = largest(median, working, rates)
    sure = largest(_capacity(found, scenario.confidence), working, rates)
    split = sure if sure.factor > 0 else routed
    use = split.utilization(median, np.array(working, dtype=float), np.array(rates))
    prices = [unit_usd_per_h(one, scenario) for one in fleet.units]
    needed = fewest(
        _capacity(found, scenario.confidence), counts, rates, [price or 0.0 for price in prices], spare=spare
    )
    growth = _growth(fleet, scenario, growth_per_month)
    units = tuple(_units(found, scenario.classes, split, use, prices, needed))
    known = [unit.usd_per_h for unit in units if unit.usd_per_h is not None]
    return Audit(
        name=fleet.name,
        scenario=scenario,
        holds=sure.factor >= 1.0 - 1e-9,
        slo_probability=_chance(found, use),
        carries=_carries(found, working, rates),
        carries_surely=sure.factor,
        units=units,
        bottlenecks=tuple(_bottlenecks(found, scenario.classes, routed)),
        usd_per_month=sum(known) * HOURS_PER_MONTH if len(known) == len(units) else None,
        waste_usd_per_month=_waste(units),
        growth_per_month=growth,
        breaks_in_months=_months(routed.factor, growth),
        breaks_surely_in_months=_months(sure.factor, growth),
        notes=tuple(_notes(found, scenario)),
    )


def _growth(fleet: RunningFleet, scenario: Scenario, given: float | None) -> float | None:
    if given is not None or fleet.growth_per_month is not None:
        return given if given is not None else fleet.growth_per_month
    return scenario.growth.per_month_frac or None


def _capacity(found: Sequence[Able], confidence: float) -> Array:
    return np.array([[_at(each, confidence) for each in one.capacity] for one in found])


def _at(found: Capacity, confidence: float) -> float:
    return 0.0 if found.requests_per_s is None else at_confidence(found.requests_per_s, confidence)


def _carries(found: Sequence[Able], working: Sequence[int], rates: Sequence[float]) -> Quantiles | None:
    """Return the largest load with all capacities at their p10, p50 and p90 together."""
    ends = []
    for name in ("p10", "p50", "p90"):
        capacity = np.array(
            [
                [0.0 if c.requests_per_s is None else getattr(c.requests_per_s, name) for c in one.capacity]
                for one in found
            ]
        )
        ends.append(largest(capacity, working, rates).factor)
    return Quantiles(p10=ends[0], p50=ends[1], p90=ends[2]) if ends[1] > 0 else None


def _chance(found: Sequence[Able], use: Array) -> float | None:
    predicted = [
        (one, float(part))
        for one, part in zip(found, use, strict=True)
        if any(c.evidence is not Evidence.MEASURED for c in one.capacity) and part > 0
    ]
    if np.isnan(use).any():
        return 0.0
    if not predicted:
        return None
    return all_hold(
        min(
            probability(c.requests_per_s, needed=part * c.requests_per_s.p50)
            for c in one.capacity
            if c.requests_per_s is not None
        )
        for one, part in predicted
    )


def _units(
    found: Sequence[Able],
    classes: Sequence[TrafficClass],
    routed: Routed,
    use: Array,
    prices: Sequence[float | None],
    needed: tuple[int, ...] | None,
) -> Iterator[AuditedUnit]:
    for k, one in enumerate(found):
        what = one.running.deployment
        part = 0.0 if np.isnan(use[k]) else float(use[k])
        answers = [
            answer
            for answer, share in zip(felt(one, classes, part), routed.shares[k], strict=True)
            if share > 0
        ]
        price = prices[k]
        names = [each.name for each in classes]
        yield AuditedUnit(
            label=one.running.label,
            device=what.device,
            devices_per_unit=what.devices,
            model=what.model,
            weights=what.weights,
            engine=what.engine,
            count=one.running.count,
            needed=None if needed is None else needed[k],
            utilization=None if np.isnan(use[k]) else part,
            capacity_requests_per_s={
                name: c.requests_per_s
                for name, c in zip(names, one.capacity, strict=True)
                if c.requests_per_s is not None
            },
            why_not={
                name: c.why_not or "no capacity under the limits"
                for name, c in zip(names, one.capacity, strict=True)
                if c.requests_per_s is None
            },
            share={name: float(s) for name, s in zip(names, routed.shares[k], strict=True) if s > 0},
            ttft_p95_s=_worst(answers, "ttft_p95_s"),
            tpot_p95_s=_worst(answers, "tpot_p95_s"),
            memory_frac=_memory_frac(what.device, answers),
            bound=next((answer.bound for answer in answers if answer is not None and answer.bound), None),
            usd_per_h=None if price is None else price * one.running.count,
            evidence=weakest(c.evidence for c in one.capacity),
        )


def _worst(answers: Sequence[Prediction | None], name: str) -> Quantiles | None:
    known = [getattr(answer, name) for answer in answers if answer is not None]
    return max((value for value in known if value is not None), key=lambda value: value.p50, default=None)


def _memory_frac(device: str, answers: Sequence[Prediction | None]) -> float | None:
    room = catalog.get(device).capacity_bytes if device in catalog.names() else None
    used = max((a.memory_bytes for a in answers if a is not None and a.memory_bytes), default=None)
    return None if room is None or used is None else used / room


def _bottlenecks(
    found: Sequence[Able], classes: Sequence[TrafficClass], routed: Routed
) -> Iterator[Bottleneck]:
    """Yield the kinds of which one more unit would help, the most helpful first."""
    for k in np.argsort(-routed.worth):
        if routed.worth[k] <= 1e-9:
            return
        served = [j for j in range(len(classes)) if routed.shares[k, j] > 0]
        j = max(served, key=lambda at: routed.shares[k, at] * _cost(found[k], classes[at], at))
        yield Bottleneck(
            unit=found[k].running.label,
            class_name=classes[j].name,
            limit=first_limit(found[k].capacity[j], classes[j].slo),
            bound=found[k].capacity[j].bound,
            one_more_unit_adds_frac=float(routed.worth[k]),
        )


def _cost(one: Able, traffic: TrafficClass, j: int) -> float:
    """Unit-seconds that a class takes per second."""
    able = one.capacity[j].requests_per_s
    return peak_rate(traffic) / able.p50 if able is not None else 0.0


def first_limit(found: Capacity, slo: Slo) -> str:
    """Return the limit that is nearest to breaking at the largest rate, or `queue` if none is near."""
    at_most = {
        "ttft_mean_s": found.ttft_s, "ttft_p95_s": found.ttft_p95_s,
        "tpot_mean_s": found.tpot_s, "tpot_p95_s": found.tpot_p95_s,
    }  # fmt: skip
    used = {
        name: value.p50 / limit
        for name, value in at_most.items()
        if value is not None and (limit := getattr(slo, name)) is not None
    }
    nearest = max(used, key=lambda name: used[name], default=None)
    return nearest if nearest is not None and used[nearest] >= NEAR else "queue"


def _waste(units: Sequence[AuditedUnit]) -> float | None:
    """Return the cost of units beyond what the load needs [USD/month]."""
    if any(unit.usd_per_h is None or unit.needed is None for unit in units):
        return None
    idle = ((unit.count - (unit.needed or 0)) / unit.count * (unit.usd_per_h or 0.0) for unit in units)
    return sum(idle) * HOURS_PER_MONTH


def _months(factor: float, growth: float | None) -> float | None:
    """Return when (1 + g)^m reaches the factor; None if the load does not grow."""
    if factor < 1:
        return 0.0
    if growth is None or growth <= 0:
        return None
    return math.log(factor) / math.log1p(growth)


def _notes(found: Sequence[Able], scenario: Scenario) -> Iterator[str]:
    for one in found:
        for each, reason in zip(scenario.classes, one.below_floor, strict=True):
            if reason:
                yield f"{one.running.label} is below the quality floor of class '{each.name}': {reason}."
    yield "The load is taken to be spread over the units as evenly as the classes allow."
    if scenario.availability.spare_units:
        yield f"{scenario.availability.spare_units} of each kind are counted as spare and carry no load."
