"""How long one try at a task takes at the worst: by units, from limits and predictions, or by an offer.

Notes
-----
A try of n requests, one after the other, of o output tokens each takes

    n (TTFT + (o - 1) TPOT)

with the 95th percentiles of both at the largest load of a unit, o the 95th percentile of the
outputs where it is known; each request is held to its own limit if it has one. That all requests
of a try are at their 95th percentile at once is rare, so few tries take longer.
"""

from collections.abc import Sequence
from fnmatch import fnmatchcase
from statistics import NormalDist

from planner.deployment import Deployment
from planner.fleet.supply.ability import Ability
from planner.fleet.supply.ceiling import fastest_s
from tonnage.evidence import Z90, Quantiles
from workloads.offers import Offer
from workloads.scenario import Scenario, Slo, TrafficClass
from workloads.task import Task

NO_SPEED = (
    "how fast it answers is not known, and the task has a deadline: give [[api_speed]] with ttft_s and tpot_s"
)
NO_LIMIT = (
    "how fast it answers is not known, and the task has a deadline: give slo.ttft_p95_s and slo.tpot_p95_s"
)


def by_unit(ability: Ability, traffic: TrafficClass, task: Task, *, confidence: float) -> float | None:
    """Return the time of a try on a unit at its largest load [s]; None if nothing tells it.

    A capacity that the user measured holds under the limits of the class, so these are its times.
    """
    ttft = _least(_upper(ability.ttft_p95_s or ability.ttft_s, confidence), _limit(traffic.slo, "ttft"))
    tpot = _least(_upper(ability.tpot_p95_s or ability.tpot_s, confidence), _limit(traffic.slo, "tpot"))
    each = None if ttft is None or tpot is None else _request_s(ttft, tpot, traffic)
    each = _least(each, traffic.slo.e2e_p95_s)
    return None if each is None else task.requests_per_task * each


def shortest(unit: Deployment, traffic: TrafficClass, task: Task) -> float:
    """Return what physics leaves of the time of a try on a unit [s], 0 where nobody knows."""
    times = fastest_s(unit, traffic)
    if not times:
        return 0.0
    each = times["ttft"] + (traffic.output_tokens - 1) * times["tpot"]
    return task.requests_per_task * each


def by_offer(offer: Offer, traffic: TrafficClass, task: Task, scenario: Scenario) -> float | None:
    """Return the time of a try on a hosted offer [s]; None if the user gives no speed of it."""
    for speed in scenario.api_speeds:
        names = {offer.model.lower(), (offer.model_id or "").lower()}
        if fnmatchcase(offer.provider.lower(), speed.provider.lower()) and any(
            fnmatchcase(name, speed.model.lower()) for name in names
        ):
            return task.requests_per_task * _request_s(speed.ttft_s, speed.tpot_s, traffic)
    return None


def too_long(time_s: float, task: Task) -> str:
    """Return why a try of this time is no use before a deadline, empty if it is."""
    whole = time_s + task.verifier_s
    if task.deadline_s is None or whole <= task.deadline_s:
        return ""
    check = f", {task.verifier_s:.3g} s of it the check" if task.verifier_s else ""
    return f"one try takes {whole:.3g} s{check}, and the deadline is {task.deadline_s:.3g} s"


def _request_s(ttft_s: float, tpot_s: float, traffic: TrafficClass) -> float:
    tokens = traffic.output_tokens_p95 or traffic.output_tokens
    return ttft_s + max(tokens - 1, 0.0) * tpot_s


def _limit(slo: Slo, metric: str) -> float | None:
    """Return the limit that 95 % of requests or more hold."""
    given: Sequence[float | None] = [getattr(slo, f"{metric}_p{q}_s") for q in (95, 99)]
    return min((limit for limit in given if limit is not None), default=None)


def _upper(quantiles: Quantiles | None, confidence: float) -> float | None:
    """Return the time that is not exceeded with a probability: log-normal through p50 and p90."""
    if quantiles is None:
        return None
    if quantiles.p50 <= 0:
        return quantiles.p90
    z = NormalDist().inv_cdf(confidence)
    return float(quantiles.p50 * (quantiles.p90 / quantiles.p50) ** (z / Z90))


def _least(*values: float | None) -> float | None:
    return min((value for value in values if value is not None), default=None)
