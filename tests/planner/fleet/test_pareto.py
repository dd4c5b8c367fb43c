"""Fronts of cost: every point is the cheapest of its kind, none is pointless, and jumps are found."""

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.fleet.answer.outcome import Outcome, solve
from planner.fleet.fronts.jumps import jumps
from planner.fleet.fronts.latency import CLOSE
from planner.fleet.fronts.pareto import ParetoFront, axes, pareto
from planner.fleet.questions import relax
from planner.fleet.supply.ability import Predictor
from planner.fleet.supply.market import survey
from tests.planner.fleet.predicted import ASKED, CHAT
from tonnage.errors import InvalidInput
from tonnage.files import upgraded
from workloads.scenario import Growth, Objective, Scenario, Slo


@pytest.fixture(scope="module")
def predictor() -> Predictor:
    return Predictor()


def cheapest(scenario: Scenario, predictor: Predictor) -> Outcome | None:
    return solve(survey(scenario, predictor)[0])


def usd_per_month(scenario: Scenario, predictor: Predictor) -> float:
    outcome = cheapest(scenario, predictor)
    return math.inf if outcome is None else outcome.usd_per_month


def rises(front: ParetoFront) -> bool:
    return all(low.cost_usd_per_month < high.cost_usd_per_month for low, high in pairwise(front.points))


def test_more_quality_costs_more_and_each_point_is_the_cheapest(predictor: Predictor) -> None:
    front = pareto(ASKED, "mmlu")
    assert len(front.points) >= 2 and rises(front)
    assert all(low.value < high.value for low, high in pairwise(front.points))
    for point in front.points:
        asked = relax.with_raised_floor(ASKED, "mmlu", point.value)
        assert usd_per_month(asked, predictor) == pytest.approx(point.cost_usd_per_month, rel=1e-5)


def test_less_latency_costs_more_and_nothing_lies_between_two_points(predictor: Predictor) -> None:
    front = pareto(ASKED, "latency")
    assert len(front.points) >= 4 and rises(front)
    assert all(loose.value > tight.value for loose, tight in pairwise(front.points))
    for point in front.points[:4]:
        asked = relax.with_all_limits(ASKED, point.value)
        assert usd_per_month(asked, predictor) == pytest.approx(point.cost_usd_per_month, rel=1e-5)
    for loose, tight in pairwise(front.points[:4]):
        just_below = relax.with_all_limits(ASKED, max(loose.value / CLOSE, tight.value))
        assert usd_per_month(just_below, predictor) > loose.cost_usd_per_month * (1 + 1e-6)


def test_one_limit_moves_alone_and_is_told_in_seconds(predictor: Predictor) -> None:
    front = pareto(ASKED, "tpot_p95")
    assert front.unit == "s" and len(front.points) >= 2 and rises(front)
    for point in front.points[:3]:
        slo = Slo(ttft_p95_s=1.0, tpot_p95_s=point.value)
        asked = ASKED.model_copy(update={"classes": (CHAT.model_copy(update={"slo": slo}),)})
        assert usd_per_month(asked, predictor) == pytest.approx(point.cost_usd_per_month, rel=1e-5)


def test_energy_falls_from_the_cheapest_plan_to_the_thriftiest(predictor: Predictor) -> None:
    front = pareto(ASKED, "energy")
    assert len(front.points) >= 2 and rises(front)
    assert all(cheap.value > thrifty.value for cheap, thrifty in pairwise(front.points))
    assert front.points[0].cost_usd_per_month == pytest.approx(usd_per_month(ASKED, predictor), rel=1e-5)
    thriftiest = cheapest(ASKED.model_copy(update={"objective": Objective.ENERGY}), predictor)
    assert thriftiest is not None
    assert front.points[-1].cost_usd_per_month == pytest.approx(thriftiest.usd_per_month, rel=1e-5)


def test_points_say_whether_they_keep_the_budget_of_the_scenario() -> None:
    free = pareto(ASKED, "energy")
    between = (free.points[0].cost_usd_per_month + free.points[-1].cost_usd_per_month) / 2
    for axis in ("mmlu", "latency", "energy"):
        points = pareto(relax.with_budget(ASKED, between), axis).points
        assert [point.within_budget for point in points] == [
            point.cost_usd_per_month <= between for point in points
        ]


def test_what_is_no_axis_or_no_limit_of_the_scenario_is_refused() -> None:
    with pytest.raises(InvalidInput, match="not 'speed'"):
        pareto(ASKED, "speed")
    with pytest.raises(InvalidInput, match=r"no class has slo\.e2e_p95_s; set one"):
        pareto(ASKED, "e2e_p95")
    assert {"mmlu", "latency", "ttft_p95", "energy"} <= set(axes())


def test_a_growing_load_is_met_as_it_will_be() -> None:
    growing = ASKED.model_copy(update={"growth": Growth(per_month_frac=0.1, months=6)})
    grown = relax.with_load(ASKED, growing.growth.factor)
    assert pareto(growing, "latency").points == pareto(grown, "latency").points


def test_what_is_best_else_does_not_move_a_front_of_cost() -> None:
    thrifty = ASKED.model_copy(update={"objective": Objective.ENERGY})
    assert pareto(thrifty, "latency").points == pareto(ASKED, "latency").points


def test_a_front_of_the_first_version_still_loads() -> None:
    old = {
        "format": "tonnage.pareto",
        "version": 1,
        "benchmark": "mmlu",
        "points": [{"score_percent": 71.0, "cost_usd_per_month": 9.0, "within_budget": True, "label": "one"}],
    }
    front = ParetoFront.parse(upgraded(old, ParetoFront, where="old"), where="old")
    assert (front.axis, front.unit, front.points[0].value) == ("mmlu", "%", 71.0)


@given(
    st.lists(st.floats(1.0, 100.0), max_size=4),
    st.lists(st.floats(0.5, 5.0), min_size=5, max_size=5),
    st.booleans(),
)
def test_every_jump_of_a_staircase_is_found_to_the_ratio(
    places: list[float], heights: list[float], bottomless: bool
) -> None:
    """A staircase that falls by each height where an argument passes its place."""
    ratio, asked = 1.07, []
    top = math.inf if bottomless else 40.0

    def at(x: float) -> float:
        asked.append(x)
        steps = sorted(places)
        passed = sum(x >= place for place in steps)
        return top if passed == 0 and steps else 40.0 - sum(heights[:passed])

    found = jumps(at, lambda value: value, 1.0, 100.0, ratio=ratio, most=10_000)
    assert list(found) == sorted(set(asked)) and len(asked) == len(found)
    for left, right in pairwise(found):
        if found[left] > found[right] * (1 + 1e-6):
            assert right / left <= ratio
    few = jumps(at, lambda value: value, 1.0, 100.0, ratio=ratio, most=6)
    assert len(few) <= 6 and few.items() <= found.items()
