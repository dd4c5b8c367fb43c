"""The largest rate at which the service levels hold, by bracketing under common random numbers.

Every rate is simulated with the same gaps (at unit rate) and the same lengths, so
that two rates differ in their clock alone and the percentiles hardly jitter
against each other. The closed form opens the bracket; simulation closes it.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache

from planner.deployment import Case, Deployment
from planner.serving.units.capacity import Capacity, capacities
from planner.simulate.deployments import Simulated, simulated
from planner.simulate.feeds import Drawn, cycle_s, traffic_of
from planner.simulate.instance import Engine, single
from planner.simulate.replicate import Experiment, simulate
from planner.simulate.simulation_record import Simulation
from tonnage.errors import InvalidInput
from workloads.scenario import Slo, TrafficClass

TOLERANCE = 0.01
"""Relative width of the bracket at the end."""
MOST_STEPS = 60
_WIDEN = 1.15
"""First step away from the closed form; each further one is twice as long in the logarithm."""
_SMALLEST_FRAC = 1e-4
_FEWEST_REQUESTS, _MOST_REQUESTS = 12_000, 30_000
_TURNS = 60
"""Requests per seat that is taken: a batch that barely keeps up takes so long to show it."""


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
    served_at_most : float or None
        Rate at which requests leave when more always wait: what no limit holds back. [requests/s]
    closed_form : float or None
        The capacity by `planner.serving.units.capacity`, where it has one.
    """

    requests_per_s: float
    broken_at: float
    why_not: str | None
    at_capacity: Simulation | None
    served_at_most: float | None = None
    closed_form: float | None = None
    simulations: int

    @property
    def load_frac(self) -> float | None:
        """The utilisation that the limits allow: capacity over what could be served without them."""
        return min(self.requests_per_s / self.served_at_most, 1.0) if self.served_at_most else None

    @property
    def correction(self) -> float | None:
        """Simulated over closed form: a factor for quantiles that the closed form gives."""
        return self.requests_per_s / self.closed_form if self.closed_form else None


@lru_cache(maxsize=4096)
def capacity(
    deployment: Deployment,
    traffic: TrafficClass,
    slo: Slo | None = None,
    *,
    closed: Capacity | None = None,
    requests: int | None = None,
    replications: int = 1,
    seed: int = 0,
) -> SimulatedCapacity:
    """Return the largest rate of one instance at which the percentiles hold.

    Some eight simulations of a few milliseconds each; equal questions are answered from
    memory. Deterministic for a seed; another seed moves the answer by some 3 %, and four times the requests
    halve that.

    Parameters
    ----------
    deployment : Deployment
        One instance; its step law is that of predictions.
    traffic : TrafficClass
        Lengths; its rate is left aside.
    slo : Slo, optional
        Limits; those of `traffic` by default.
    closed : Capacity, optional
        What `planner.serving.units.capacity` says of the same question, where the caller knows it already: it
        opens the bracket, and finding it takes a third of the time.
    requests : int, optional
        Simulated at each rate; by default sixty for each that runs at once, 12,000 at least.
    replications, seed : int
        Runs at each rate, and their random numbers, which are common to all rates.

    Raises
    ------
    InvalidInput
        If the service level has no limit: without one there is no largest rate; or if no request fits.
    UnknownName
        If the catalog does not know a name.
    """
    limits = slo or traffic.slo
    if not any(limits.model_dump().values()):
        raise InvalidInput("a capacity needs at least one limit in its service level, e.g. ttft_p95_s")
    if closed is None:
        closed = capacities([deployment], [traffic.model_copy(update={"slo": limits})])[0][0]
    guess = closed.requests_per_s.p50 if closed.requests_per_s is not None else None
    one = _simulated(deployment, traffic)
    users = _filled(one.engine, traffic)
    rows = requests or _enough(closed, users)
    most = served_at_most(one, traffic, users=users, requests=max(rows, 6 * users), seed=seed)

    asked = replace(_question(one, traffic, limits), replications=replications, seed=seed)

    def at(rate: float) -> Simulation:
        return simulate(replace(asked, traffic=Drawn((traffic_of(traffic, rate),), rows)))

    found = bracket(at, limits, start=min(guess or most, most))
    return replace(found, closed_form=guess, served_at_most=most)


def _simulated(deployment: Deployment, traffic: TrafficClass) -> Simulated:
    names = deployment.model_dump(include=set(Deployment.model_fields))
    return simulated(Case(id=traffic.name, isl=traffic.prompt_tokens, osl=traffic.output_tokens, **names))


def _question(one: Simulated, traffic: TrafficClass, limits: Slo) -> Experiment:
    return Experiment(
        id=f"capacity for {traffic.name}",
        fleet=single(one.law, one.engine),
        traffic=Drawn((traffic_of(traffic, 1.0),), 1),
        names=(traffic.name,),
        slos=(limits,),
        notes=one.notes,
    )


def served_at_most(
    one: Simulated, traffic: TrafficClass, *, users: int, requests: int, seed: int = 0
) -> float:
    """Return the rate at which requests leave an instance when another is always there [requests/s]."""
    lengths = {"prompt": traffic.prompt_tokens, "output": traffic.output_tokens}
    crowd = traffic_of(traffic, 1.0).model_copy(update={"users": users})
    ramp_s = cycle_s(one.law, one.engine, users=users, **lengths)
    answer = simulate(
        Experiment(
            fleet=single(one.law, one.engine), traffic=Drawn((crowd,), requests, ramp_s=ramp_s), seed=seed
        )
    )
    return answer.requests_per_s


def _filled(engine: Engine, traffic: TrafficClass) -> int:
    """Return users enough to fill the seats or the cache, whichever is full first."""
    by_cache = 1.5 * engine.cache_tokens / (traffic.prompt_tokens + traffic.output_tokens)
    return max(1, min(engine.max_sequences, math.ceil(by_cache)) + 1)


def _enough(closed: Capacity, users: int) -> int:
    running = users if closed.concurrency is None else min(closed.concurrency, users)
    return int(min(max(_TURNS * running, _FEWEST_REQUESTS), _MOST_REQUESTS))


def bracket(at: Callable[[float], Simulation], slo: Slo, *, start: float) -> SimulatedCapacity:
    """Step away from `start` until the limit is between two rates, then bisect in the logarithm."""
    good, bad = 0.0, math.inf
    best: Simulation | None = None
    why: str | None = None
    rate, step, runs = start, _WIDEN, 0
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
        if 0 < good < bad < math.inf:
            rate = math.sqrt(good * bad)
        else:
            rate, step = (good * step if math.isinf(bad) else bad / step), step * step
    return SimulatedCapacity(
        requests_per_s=good, broken_at=bad, why_not=why, at_capacity=best, simulations=runs
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
