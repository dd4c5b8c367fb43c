"""Replications of one case with independent streams, and what they say together."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from planner.simulate.assemble import Settings
from planner.simulate.instance import Fleet
from planner.simulate.outcome import BLOCKS, BUSY, E2E, RUNNING, TPOT, TTFT, UP, WAIT, WAITING, Outcome, read
from planner.simulate.run import Feed, run
from planner.simulate.simulation_record import ClassResult, Simulation, Spread
from tonnage.evidence import Evidence, weakest
from workloads.scenario import Slo

METRICS = (("ttft_s", TTFT), ("tpot_s", TPOT), ("e2e_s", E2E), ("wait_s", WAIT))


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """What is simulated, how often, and what it is called.

    Attributes
    ----------
    traffic : callable
        Seed to a feed of requests: equal seeds give equal requests.
    slos : tuple of Slo
        Limits of a good request by class; a percentile limit is the limit of each request.
    warm_up : bool
        False for a trace: everything counts.
    """

    id: str = "simulation"
    fleet: Fleet
    traffic: Callable[[int], Feed]
    names: tuple[str, ...] = ("all",)
    slos: tuple[Slo, ...] = field(default=(Slo(),))
    replications: int = 1
    seed: int = 0
    warm_up: bool = True
    notes: tuple[str, ...] = ()


def simulate(experiment: Experiment) -> Simulation:
    """Run every replication and sum up."""
    return summary(experiment, [outcome(experiment, r) for r in range(experiment.replications)])


def outcome(experiment: Experiment, replication: int, *, keep: bool = False) -> Outcome:
    """Run one replication; `keep` the times of its requests one by one."""
    seed = experiment.seed * 100_003 + replication
    traffic = experiment.traffic(seed)
    settings = Settings(
        rows=traffic.rows,
        seed=seed,
        classes=len(experiment.names),
        limits=np.stack([limits(slo) for slo in experiment.slos]),
        keep_rows=traffic.rows + traffic.users if keep else 0,
    )
    world = run(experiment.fleet, traffic, settings)
    return read(world, stopped=bool(world.totals[0]["in_system"]), warm_up=experiment.warm_up)


def limits(slo: Slo) -> NDArray[np.float64]:
    """Return the strictest limit per metric as the limit of one request (TTFT, TPOT, E2E, wait) [s]."""
    values = slo.model_dump()

    def least(prefix: str) -> float:
        return min((v for k, v in values.items() if k.startswith(prefix) and v is not None), default=math.inf)

    return np.array([least("ttft"), least("tpot"), least("e2e"), math.inf])


def summary(experiment: Experiment, outcomes: Sequence[Outcome]) -> Simulation:
    """Sum up replications: spreads are means over them, with half widths of 95 % intervals.

    One replication alone is cut into parts for its intervals: batch means. Those of extreme
    percentiles are wide then, and no worse for it.
    """
    worlds = [one.world for one in outcomes]
    why = next((one.why_saturated for one in outcomes if one.why_saturated), None)
    totals = np.concatenate([world.totals for world in worlds])
    rates = np.mean([one.per_s() for one in outcomes], axis=0)
    limited = any(np.isfinite(limits(slo)).any() for slo in experiment.slos)
    classes = tuple(
        _class_result(outcomes, c, name, saturated=why is not None, limited=limited)
        for c, name in enumerate(experiment.names)
    )
    good = sum(one.good(c) for one in outcomes for c in range(len(classes)))
    counted = max(sum(result.requests for result in classes), 1)
    kinds, size = experiment.fleet.kinds, experiment.fleet.size
    cache = sum(kind.count * kind.engine.cache_blocks for kind in kinds)
    up = float(np.mean([one.mean(UP) for one in outcomes]))
    busy = float(np.mean([one.mean(BUSY) for one in outcomes]))
    return Simulation(
        id=experiment.id,
        classes=classes,
        saturated=why is not None,
        why_saturated=why,
        requests_per_s=float(rates[0]),
        prompt_tokens_per_s=float(rates[1]),
        output_tokens_per_s=float(rates[2]),
        goodput_requests_per_s=float(rates[0]) * good / counted if limited else None,
        utilization=busy / up if up > 0 else 0.0,
        running_mean=float(np.mean([one.mean(RUNNING) for one in outcomes])),
        waiting_mean=float(np.mean([one.mean(WAITING) for one in outcomes])),
        cache_frac=float(np.mean([one.mean(BLOCKS) for one in outcomes])) / cache,
        cache_peak_frac=float(totals["peak_blocks"].max()) / min(k.engine.cache_blocks for k in kinds),
        preempted=int(totals["preempted"].sum()),
        wasted_tokens=int(totals["wasted"].sum()),
        prefix_hit_tokens=int(totals["hit_tokens"].sum()),
        refused=int(totals["refused"].sum()),
        failures=int(totals["failures"].sum()),
        instances_mean=up,
        cost_usd_per_h=_cost(experiment.fleet, up / size),
        energy_j_per_token=_energy(experiment.fleet, busy, up, float(rates[2])),
        steps=int(totals["steps"].sum()),
        merged_steps=int((totals["steps"] - totals["plans"]).sum()),
        replications=len(outcomes),
        warmup_frac=float(np.mean([one.first_batch / one.batches for one in outcomes])),
        simulated_s=float(totals["now"].sum()),
        seed=experiment.seed,
        evidence=weakest([Evidence.MEASURED, *(kind.law.evidence for kind in kinds)]),
        notes=experiment.notes,
    )


def _class_result(
    outcomes: Sequence[Outcome], c: int, name: str, *, saturated: bool, limited: bool
) -> ClassResult:
    requests = sum(one.requests(c) for one in outcomes)
    values: dict[str, Spread | None] = {}
    for metric, m in METRICS:
        spreads = [spread for one in outcomes if (spread := one.spread(c, m)) is not None]
        if len(spreads) < len(outcomes) or (saturated and m != TPOT):
            continue
        values[metric] = _combined(spreads, np.mean)
        parts = spreads if len(spreads) > 1 else outcomes[0].parts(c, m)
        if len(parts) > 1:
            values[metric.removesuffix("_s") + "_ci95_s"] = _combined(parts, half_width)
    good = sum(one.good(c) for one in outcomes)
    return ClassResult(
        name=name, requests=requests, good_frac=good / requests if limited and requests else None, **values
    )


def _combined(spreads: Sequence[Spread], how: Callable[[list[float]], float | np.floating]) -> Spread:
    names = Spread.model_fields
    return Spread(**{name: float(how([getattr(spread, name) for spread in spreads])) for name in names})


def half_width(values: list[float], confidence: float = 0.95) -> float:
    """Return the half width of Student's confidence interval of a mean."""
    from scipy.special import stdtrit

    size = len(values)
    return float(stdtrit(size - 1, 0.5 + confidence / 2) * np.std(values, ddof=1) / math.sqrt(size))


def _cost(fleet: Fleet, up_frac: float) -> float | None:
    """Price of the fleet, instances that scale counted while they are up."""
    prices = [None if kind.usd_per_h is None else kind.usd_per_h * kind.count for kind in fleet.kinds]
    known = [price for price in prices if price is not None]
    return sum(known) * up_frac if len(known) == len(prices) else None


def _energy(fleet: Fleet, busy: float, up: float, tokens_per_s: float) -> float | None:
    """Energy per output token from busy and idle power; idle power that is not known is left out."""
    powers = [(kind.busy_w, kind.idle_w, kind.count) for kind in fleet.kinds]
    if tokens_per_s <= 0 or any(busy_w is None for busy_w, _, _ in powers):
        return None
    busy_w = sum((b or 0.0) * count for b, _, count in powers) / fleet.size
    idle_w = sum((i or 0.0) * count for _, i, count in powers) / fleet.size
    return (busy * busy_w + (up - busy) * idle_w) / tokens_per_s
