import doctest

import pytest

from reports import known, wording
from reports.numbers import count
from tests.reports import samples
from tonnage.evidence import Evidence
from workloads.scenario import Quality, Slo


def test_the_examples_in_the_docstrings_hold():
    assert doctest.testmod(wording).failed == 0
    assert doctest.testmod(known).failed == 0


def test_every_level_of_evidence_has_its_meaning_once_and_the_strongest_stands_first():
    assert set(known.MEANING) == set(Evidence)
    said = known.legend([Evidence.ASSUMED, Evidence.FITTED, Evidence.ASSUMED])
    assert said.index("fitted =") < said.index("assumed =")
    assert said.count("assumed =") == 1
    assert known.legend([]) == ""


@pytest.mark.parametrize("field", Slo.model_fields)
def test_every_limit_has_a_name_without_its_field(field):
    name = wording.limit_name(field)
    assert "_" not in name
    assert name.startswith("time")


def test_the_recommendation_says_what_it_costs_and_how_sure_it_is():
    text = wording.recommendation(samples.full_plan())
    for part in (
        "3 × NVIDIA L40S",
        "2 × NVIDIA H100",
        "$7,957 a month",
        "88.4 % of the budget of $9,000",
        "76 %",
    ):
        assert part in text


def test_the_recommendation_names_the_peak_of_the_busiest_period():
    plan = samples.full_plan()
    first = plan.scenario.classes[0]
    day = first.model_copy(update={"profile": (0.5, 1.5)})
    classes = {"classes": (day,)}
    moved = plan.model_copy(update={"scenario": plan.scenario.model_copy(update=classes)})
    peak = f"{count(day.requests_per_s * day.peak_to_mean * 1.5)} requests per second at the peak"
    assert peak in wording.recommendation(moved)


def test_a_plan_without_limits_is_sure_of_its_load_alone_and_one_without_floors_says_so():
    plan = samples.full_plan()
    free = tuple(
        each.model_copy(update={"slo": Slo(), "quality": Quality()}) for each in plan.scenario.classes
    )
    anything = plan.scenario.candidates.model_copy(update={"models": None})
    scenario = plan.scenario.model_copy(update={"classes": free, "candidates": anything})
    text = wording.recommendation(plan.model_copy(update={"scenario": scenario}))
    assert "service level" not in text and "carry this load" in text
    assert "No quality floor is set" in text
    assert "No quality floor is set for batch," in wording.recommendation(plan)


def test_the_recommendation_of_the_impossible_says_what_stands_in_the_way():
    plan = samples.infeasible_plan()
    assert wording.verdict(plan) == "No plan can meet these requirements"
    assert "budget" in wording.recommendation(plan)


def test_a_plan_of_many_lines_points_to_the_table():
    plan = samples.full_plan()
    many = plan.model_copy(update={"units": plan.units * 3})
    assert "the 7 lines below" in wording.recommendation(many)


def test_what_is_predicted_is_said_to_be_of_the_slowest_units_where_kinds_share_the_work():
    plan = samples.full_plan()
    assert len({unit.device for unit in plan.units}) > 1
    assert wording.slowest_decides(plan)
    assert not wording.slowest_decides(plan.model_copy(update={"units": plan.units[:1]}))
    halves = [
        unit.model_copy(update={"role": role})
        for unit, role in zip(plan.units[:2], ("prefill", "decode"), strict=True)
    ]
    assert not wording.slowest_decides(plan.model_copy(update={"units": tuple(halves)}))
    assert not wording.slowest_decides(plan.model_copy(update={"units": ()}))
