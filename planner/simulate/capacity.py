"""The largest rate at which the service levels hold, by bracketing under common random numbers.

Every rate is simulated with the same gaps (at unit rate) and the same lengths, so
that two rates differ in their clock alone and the percentiles hardly jitter
against each other. The closed form opens the bracket; simulation closes it.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

from planner.deployment import Deployment, Load
from planner.serving.capacity import capacities
from planner.simulate.cases import Effort, SimulatedCase, experiment_of
from planner.simulate.replicate import simulate
from planner.simulate.simulation_record import Simulation
from tonnage.errors import InvalidInput
from workloads.scenario import Slo, TrafficClass

TOLERANCE = 0.01
"""Relative width of the bracket at the end."""
MOST_STEPS = 40
_SMALLEST_FRAC = 1e-4


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedCapacity:
    """The bracket of a capacity.

    Attributes
    ----------
    requests_per_s : float
        Largest rate that was seen to hold; 0 where none does.
    broken_at : float
        Smallest rate that was seen not to hold.
    why_not : str or None
        The limit that breaks at `broken_at`.
    at_capacity : Simulation or None
        What was simulated at `requests_per_s`.
    closed_form : float or None
        The capacity by `planner.serving.capacity`, where it has one.
    """

    requests_per_s: float
    broken_at: float
    why_not: str | None
    at_capacity: Simulation | None
    closed_form: float | None
    simulations: int


def capacity(
    deployment: Deployment, traffic: TrafficClass, slo: Slo | None = None, *, effort: Effort | None = None
) -> SimulatedCapacity:
    """Return the largest rate of one instance at which the percentiles of `slo` hold.

    Deterministic for the seed in `effort`. The rate in `traffic` is left aside.

    Raises
    ------
    InvalidInput
        If the service level has no limit: without one there is no largest rate.
    """
    limits = slo or traffic.slo
    if not any(limits.model_dump().values()):
        raise InvalidInput("a capacity needs at least one limit in its service level, e.g. ttft_p95_s")
    guess = _closed_form(deployment, traffic, limits)
    case = SimulatedCase(
        id=f"capacity for {traffic.name}",
        isl=traffic.prompt_tokens,
        osl=traffic.output_tokens,
        load=Load.OPEN,
        requests_per_s=guess or 1.0,
        slo=limits,
        **deployment.model_dump(include=set(Deployment.model_fields)),
    )

    def at(rate: float) -> Simulation:
        asked = case.model_copy(update={"requests_per_s": rate})
        return simulate(experiment_of(asked, effort or Effort(replications=1)))

    return replace(bracket(at, limits, start=guess or 1.0), closed_form=guess)


def _closed_form(deployment: Deployment, traffic: TrafficClass, slo: Slo) -> float | None:
    found = capacities([deployment], [traffic.model_copy(update={"slo": slo})])[0][0]
    return found.requests_per_s.p50 if found.requests_per_s is not None else None


def bracket(at: Callable[[float], Simulation], slo: Slo, *, start: float) -> SimulatedCapacity:
    """Double or halve from `start` until the limit is between two rates, then bisect in the logarithm."""
    good, bad = 0.0, math.inf
    best: Simulation | None = None
    why: str | None = None
    rate, runs = start, 0
    for _ in range(MOST_STEPS):
        runs += 1
        answer = at(rate)
        broken = why_broken(answer, slo)
        if broken is None:
            good, best = rate, answer
        else:
            bad, why = rate, broken
        if good > 0 and bad / good < 1 + TOLERANCE:
            break
        if good == 0 and bad < start * _SMALLEST_FRAC:
            break
        rate = 2 * good if math.isinf(bad) else bad / 2 if good == 0 else math.sqrt(good * bad)
    return SimulatedCapacity(
        requests_per_s=good, broken_at=bad, why_not=why, at_capacity=best, closed_form=None, simulations=runs
    )


def why_broken(answer: Simulation, slo: Slo) -> str | None:
    """Return the first limit that a simulation breaks, or None."""
    if answer.saturated:
        return f"arrivals outrun service: {answer.why_saturated}"
    for field, limit in slo.model_dump().items():
        if limit is None:
            continue
        metric, quantile, _ = field.split("_")
        for result in answer.classes:
            spread = getattr(result, f"{metric}_s")
            value = getattr(spread, quantile) if spread is not None else None
            if value is not None and value > limit:
                return f"{field} of class '{result.name}' is {value:.4g} s, above {limit:g} s"
    return None
