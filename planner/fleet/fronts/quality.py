"""What more quality costs: the cheapest plan at every score that candidates have."""

from collections.abc import Iterator

from planner.fleet.answer.outcome import Outcome, solve
from planner.fleet.fronts.point import ParetoPoint, point
from planner.fleet.questions import relax
from planner.fleet.supply import floors
from planner.fleet.supply.ability import Predictor
from planner.fleet.supply.market import rate, survey
from workloads.scenario import Quality, Scenario, TrafficClass

STEP = 1e-6
"""Added to a score so that what has just this score is out."""
MOST_POINTS = 40


def quality_front(scenario: Scenario, benchmark: str) -> tuple[ParetoPoint, ...]:
    """Return the front of cost against a benchmark, starting at the scenario's own floors.

    A point's value is the least score of what answers, in percent.
    """
    return tuple(_points(scenario, benchmark))


def _points(scenario: Scenario, benchmark: str) -> Iterator[ParetoPoint]:
    """Walk upwards: forbid the lowest score of each plan and solve again."""
    predictor = Predictor()
    _, candidates = survey(_at_least(scenario, benchmark, 0.0), predictor)
    floor = 0.0
    outcome = solve(rate(_at_least(scenario, benchmark, floor), candidates, predictor))
    for _ in range(MOST_POINTS):
        if outcome is None:
            return
        lowest = min(_scores(outcome, benchmark))
        floor = lowest + STEP
        after = solve(rate(_at_least(scenario, benchmark, floor), candidates, predictor))
        if after is None or after.mix.usd_per_h > outcome.mix.usd_per_h * (1 + STEP):
            yield point(lowest, outcome, scenario.budget)
        outcome = after


def _at_least(scenario: Scenario, benchmark: str, floor: float) -> Scenario:
    key = f"{benchmark}_min"

    def raised(traffic: TrafficClass) -> TrafficClass:
        own = getattr(traffic.quality, key) or 0.0
        kept = {**traffic.quality.model_dump(), key: max(own, floor)}
        return traffic.model_copy(update={"quality": Quality(**kept)})

    return relax.each_class(scenario, raised)


def _scores(outcome: Outcome, benchmark: str) -> Iterator[float]:
    """Scores of everything that serves; all are known, as a floor was asked for."""
    for item in outcome.deployed():
        unit = item.line.candidate.deployment
        yield floors.score(benchmark, unit.model, unit.weights) or 0.0
    for offer, shares in zip(outcome.market.hosted, outcome.mix.offer_shares, strict=True):
        if any(shares):
            yield floors.offered(benchmark, offer.offer) or 0.0
