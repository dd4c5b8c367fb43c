"""Whole plans from given capacities: exact costs, laws of the cost, and answers where none holds."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.fleet.plan import make_plan
from planner.fleet.records.plan_record import Plan
from tests.planner.fleet.known import DEVICES, scenario, traffic
from tonnage.errors import UnknownName
from workloads.scenario import Candidates, Quality, Scenario

TWO_CLASSES = {
    "nvidia-a10g": {"short": 4.0, "long": 0.4},
    "nvidia-a100-sxm4-80gb": {"short": 9.0, "long": 4.0},
}
PRICES = {"nvidia-a10g": 1.0, "nvidia-a100-sxm4-80gb": 3.6}


def served(plan: Plan) -> dict[str, float]:
    total: dict[str, float] = {}
    for part in (*plan.units, *plan.api):
        for name, share in part.share.items():
            total[name] = total.get(name, 0.0) + share
    return total


def test_a_capacity_table_is_taken_as_it_is() -> None:
    plan = make_plan(scenario({"all": 15.0}, {"nvidia-a10g": {"all": 5.0}}, {"nvidia-a10g": 1.01}))
    (unit,) = plan.units
    assert (plan.feasible, unit.count, unit.model, unit.weights) == (True, 3, "llama-3.1-8b", "BF16")
    assert plan.cost_usd_per_h == pytest.approx(3.03)
    assert plan.cost_usd_per_month == pytest.approx(3.03 * 730)
    assert plan.cost_usd_per_mtok == pytest.approx(3.03 / (15 * 700 * 3600 / 1e6))
    assert unit.utilization == pytest.approx(1.0)


def test_two_classes_share_units_by_the_sum_of_their_loads() -> None:
    plan = make_plan(scenario({"short": 6.0, "long": 2.0}, TWO_CLASSES, PRICES))
    assert plan.cost_usd_per_h == pytest.approx(4.6)
    assert served(plan) == pytest.approx({"short": 1.0, "long": 1.0})
    for unit in plan.units:
        rates = {"short": 6.0, "long": 2.0}
        busy = sum(unit.share[c] * rates[c] / unit.capacity_requests_per_s[c] for c in unit.share)
        assert busy <= unit.count * (1 + 1e-6)
        assert unit.utilization == pytest.approx(busy / unit.count)


def test_peak_sizes_the_units() -> None:
    peaky = (traffic("all", 5.0, peak_to_mean=3.0),)
    plan = make_plan(scenario({}, {"nvidia-a10g": {"all": 5.0}}, {"nvidia-a10g": 1.0}, classes=peaky))
    assert plan.units[0].count == 3


def test_spares_are_bought_for_every_deployed_kind() -> None:
    plan = make_plan(
        scenario({"all": 15.0}, {"nvidia-a10g": {"all": 5.0}}, {"nvidia-a10g": 1.0}, spare_units=2)
    )
    assert plan.units[0].count == 5
    assert plan.units[0].utilization == pytest.approx(0.6)


def test_owned_hardware_is_used_before_anything_is_rented() -> None:
    plan = make_plan(
        scenario({"all": 20.0}, {"nvidia-a10g": {"all": 5.0}}, {"nvidia-a10g": 1.0}, owned={"nvidia-a10g": 3})
    )
    assert {(unit.purchase, unit.count) for unit in plan.units} == {("owned", 3), ("on-demand", 1)}
    assert any("no price of electricity is set" in line for line in plan.assumptions)
    assert plan.cost_usd_per_h == pytest.approx(1.0)
    assert served(plan) == pytest.approx({"all": 1.0})


def test_a_quality_floor_keeps_weaker_models_out() -> None:
    capacity = {"nvidia-a10g": {"all": 5.0}, "nvidia-h100-sxm5-80gb": {"all": 5.0}}
    prices = {"nvidia-a10g": 1.0, "nvidia-h100-sxm5-80gb": 4.0}
    models = {"nvidia-h100-sxm5-80gb": "llama-3.1-70b"}
    plain = make_plan(scenario({"all": 4.0}, capacity, prices, models=models))
    good = (traffic("all", 4.0, quality=Quality(mmlu_min=75)),)
    strict = make_plan(scenario({}, capacity, prices, models=models, classes=good))
    assert [unit.model for unit in plain.units] == ["llama-3.1-8b"]
    assert [unit.model for unit in strict.units] == ["llama-3.1-70b"]
    assert any("below 75" in row.why for row in strict.rejected)


def test_alternatives_differ_in_kind_and_cost_no_less() -> None:
    plan = make_plan(scenario({"short": 6.0, "long": 2.0}, TWO_CLASSES, PRICES))
    kinds = [frozenset((unit.device, unit.model) for unit in plan.units)]
    for other in plan.alternatives:
        kind = frozenset((unit.device, unit.model) for unit in other.units)
        assert not any(earlier <= kind for earlier in kinds)
        assert other.cost_usd_per_month >= plan.cost_usd_per_month - 1e-6
        kinds.append(kind)
    assert [round(other.cost_usd_per_month / 730, 6) for other in plan.alternatives] == [7.0, 7.2]


def test_a_flip_point_is_where_the_next_choice_costs_the_same() -> None:
    plan = make_plan(scenario({"short": 6.0, "long": 2.0}, TWO_CLASSES, PRICES))
    flip = next(row for row in plan.sensitivity if row.input == "price of nvidia-a100-sxm4-80gb")
    factor = 1 + float(flip.change.rstrip("%")) / 100
    assert flip.flips
    assert 1.0 + 3.6 * factor == pytest.approx(7.0, rel=0.02)


small = st.floats(0.5, 6.0)
tables = st.fixed_dictionaries(
    {device: st.fixed_dictionaries({"a": small, "b": small}) for device in DEVICES[:3]}
)
prices = st.fixed_dictionaries({device: st.floats(0.3, 4.0) for device in DEVICES[:3]})


def cost(asked: Scenario) -> float:
    from planner.fleet.answer.outcome import solve
    from planner.fleet.supply.ability import Predictor
    from planner.fleet.supply.market import survey

    outcome = solve(survey(asked, Predictor())[0])
    assert outcome is not None
    return outcome.mix.usd_per_h


@settings(max_examples=25, deadline=None)
@given(tables, prices, small, small, st.floats(1.0, 3.0))
def test_more_load_never_costs_less(table, price, a, b, factor) -> None:
    less = cost(scenario({"a": a, "b": b}, table, price))
    assert cost(scenario({"a": a * factor, "b": b}, table, price)) >= less * (1 - 1e-5)


@settings(max_examples=25, deadline=None)
@given(tables, prices, small, small)
def test_more_candidates_never_cost_more(table, price, a, b) -> None:
    fewer = {device: table[device] for device in DEVICES[:2]}
    assert cost(scenario({"a": a, "b": b}, table, price)) <= cost(
        scenario({"a": a, "b": b}, fewer, {device: price[device] for device in fewer})
    ) * (1 + 1e-5)


@settings(max_examples=25, deadline=None)
@given(tables, prices, small, small, st.integers(0, 1))
def test_splitting_a_class_in_two_equal_ones_changes_nothing(table, price, a, b, spare_units) -> None:
    whole = cost(scenario({"a": a, "b": b}, table, price, spare_units=spare_units))
    halves = {device: {"a1": row["a"], "a2": row["a"], "b": row["b"]} for device, row in table.items()}
    split = cost(scenario({"a1": a / 2, "a2": a / 2, "b": b}, halves, price, spare_units=spare_units))
    assert split == pytest.approx(whole, rel=1e-5)


@settings(max_examples=20, deadline=None)
@given(tables, prices, small, st.sampled_from([(0.0, 60.0), (60.0, 75.0), (60.0, 90.0)]))
def test_a_higher_floor_never_costs_less(table, price, a, floors) -> None:
    one_class = {device: {"a": row["a"]} for device, row in table.items()}
    models = {DEVICES[1]: "llama-3.1-70b", DEVICES[2]: "qwen2.5-72b"}
    costs = []
    for floor in floors:
        classes = (traffic("a", a, quality=Quality(mmlu_min=floor)),)
        plan = make_plan(scenario({}, one_class, price, models=models, classes=classes))
        costs.append(plan.cost_usd_per_h if plan.feasible else float("inf"))
    assert costs[1] >= costs[0] * (1 - 1e-5)


def test_an_unknown_device_lists_near_names() -> None:
    asked = scenario({"all": 1.0}, {"nvidia-a10g": {"all": 5.0}}, {})
    with pytest.raises(UnknownName, match="nvidia-l4"):
        make_plan(
            asked.model_copy(
                update={"candidates": Candidates(devices=("nvidia-l5",), models=("llama-3.1-8b",))}
            )
        )


def test_a_device_of_ones_own_needs_a_price_and_a_capacity() -> None:
    plan = make_plan(scenario({"all": 5.0}, {"my-box": {"all": 5.0}}, {"my-box": 0.4}))
    assert plan.units[0].device == "my-box"
    with pytest.raises(UnknownName):
        make_plan(scenario({"all": 5.0}, {"my-box": {"all": 5.0}}, {}))


def test_a_plan_survives_its_file(tmp_path) -> None:
    from tonnage.files import read_record, write_record

    plan = make_plan(scenario({"short": 6.0, "long": 2.0}, TWO_CLASSES, PRICES))
    write_record(tmp_path / "plan.json", plan)
    assert read_record(tmp_path / "plan.json", Plan) == plan
