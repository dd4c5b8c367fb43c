"""The sections on right ends and on self-host or API: they hold what the records hold."""

from pathlib import Path

import pytest

from planner.break_even.make import break_even
from planner.fleet.plan import make_plan
from planner.fleet.records.plan_record import Plan
from reports.content import Picture, Table
from reports.document import compose
from reports.figures.break_even import describe
from reports.sources import Sources
from reports.terminal.break_even import verdict
from reports.wording import recommendation
from tests.laws.test_reliable_tasks import asked, task
from tonnage.cli import main
from tonnage.files import write_record
from workloads.scenario import Objective


@pytest.fixture(scope="module")
def plan() -> Plan:
    return make_plan(asked(task()))


def tables(plan: Plan, title: str) -> dict[str, Table]:
    sections = {one.title: one for one in compose(Sources(plan=plan)).sections}
    return {one.title: one for one in sections[title].blocks if isinstance(one, Table)}


def test_where_the_money_goes_adds_up_to_the_cost_of_a_right_end(plan: Plan) -> None:
    rows = tables(plan, "What a right end costs")["Where the money goes"].rows
    amounts = [float(row[2].replace("$", "").replace(",", "")) for row in rows]
    assert amounts[-1] == pytest.approx(sum(amounts[:-1]), rel=0.01)
    assert amounts[-1] == pytest.approx(plan.cost_usd_per_reliable_task, rel=0.01)


def test_every_way_in_which_tasks_end_is_in_the_table_and_they_sum_to_all(plan: Plan) -> None:
    rows = tables(plan, "What a right end costs")["Who solves what"].rows
    shares = [float(row[4].removesuffix(" %")) for row in rows]
    assert sum(shares) == pytest.approx(100.0, abs=1.5)


def test_the_first_page_says_what_a_right_end_costs(plan: Plan) -> None:
    assert "A task that ends right costs" in recommendation(plan)
    assert "a right end" in recommendation(plan)


def test_a_plan_without_tasks_has_neither_section() -> None:
    plain = asked(task()).model_copy(update={"task": None, "objective": Objective.COST})
    titles = {one.title for one in compose(Sources(plan=make_plan(plain))).sections}
    assert not titles & {"What a right end costs", "Self-host or API"}


def test_the_report_takes_a_break_even_and_refuses_another_file(plan: Plan, tmp_path: Path) -> None:
    of = asked(task())
    hosted = of.candidates.model_copy(update={"models": (*(of.candidates.models or ()), "gpt-4.1")})
    found = break_even(of.model_copy(update={"candidates": hosted}))
    assert found.curve
    document = compose(Sources(plan=plan, break_even=found))
    (section,) = (one for one in document.sections if one.title == "Self-host or API")
    assert section.lead == f"{verdict(found)}."
    (picture,) = (one for one in section.blocks if isinstance(one, Picture))
    assert picture.alt == describe(found)
    plans, evens = tmp_path / "plan.json", tmp_path / "even.json"
    write_record(plans, plan)
    write_record(evens, found)
    page = tmp_path / "r.html"
    made = ["report", str(plans), "-o", str(tmp_path / "r.pdf"), "--html", str(page)]
    assert main([*made, "--break-even", str(evens)]) == 0
    assert "Self-host or API" in page.read_text()
    assert main([*made, "--break-even", str(plans)]) == 2
