"""What a better answer costs: the cheapest plan at every score, latency or energy, none of them pointless."""

from collections.abc import Callable
from typing import Any, ClassVar

from planner.fleet.fronts.energy import energy_front
from planner.fleet.fronts.latency import LATENCY, latency_front
from planner.fleet.fronts.point import ParetoPoint
from planner.fleet.fronts.quality import quality_front
from planner.fleet.questions import relax
from planner.fleet.supply.task_market import by_chains
from tonnage.collector import uncollected
from tonnage.errors import InvalidInput
from tonnage.files import FileRecord
from workloads.scenario import Objective, Quality, Scenario, Slo

ENERGY = "energy"


def _of_scores(data: dict[str, Any]) -> dict[str, Any]:
    """Bring a front of the first version, which knew of scores alone, to the second."""
    points = [
        {
            **{key: kept for key, kept in point.items() if key != "score_percent"},
            "value": point["score_percent"],
        }
        for point in data.get("points", ())
    ]
    return {**{key: kept for key, kept in data.items() if key != "benchmark"}, "axis": data["benchmark"],
            "unit": "%", "points": points}  # fmt: skip


class ParetoFront(FileRecord):
    """What `tonnage plan --pareto cost,...` answers, from the cheapest plan to the best.

    Attributes
    ----------
    axis : str
        What is bought: a benchmark, `latency` (all limits together), one limit, or `energy`.
    unit : str
        Of the points' values: `%` of a score, `x` the limits of the scenario, `s`, `kWh/month`.
    notes : tuple of str
        What the front leaves out.
    """

    FORMAT: ClassVar[str] = "tonnage.pareto"
    VERSION: ClassVar[int] = 2
    UPGRADES: ClassVar[dict[int, Callable[[dict[str, Any]], dict[str, Any]]]] = {1: _of_scores}

    axis: str
    unit: str
    points: tuple[ParetoPoint, ...] = ()
    notes: tuple[str, ...] = ()


def axes() -> dict[str, str]:
    """Return what cost can be held against, each with its unit."""
    scores = {name.removesuffix("_min"): "%" for name in Quality.model_fields}
    limits = {name.removesuffix("_s"): "s" for name in Slo.model_fields}
    return {**scores, LATENCY: "x", **limits, ENERGY: "kWh/month"}


@uncollected()
def pareto(scenario: Scenario, axis: str) -> ParetoFront:
    """Return the front of cost against something else.

    Parameters
    ----------
    scenario : Scenario
        Its floors and limits hold beside the axis. Its budget is no limit here; points say whether they
        keep it.
    axis : str
        One of `axes`.

    Raises
    ------
    InvalidInput
        If there is no such axis, no class has that limit, or chains for tasks are to be chosen.
    """
    known = axes()
    if axis not in known:
        raise InvalidInput(f"--pareto takes cost and one of {', '.join(known)}, not '{axis}'")
    asked = relax.grown(scenario)
    if known[axis] == "%":
        return ParetoFront(axis=axis, unit=known[axis], points=quality_front(asked, axis))
    if by_chains(asked):
        raise InvalidInput(
            f"--pareto cost,{axis} has no front where chains for tasks are chosen; "
            'leave reliable_min out and ask with objective = "cost"'
        )
    asked = asked.model_copy(update={"objective": Objective.COST})
    points, notes = energy_front(asked) if axis == ENERGY else latency_front(asked, axis)
    return ParetoFront(axis=axis, unit=known[axis], points=points, notes=notes)
