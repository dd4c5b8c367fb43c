"""What more quality costs: the cheapest plan at every score that candidates have, none of them pointless."""

from collections.abc import Iterator
from typing import ClassVar

from planner.fleet import floors, relax
from planner.fleet.ability import Predictor
from planner.fleet.label import label_of
from planner.fleet.market import rate, survey
from planner.fleet.outcome import Outcome, solve
from tonnage.errors import InvalidInput
from tonnage.files import FileRecord, Record
from workloads.scenario import Quality, Scenario, TrafficClass

STEP = 1e-6
"""Added to a score so that what has just this score is out."""
MOST_POINTS = 40


class ParetoPoint(Record):
    """The cheapest plan in which every answer comes from a model of at least this score."""

    score_percent: float
    cost_usd_per_month: float
    within_budget: bool
    label: str


class ParetoFront(FileRecord):
    """What `tonnage plan --pareto cost,mmlu` answers, from the cheapest to the best."""

    FORMAT: ClassVar[str] = "tonnage.pareto"
    VERSION: ClassVar[int] = 1

    benchmark: str
    points: tuple[ParetoPoint, ...] = ()


def pareto(scenario: Scenario, benchmark: str) -> ParetoFront:
    """Return the front of cost against a benchmark, starting at the scenario's own floors.

    Parameters
    ----------
    scenario : Scenario
        Its budget is no limit here; points say whether they keep it.
    benchmark : str
        mmlu, mmlu_pro, humaneval or gsm8k.

    Raises
    ------
    InvalidInput
        If there is no such benchmark.
    """
    known = [name.removesuffix("_min") for name in Quality.model_fields]
    if benchmark not in known:
        raise InvalidInput(f"--pareto takes cost and one of {', '.join(known)}, not '{benchmark}'")
    return ParetoFront(benchmark=benchmark, points=tuple(_points(scenario, benchmark)))


def _points(scenario: Scenario, benchmark: str) -> Iterator[ParetoPoint]:
    """Walk upwards: forbid the lowest score of each plan and solve again."""
    predictor = Predictor()
    _, candidates = survey(_at_least(scenario, benchmark, 0.0), predictor)
    floor = 0.0
    for _ in range(MOST_POINTS):
        asked = _at_least(scenario, benchmark, floor)
        outcome = solve(rate(asked, candidates, predictor))
        if outcome is None:
            return
        lowest = min(_scores(outcome, benchmark))
        floor = lowest + STEP
        after = solve(rate(_at_least(scenario, benchmark, floor), candidates, predictor))
        if after is None or after.mix.usd_per_h > outcome.mix.usd_per_h * (1 + STEP):
            yield ParetoPoint(
                score_percent=lowest,
                cost_usd_per_month=outcome.usd_per_month,
                within_budget=outcome.within_budget,
                label=label_of(outcome),
            )


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
