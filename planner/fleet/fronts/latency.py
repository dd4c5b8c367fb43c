"""What lower latency costs: the cheapest plan under ever tighter limits."""

import math
from collections.abc import Iterator

from planner.fleet.answer.outcome import Outcome, solve
from planner.fleet.fronts.jumps import SAME, jumps
from planner.fleet.fronts.point import ParetoPoint, point
from planner.fleet.questions import relax
from planner.fleet.supply.ability import Predictor
from planner.fleet.supply.hosted import FASTEST_S
from planner.fleet.supply.market import rate, survey
from tonnage.errors import InvalidInput
from tonnage.units import human
from workloads.scenario import Scenario, Slo, TrafficClass

LATENCY = "latency"
"""All limits of all classes, moved together."""
TIGHTEST, LOOSEST = 1 / 16, 8.0
"""Factors on the limits between which plans are looked for."""
CLOSE = 1.1
"""Limits this close are not told apart."""
MOST = 36
"""Limits that are tried."""


def latency_front(scenario: Scenario, axis: str) -> tuple[tuple[ParetoPoint, ...], tuple[str, ...]]:
    """Return the front of cost against latency limits, the loosest first, and what it leaves out.

    Parameters
    ----------
    axis : str
        `latency`, whose values are factors on all limits; or one limit such as `tpot_p95`, in seconds,
        for every class that has one.

    Raises
    ------
    InvalidInput
        If no class has such a limit.
    """
    key = None if axis == LATENCY else f"{axis}_s"
    limits = relax.limits(scenario)
    if not limits or (key is not None and key not in limits):
        raise InvalidInput(
            f"--pareto cost,{axis} moves limits that are set: no class has {_wanted(key)}; set one"
        )
    unit = 1.0 if key is None else limits[key]
    predictor = Predictor()
    _, candidates = survey(_moved(scenario, key, LOOSEST), predictor)

    def cheapest(factor: float) -> Outcome | None:
        return solve(rate(_moved(scenario, key, factor), candidates, predictor, reasons=False))

    found = jumps(cheapest, _usd_per_month, TIGHTEST, LOOSEST, ratio=CLOSE, most=MOST)
    points: list[ParetoPoint] = []
    for factor, outcome in found.items():
        if outcome is None or (points and not _below(outcome.usd_per_month, points[-1].cost_usd_per_month)):
            continue
        points.append(point(factor * unit, outcome, scenario.budget))
    return tuple(reversed(points)), tuple(_notes(scenario, holds_at_tightest=found[TIGHTEST] is not None))


def _moved(scenario: Scenario, key: str | None, factor: float) -> Scenario:
    """Return the scenario with one limit, or all of them, times a factor."""
    if key is None:
        return relax.with_all_limits(scenario, factor)

    def moved(traffic: TrafficClass) -> TrafficClass:
        own = getattr(traffic.slo, key)
        if own is None:
            return traffic
        return traffic.model_copy(update={"slo": Slo(**{**traffic.slo.model_dump(), key: own * factor})})

    return relax.each_class(scenario, moved)


def _usd_per_month(outcome: Outcome | None) -> float:
    return math.inf if outcome is None else outcome.usd_per_month


def _below(usd: float, other: float) -> bool:
    return usd < other * (1 - SAME)


def _notes(scenario: Scenario, *, holds_at_tightest: bool) -> Iterator[str]:
    yield (
        f"Limits from {TIGHTEST:g} to {LOOSEST:g} times those of the scenario were looked at; steps of cost "
        f"nearer to each other than {CLOSE - 1:.0%} are not told apart."
    )
    if holds_at_tightest:
        yield "The dearest plan holds under tighter limits as well."
    if scenario.candidates.api:
        ttft_s, tpot_s = FASTEST_S["ttft"], FASTEST_S["tpot"]
        yield (
            f"Hosted APIs are taken to hold limits down to {human(ttft_s, 's')} to the first token and "
            f"{human(tpot_s, 's')} per token (ASSUMED)."
        )


def _wanted(key: str | None) -> str:
    return "a limit on latency" if key is None else f"slo.{key}"
