"""Where chains of models pay per right end: against plans made anew, chances summed by hand, and laws."""

import json
from pathlib import Path

import pytest

from planner.break_even.make import break_even
from planner.break_even.record import BreakEven, TaskEven
from planner.break_even.tasks import LESS, RATIO, task_even
from planner.fleet.plan import make_plan
from planner.fleet.questions import relax
from planner.fleet.questions.task_relax import with_task
from planner.fleet.records.plan_record import Plan
from planner.fleet.tasks.reliable import DIFFICULTIES
from planner.fleet.tasks.retries import Tries
from reports.tables.task_even import tables, verdict
from tests.planner.cascade.test_cascade import TASK, asked
from tonnage.cli import main
from tonnage.files import read_record, write_record
from workloads.scenario import Objective, Scenario

RATE = 0.05
"""18 tasks an hour: units are far from full, so that volume matters."""


def question(rate: float = RATE) -> Scenario:
    return asked(rate=rate).model_copy(update={"objective": Objective.RELIABLE_TASK})


@pytest.fixture(scope="module")
def found() -> TaskEven:
    even = task_even(question())
    assert even is not None
    return even


def planned(*, person_usd: float = 5.0, load: float = 1.0) -> Plan:
    """The plan itself, made anew, with all its chains."""
    priced = with_task(question(), lambda task: task.model_copy(update={"person_usd": person_usd}))
    return make_plan(relax.with_load(priced, load))


def test_models_pay_just_above_the_price_of_a_person_and_not_below(found: TaskEven) -> None:
    assert found.person_even_usd is not None
    for factor in (1.02, 1.5, 4.0):
        price = found.person_even_usd * factor
        usd = planned(person_usd=price).cost_usd_per_reliable_task
        assert usd is not None
        assert usd < price
    for factor in (0.25, 0.7, 0.98):
        price = found.person_even_usd * factor
        usd = planned(person_usd=price).cost_usd_per_reliable_task
        assert usd is not None
        assert usd > price


def test_each_price_is_that_of_a_plan_made_for_it(found: TaskEven) -> None:
    for row in found.prices:
        assert row.usd == pytest.approx(
            planned(person_usd=row.person_usd).cost_usd_per_reliable_task, rel=0.01
        )
        assert row.pays == (row.usd < row.person_usd)
    assert [row.usd for row in found.prices] == sorted(row.usd for row in found.prices)


def test_a_plan_says_what_it_costs_where_the_person_asks_less_or_more() -> None:
    rows = [row for row in planned().sensitivity if row.input == "task.person_usd"]
    assert [row.change for row in rows] == ["x 0.25", "x 4"]
    for row, factor in zip(rows, (0.25, 4.0), strict=True):
        made = planned(person_usd=5.0 * factor)
        assert row.usd_per_reliable_task == pytest.approx(made.cost_usd_per_reliable_task, rel=0.01)


def test_each_volume_is_that_of_a_plan_made_for_it(found: TaskEven) -> None:
    for row in found.volumes:
        made = planned(load=row.tasks_per_h / found.tasks_per_h)
        assert row.usd == pytest.approx(made.cost_usd_per_reliable_task, rel=0.01)
        assert made.task is not None
        assert made.task.strongest is not None
        assert row.strongest_usd == pytest.approx(made.task.strongest.usd_per_reliable_task, rel=0.01)
        assert row.strongest_usd is not None
        assert row.usd <= row.strongest_usd * 1.01


def test_chains_begin_to_pay_against_a_person_where_it_says(found: TaskEven) -> None:
    first = found.person_from_tasks_per_h
    assert first is not None
    assert first > 0

    def pays(tasks_per_h: float) -> bool:
        usd = planned(load=tasks_per_h / found.tasks_per_h).cost_usd_per_reliable_task
        return usd is not None and usd < 5.0 * LESS

    assert pays(first * 1.01)
    assert not pays(first / RATIO / 1.01)


def test_all_models_at_that_part_of_their_success_cost_as_much_as_the_person(found: TaskEven) -> None:
    """Chances are summed over tasks by hand, with the tries of the plan at its price of a try."""
    (everybody,) = [one for one in found.successes if one.model is None]
    factor, plan = everybody.even_factor, planned()
    assert factor is not None
    assert plan.task is not None
    tiers = {tier.model: tier for tier in plan.task.tiers}
    (chain,) = plan.task.chains
    spend, right, reached = 0.0, 0.0, [1.0] * DIFFICULTIES
    for step in chain.steps:
        tier = tiers[step.model]
        chances = Tries(mean=tier.success_frac * factor, correlation=tier.correlation_frac).easiest_first(
            DIFFICULTIES
        )
        for _ in range(step.up_to):
            for task, chance in enumerate(chances):
                spend += reached[task] * (tier.usd_per_try + TASK.verifier_usd)
                right += reached[task] * chance * 0.95
                reached[task] *= 1 - (chance * 0.95 + (1 - chance) * 0.1)
    left = sum(reached)
    assert (spend + 5.0 * left) / (right + left) == pytest.approx(5.0, rel=1e-3)


def test_one_model_is_never_needed_more_than_all_together(found: TaskEven) -> None:
    """Where all models may lose so much, one of them alone may lose more."""
    (everybody,) = [one.even_factor for one in found.successes if one.model is None]
    assert everybody is not None
    for one in found.successes:
        if one.model is not None and one.against == "a person" and one.even_factor is not None:
            assert one.even_factor <= everybody * (1 + 1e-6)


def test_dear_machines_against_a_cheap_person_never_pay() -> None:
    cheap = with_task(question(rate=0.001), lambda task: task.model_copy(update={"person_usd": 0.001}))
    even = task_even(cheap)
    assert even is not None
    assert even.person_from_tasks_per_h is None
    assert even.person_even_usd is not None
    assert even.person_even_usd > 0.001
    assert not any(row.pays for row in even.prices)
    assert "more than a person" in verdict(even)


def test_nobody_at_the_end_leaves_the_person_out() -> None:
    alone = with_task(question(), lambda task: task.model_copy(update={"person_usd": None}))
    even = task_even(alone)
    assert even is not None
    assert (even.person_usd, even.person_even_usd, even.prices) == (None, None, ())
    assert even.person_from_tasks_per_h is None
    assert not any("person" in one.against for one in even.successes)
    assert all(table.rows for table in tables(even))


def test_without_tasks_there_is_nothing_to_say() -> None:
    assert task_even(asked(task=None)) is None


def test_the_record_holds_it_and_older_ones_still_load(tmp_path: Path, found: TaskEven) -> None:
    whole = break_even(question())
    assert whole.task == found
    path = tmp_path / "even.json"
    write_record(path, whole)
    assert read_record(path, BreakEven) == whole
    older = json.loads(path.read_text())
    del older["task"]
    path.write_text(json.dumps(older))
    assert read_record(path, BreakEven).task is None


def test_the_terminal_says_what_it_costs(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    assert main(["plan", "examples/support_agent.toml", "--break-even"]) == 0
    shown = capsys.readouterr().out
    assert "A task that ends right costs" in shown
    assert "By what a person asks" in shown
    assert "How often models must succeed" in shown
