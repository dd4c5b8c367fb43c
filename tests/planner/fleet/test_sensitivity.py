"""What moves a plan: each row says what a plan for the moved input costs, and where the choice changes."""

from math import log2

import pytest

from planner.fleet.answer.outcome import Outcome, solve
from planner.fleet.plan import make_plan
from planner.fleet.questions import relax
from planner.fleet.questions.sensitivity import COARSE_RATIO
from planner.fleet.records.plan_record import Plan, Sensitivity
from planner.fleet.supply.ability import Predictor
from planner.fleet.supply.market import survey
from tests.planner.fleet.predicted import QWEN_OR_LLAMA as ASKED
from workloads.scenario import Candidates, Scenario, TrafficClass

MOVES = {
    "traffic.requests_per_s": relax.with_load,
    "traffic.prompt_tokens": lambda scenario, factor: relax.with_lengths(scenario, "prompt", factor),
    "traffic.output_tokens": lambda scenario, factor: relax.with_lengths(scenario, "output", factor),
    "latency limits": relax.with_all_limits,
}


@pytest.fixture(scope="module")
def predictor() -> Predictor:
    return Predictor()


@pytest.fixture(scope="module")
def plan() -> Plan:
    return make_plan(ASKED)


def moved(row: Sensitivity, factor: float, predictor: Predictor) -> Outcome:
    found = solve(survey(MOVES[row.input](ASKED, factor), predictor)[0])
    assert found is not None
    return found


def rows_of(plan: Plan) -> list[tuple[Sensitivity, float]]:
    return [(row, float(row.change.removeprefix("x "))) for row in plan.sensitivity if row.input in MOVES]


def test_each_row_costs_what_a_plan_for_the_moved_input_costs(plan: Plan, predictor: Predictor) -> None:
    rows = [(row, factor) for row, factor in rows_of(plan) if factor in (0.5, 1.25, 2.0)]
    assert {row.input for row, _ in rows} == set(MOVES)
    for row, factor in rows:
        assert row.cost_usd_per_month == pytest.approx(moved(row, factor, predictor).usd_per_month, rel=1e-5)


def test_longer_and_more_and_tighter_never_cost_less(plan: Plan) -> None:
    base = plan.cost_usd_per_month
    assert base is not None
    for row, factor in rows_of(plan):
        assert row.cost_usd_per_month is not None
        harder = factor < 1 if row.input == "latency limits" else factor > 1
        sign = 1 if harder else -1
        assert sign * row.cost_usd_per_month >= sign * base * (1 - sign * 1e-6)


def test_where_the_choice_starts_to_change_it_does_and_not_before(plan: Plan, predictor: Predictor) -> None:
    before = moved(rows_of(plan)[0][0], 1.0, predictor).groups()
    starts = [(row, factor) for row, factor in rows_of(plan) if factor not in (0.5, 1.25, 2.0)]
    assert starts, "no input of this scenario changes the choice on the way"
    for row, factor in starts:
        exact = 2 ** (round(4 * log2(factor)) / 4)  # rows are told with two digits
        assert row.flips
        assert moved(row, exact, predictor).groups() != before
        nearer = exact * COARSE_RATIO if exact < 1 else exact / COARSE_RATIO
        assert moved(row, nearer, predictor).groups() == before


def test_longer_prompts_than_the_cheapest_model_reads_go_to_another_one() -> None:
    """Mamba 130M reads 2,048 tokens; nothing else is undominated where no floor is set."""
    few = Candidates(
        devices=("nvidia-l4",),
        models=("mamba-130m", "llama-3.1-8b"),
        formats=("BF16",),
        engines=("vllm",),
        api=False,
    )
    notes = TrafficClass(requests_per_s=1, prompt_tokens=1500, output_tokens=300)
    plan = make_plan(Scenario(classes=(notes,), candidates=few))
    assert [unit.model for unit in plan.units] == ["mamba-130m"]
    (twice,) = (
        row for row in plan.sensitivity if (row.input, row.change) == ("traffic.prompt_tokens", "x 2")
    )
    assert twice.flips and twice.cost_usd_per_month is not None
    assert "llama-3.1-8b" in twice.detail


def test_a_request_more_costs_what_the_offer_that_takes_it_asks() -> None:
    few = Candidates(devices=("nvidia-l4",), models=("llama-3.1-8b",), formats=("FP8",), engines=("vllm",))
    notes = TrafficClass(requests_per_s=0.1, prompt_tokens=1500, output_tokens=300)
    plan = make_plan(Scenario(classes=(notes,), candidates=few))
    assert not plan.units and plan.cost_usd_per_h is not None
    (row,) = plan.binding
    assert row.usd_per_h_per_unit == pytest.approx(plan.cost_usd_per_h / 0.1)
    assert "hosted API" in row.detail
