"""What a measurement decides: each end of an interval is planned as if known, and brackets the plan."""

from dataclasses import replace

import pytest

from planner.fleet.answer.outcome import Outcome, solve
from planner.fleet.plan import make_plan
from planner.fleet.questions.worth_measuring import FAST, SLOW
from planner.fleet.records.plan_record import Plan
from planner.fleet.supply.ability import Predictor
from planner.fleet.supply.market import survey
from planner.fleet.supply.slo import at_confidence
from tests.planner.fleet.known import scenario
from tests.planner.fleet.predicted import QWEN_OR_LLAMA as ASKED


@pytest.fixture(scope="module")
def plan() -> Plan:
    return make_plan(ASKED)


def with_known(device: str, reached: float) -> Outcome | None:
    """Plan with every unit of a device at one end of its interval, by the programme alone."""
    market = survey(ASKED, Predictor())[0].settled(halves=True)
    lines = []
    for line in market.rated():
        if line.candidate.deployment.device == device:
            assert line.abilities is not None
            rates = [ability.requests_per_s for ability in line.abilities]
            capacity = tuple(0.0 if rate is None else at_confidence(rate, reached) for rate in rates)
            line = replace(line, kind=replace(line.kind, capacity=capacity))
        lines.append(line)
    return solve(market.of_lines(tuple(lines)))


def test_the_plan_lies_between_its_devices_slow_and_fast(plan: Plan) -> None:
    assert plan.measuring and plan.cost_usd_per_month is not None
    for one in plan.measuring:
        assert one.usd_per_month_if_fast <= plan.cost_usd_per_month * (1 + 1e-6)
        slow = one.usd_per_month_if_slow
        assert slow is None or slow >= plan.cost_usd_per_month * (1 - 1e-6)
        if not one.in_plan:
            assert slow == pytest.approx(plan.cost_usd_per_month) and not one.flips_if_slow


def test_both_ends_are_what_the_programme_says_when_a_speed_is_known(plan: Plan) -> None:
    for one in plan.measuring:
        fast = with_known(one.device, FAST)
        assert fast is not None
        assert one.usd_per_month_if_fast == pytest.approx(fast.usd_per_month, rel=1e-5)
        if one.in_plan:
            slow = with_known(one.device, SLOW)
            assert slow is not None
            assert one.usd_per_month_if_slow == pytest.approx(slow.usd_per_month, rel=1e-5)


def test_the_most_at_stake_comes_first_and_what_decides_nothing_is_left_out(plan: Plan) -> None:
    at_stake = [
        (one.usd_per_month_if_slow or float("inf")) - one.usd_per_month_if_fast for one in plan.measuring
    ]
    assert at_stake == sorted(at_stake, reverse=True) and min(at_stake) > 0


def test_capacities_that_the_user_measured_need_no_bench() -> None:
    asked = scenario({"all": 10.0}, {"nvidia-l4": {"all": 2.0}}, {"nvidia-l4": 1.0})
    assert make_plan(asked).measuring == ()
