import doctest

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.fleet.records.check_record import LimitCheck, PlanCheck
from planner.fleet.records.plan_record import ClassPredicted, Plan, Rejected
from reports.content import Table
from reports.numbers import interval
from reports.sections.service import build as build_service
from reports.sources import Sources
from reports.tables import decision, fleet, handovers, machine, method, reasons, service
from reports.tables.simulated import simulated
from tests.reports import samples
from tests.strategies import records
from tonnage.evidence import Evidence, Quantiles
from tonnage.files import write_record
from workloads.scenario import Slo

OF_A_PLAN = (
    fleet.units, fleet.apis, fleet.load, fleet.costs, fleet.prices, service.traffic, service.levels,
    decision.alternatives, decision.binding, decision.relaxations, decision.sensitivity, decision.measuring,
    decision.rejected,
    handovers.handovers,
)  # fmt: skip


def check(table: Table) -> None:
    assert all(len(row) == len(table.columns) for row in table.rows)


@pytest.mark.parametrize("module", [fleet, reasons])
def test_the_examples_in_the_docstrings_hold(module):
    assert doctest.testmod(module).failed == 0


@given(records(Plan))
def test_every_row_of_any_plan_has_a_cell_for_every_column(plan):
    for build in OF_A_PLAN:
        check(build(plan))
    check(method.legend(Sources(plan=plan)))


LIMITS = st.builds(
    LimitCheck,
    class_name=st.text(),
    limit=st.sampled_from(sorted(Slo.model_fields)),
    allowed_s=st.floats(1e-6, 1e3),
    simulated_s=st.none() | st.floats(0, 1e6),
    ci95_s=st.none() | st.floats(0, 1e3),
    holds=st.booleans(),
)


@given(st.lists(LIMITS, max_size=5), st.none() | st.floats(0, 1), st.floats(1, 3))
def test_every_limit_of_any_check_has_a_row_and_says_whether_it_held(rows, held_frac, headroom):
    checked = PlanCheck(
        holds=all(row.holds for row in rows),
        limits=tuple(rows),
        draws=20,
        held_frac=held_frac,
        headroom=headroom,
    )
    table = simulated(samples.full_plan(), checked)
    check(table)
    assert [row[-1] == "holds" for row in table.rows] == [limit.holds for limit in checked.limits]


def test_a_checked_plan_shows_its_simulation_in_the_section_of_service_levels():
    limit = LimitCheck(class_name="chat", limit="ttft_p95_s", allowed_s=0.5, simulated_s=0.61, holds=False)
    checked = PlanCheck(
        holds=False, limits=(limit,), draws=20, held_frac=0.4, requests=20_000, replications=3
    )
    plan = samples.full_plan().model_copy(update={"check": checked})
    tables = [block for block in build_service(Sources(plan=plan)).blocks if isinstance(block, Table)]
    (shown,) = [table for table in tables if table.title.startswith("Simulated")]
    assert shown.rows[0][3:] == ("610 ms", "", "MISSED")
    assert "40 % of 20 runs" in shown.note and "76 %" in shown.note


def test_every_row_of_a_profile_has_a_cell_for_every_column():
    profile = samples.profile()
    for table in (machine.facts(profile.machine), machine.ceilings(profile), machine.laws(samples.model())):
        check(table)
        assert table.rows
    for table in (
        machine.conditions(profile.conditions),
        machine.skipped(profile),
        machine.unstable(profile),
    ):
        check(table)
        assert table.rows


def test_the_last_line_of_the_bill_is_the_sum_of_the_others():
    bill = fleet.costs(samples.full_plan())
    assert bill.total
    hourly = [float(row[4].strip("$")) for row in bill.rows]
    assert hourly[-1] == pytest.approx(sum(hourly[:-1]), abs=0.005 * len(hourly))


def test_every_level_of_evidence_has_its_line_in_the_legend():
    rows = method.legend(Sources(plan=samples.full_plan(), profile=samples.profile())).rows
    assert [row[0] for row in rows] == [level.value for level in Evidence]
    uses = {row[0]: row[2] for row in rows}
    assert "A" in uses["transferred"]
    assert "B" in uses["extrapolated"]
    assert "ceilings" in uses["measured"]


def test_a_time_in_milliseconds_is_no_other_reason_than_one_in_seconds():
    said = [
        "takes 754 ms, above 50 ms",
        "needs 3.4 GB of 1 MB",
        "takes 1.5 s, above 2 s",
        "needs 3 kB of 4 GB",
    ]
    assert [len(group) for group in reasons.by_reason(said, str)] == [2, 2]
    assert len(reasons.by_reason(["3 GB", "3 s", "3 seats"], str)) == 3


@given(st.lists(st.tuples(st.sampled_from(["needs {} GiB", "slower than {} ms"]), st.integers(0, 9999))))
def test_grouping_by_reason_loses_nobody_and_ignores_numbers(drawn):
    turned_down = [Rejected(candidate="c", why=text.format(number)) for text, number in drawn]
    groups = reasons.by_reason(turned_down, lambda one: one.why)
    assert sum(map(len, groups)) == len(turned_down)
    assert len(groups) == len({text for text, _ in drawn})


@pytest.mark.parametrize(
    ("limit", "verdict"),
    [(4.0, "holds"), (2.5, "probably holds"), (1.5, "probably missed"), (0.5, "missed")],
)
def test_a_limit_is_judged_by_where_it_cuts_the_interval(limit, verdict):
    assert service.judged(Quantiles(p10=1.0, p50=2.0, p90=3.0), limit) == verdict


def test_the_fingerprint_is_that_of_the_file(tmp_path):
    import hashlib

    plan = samples.full_plan()
    write_record(tmp_path / "plan.json", plan)
    digest = hashlib.sha256((tmp_path / "plan.json").read_bytes()).hexdigest()
    assert dict(method.fingerprints(Sources(plan=plan)))["plan.json"] == digest


def test_each_class_is_held_against_its_own_limits_by_its_own_prediction():
    plan = samples.full_plan()
    slow, fast = (Quantiles(p10=at * 0.9, p50=at, p90=at * 1.1) for at in (1.0, 0.1))
    each = {"chat": ClassPredicted(ttft_p95_s=fast), "batch": ClassPredicted(ttft_p95_s=slow)}
    predicted = plan.predicted.model_copy(update={"ttft_p95_s": slow, "by_class": each})
    rows = service.levels(plan.model_copy(update={"predicted": predicted})).rows
    first = {row[0]: row for row in rows if "first token" in row[1]}
    assert [first[name][3] for name in each] == [interval(fast, "s"), interval(slow, "s")]
    assert [first[name][4] for name in each] == ["holds", "holds"]


def test_laws_of_few_shapes_show_no_error_of_shapes_left_out():
    (law, *_) = samples.model().laws
    for shapes, shown in ((2, False), (3, True)):
        one = law.model_copy(
            update={"n_shapes": shapes, "loo_median_error_frac": 9.0, "loo_p90_error_frac": 12.0}
        )
        (row,) = machine.laws(samples.model().model_copy(update={"laws": (one,)})).rows
        assert ("900 %" in row and "1200 %" in row) is shown
