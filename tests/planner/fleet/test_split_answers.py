"""Prefill and decode units in all that a plan answers: over the day, compared, and where there is none."""

import pytest

from planner.check.plan_check import check_plan
from planner.fleet.answer.ways_through import key_of_unit, ways
from planner.fleet.plan import make_plan
from planner.fleet.records.plan_diff import difference
from planner.fleet.records.plan_record import Plan
from planner.role import Role
from planner.simulate.busiest import in_busiest_period
from planner.simulate.plan_fleet import experiment_of_plan
from workloads.scenario import Candidates, Scenario, Slo, TrafficClass

DAY = (0.4, 1.0, 0.7)


def scenario(*, roles: tuple[str, ...] = ("whole", "split"), **values: object) -> Scenario:
    given: dict[str, object] = {
        "name": "long",
        "requests_per_s": 12.0,
        "prompt_tokens": 8000.0,
        "output_tokens": 300.0,
        "slo": Slo(ttft_p95_s=3.0, tpot_p95_s=0.02),
        **values,
    }
    return Scenario(
        classes=(TrafficClass.model_validate(given),),
        candidates=Candidates(
            devices=("nvidia-h100-sxm5-80gb", "nvidia-h200-sxm-141gb"),
            models=("qwen2.5-14b",),
            formats=("FP8",),
            engines=("vllm",),
            api=False,
            roles=roles,
            interconnect="infiniband-ndr",
        ),
    )


@pytest.fixture(scope="module")
def day() -> Plan:
    return make_plan(scenario(roles=("split",), profile=DAY))


@pytest.fixture(scope="module")
def split() -> Plan:
    return make_plan(scenario(roles=("split",)))


def test_halves_come_and_go_with_the_day_each_doing_the_whole_class(day: Plan) -> None:
    assert {unit.role for unit in day.units} == {"prefill", "decode"}
    assert len(day.periods) == len(DAY)
    for role in ("prefill", "decode"):
        counts = [
            sum(column)
            for column in zip(*(u.count_by_period for u in day.units if u.role == role), strict=True)
        ]
        assert all(counts)
        assert counts[0] < counts[1]
        assert sum(u.share["long"] for u in day.units if u.role == role) == pytest.approx(1, abs=1e-6)


def test_the_busiest_period_has_both_halves_and_can_be_simulated(day: Plan) -> None:
    busiest, said = in_busiest_period(day)
    assert said is not None
    assert all(way.prefill and way.decode for way in ways(busiest))
    fleet = experiment_of_plan(busiest, requests=100, replications=1, seed=0).fleet
    assert {kind.role for kind in fleet.kinds} == {Role.PREFILL, Role.DECODE}


def test_a_difference_says_which_halves_come_and_where_requests_go(split: Plan) -> None:
    whole = make_plan(scenario(roles=("whole",)))
    rows = {row.what: (row.before, row.after) for row in difference(whole, split).rows}
    assert any("prefill" in what and before == "–" for what, (before, _) in rows.items())
    assert any(what.startswith("share of long from prefill on") for what in rows)
    assert rows["candidates.roles"] == ("whole", "split")
    assert difference(split, split).rows == ()


def test_a_difference_keeps_equal_deployments_in_two_places_apart(split: Plan) -> None:
    way = split.handovers[0]
    elsewhere = way.model_copy(update={"pool": f"{way.pool} elsewhere"})
    both = split.model_copy(update={"handovers": (way, elsewhere)})
    rows = [row.what for row in difference(split.model_copy(update={"handovers": ()}), both).rows]
    assert len(rows) == 2 * len(way.share)
    assert sum("elsewhere" in row for row in rows) == len(way.share)


def test_where_no_half_is_fast_enough_the_limit_and_its_relaxation_are_told() -> None:
    late = make_plan(scenario(roles=("split",), slo=Slo(ttft_p95_s=0.05, tpot_p95_s=0.02)))
    assert not late.feasible
    assert late.units == ()
    moved = [one for one in late.relaxations if "ttft" in one.constraint and one.needed is not None]
    assert moved
    needed = max(one.needed or 0.0 for one in moved)
    assert needed > 0.05
    eased = make_plan(scenario(roles=("split",), slo=Slo(ttft_p95_s=1.01 * needed, tpot_p95_s=0.02)))
    assert eased.feasible


def test_a_check_simulates_halves_and_holds(split: Plan) -> None:
    check = check_plan(split, requests=4000, draws=0)
    assert check.why_not is None
    assert check.holds
    assert {row.limit for row in check.limits} == {"ttft_p95_s", "tpot_p95_s"}


def test_ways_name_deployments_as_candidates_are_named(split: Plan) -> None:
    told = {one.prefill for one in split.handovers} | {one.decode for one in split.handovers}
    assert {key_of_unit(unit) for unit in split.units} == told
    assert len(ways(split)) == len(split.handovers)
    without = split.model_copy(update={"handovers": ()})
    assert [way.share for way in ways(without)] == [{"long": pytest.approx(1.0, abs=1e-6)}]
