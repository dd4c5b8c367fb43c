"""A plan on the terminal: what to run, what it costs, how sure it is, what else, or what to relax."""

from itertools import groupby
from pathlib import PurePath
from statistics import fmean

from rich.table import Table as Grid

from planner.fleet.records.plan_diff import PlanDifference
from planner.fleet.records.plan_record import Plan, Unit
from reports.known import legend
from reports.numbers import chance, count, interval, percent, usd
from reports.tables import decision
from reports.tables.reasons import by_reason
from reports.tables.tasks import against
from reports.terminal.console import console, note, prose, table
from reports.terminal.content import of_content
from reports.terminal.task import chains, solvers
from reports.wording import change, recommendation, slowest_decides, states_limits, verdict
from tonnage.units import HOURS_PER_MONTH, human

SHOWN_REASONS = 6


def show_plan(plan: Plan) -> None:
    """Print the answer to a scenario to stdout."""
    out = console()
    prose(verdict(plan), style="bold")
    prose(recommendation(plan))
    out.print()
    parts: list[Grid | None]
    parts = (
        [_bought(plan), _handed_over(plan), _day(plan), _growth(plan), _felt(plan), *_tasks(plan)]
        if plan.feasible
        else [of_content(decision.relaxations(plan))]
    )
    parts += [
        of_content(decision.binding(plan)) if plan.feasible and plan.binding else None,
        of_content(decision.alternatives(plan), title="The next best that differ in kind")
        if plan.alternatives
        else None,
        of_content(decision.sensitivity(plan)) if plan.sensitivity else None,
        of_content(decision.measuring(plan)) if plan.measuring else None,
        _turned_down(plan) if plan.rejected else None,
    ]
    for part in parts:
        if part is not None and part.row_count:
            out.print(part)
            out.print()
    for line in against(plan.task) if plan.task is not None and plan.task.chains else ():
        prose(line)
    levels = [unit.evidence for unit in plan.units]
    for line in (*([legend(levels)] if levels else []), *plan.assumptions):
        prose(note(line))


def _bought(plan: Plan) -> Grid:
    several = any(unit.purchase != "on-demand" for unit in plan.units)
    grid = table(
        "What to run",
        "!device",
        ">devices",
        "model",
        "format",
        "engine",
        "paid" if several else "cut",
        ">load",
        ">USD/month",
        "known",
    )
    for unit in plan.units:
        grid.add_row(
            _short(unit.device),
            count(unit.count * unit.devices_per_unit),
            unit.model if unit.role == "whole" else f"{unit.model} ({unit.role})",
            unit.weights,
            unit.engine,
            _paid(unit) if several else f"tp{unit.tp} pp{unit.pp}",
            percent(unit.utilization, digits=2),
            usd(unit.usd_per_h * HOURS_PER_MONTH),
            unit.evidence.value,
        )
    for use in plan.api:
        grid.add_row(
            f"API {use.provider}",
            "",
            use.model,
            "",
            "",
            "by use" if several else "",
            "",
            usd(use.usd_per_h * HOURS_PER_MONTH),
            "",
        )
    return grid


def _handed_over(plan: Plan) -> Grid | None:
    """Return which prefill units hand what to which decode units, and how long that takes."""
    if not plan.handovers:
        return None
    over = plan.handovers[0].interconnect
    grid = table(f"Caches that go from prefill to decode over {over}", "from", "to", "of", ">part", ">takes")
    for one in plan.handovers:
        for name, part in one.share.items():
            moved = f"{human(one.moved_s[name], 's')}"
            grid.add_row(one.prefill, one.decode, f"class {name}", percent(part, digits=2), moved)
    return grid


def _paid(unit: Unit) -> str:
    return unit.purchase if unit.term_years is None else f"{unit.purchase} {unit.term_years:g} y"


def _day(plan: Plan) -> Grid | None:
    """Return what runs when; neighbouring periods with the same units stand in one row."""
    if not plan.periods:
        return None
    grid = table("Over time", "from", ">requests/s", ">units", ">to APIs", ">USD/h")
    for units, group in groupby(plan.periods, key=lambda one: one.units):
        same = list(group)
        rates = [one.requests_per_s for one in same]
        low, high = (f"{value:.3g}" for value in (min(rates), max(rates)))
        grid.add_row(
            same[0].label,
            low if low == high else f"{low} to {high}",
            count(units),
            percent(fmean(one.api_frac for one in same), digits=2),
            usd(fmean(one.usd_per_h for one in same)),
        )
    return grid


def _growth(plan: Plan) -> Grid | None:
    if not plan.growth:
        return None
    grid = table("While the load grows", ">month", ">load", ">USD/month", "added for good")
    steps = max(1, (len(plan.growth) - 1) // 6)
    shown = {*range(0, len(plan.growth), steps), len(plan.growth) - 1}
    for place, row in enumerate(plan.growth):
        if place in shown or row.added:
            grid.add_row(
                str(row.month),
                f"× {row.load_factor:.2f}",
                usd(row.cost_usd_per_month),
                "; ".join(row.added),
            )
    return grid


def _short(device: str) -> str:
    """Return a catalog id as it is, a profile by the name of its file."""
    return PurePath(device).name


def _felt(plan: Plan) -> Grid:
    where = ", on the slowest units that serve them" if slowest_decides(plan) else ""
    grid = table(f"What users feel at the peak load{where}", "what", "median and 80 % interval")
    predicted = plan.predicted
    several = len(predicted.by_class) > 1
    for name, felt in predicted.by_class.items() if several else (("", predicted),):
        of = f" of {name}" if several else ""
        if felt.ttft_p95_s is not None:
            grid.add_row(f"time to first token{of}, 95th percentile", interval(felt.ttft_p95_s, "s"))
        if felt.tpot_p95_s is not None:
            grid.add_row(f"time per output token{of}, 95th percentile", interval(felt.tpot_p95_s, "s"))
    if predicted.slo_probability is not None:
        holds = "all limits hold" if states_limits(plan) else "the load is carried"
        grid.add_row(f"probability that {holds}", chance(predicted.slo_probability))
    return grid


def _tasks(plan: Plan) -> tuple[Grid, ...]:
    return () if plan.task is None else (solvers(plan.task), chains(plan.task))


def _turned_down(plan: Plan) -> Grid:
    grid = table(
        f"{count(len(plan.rejected))} candidates turned down, by reason",
        ">candidates",
        "why, e.g.",
        "such as",
    )
    for group in by_reason(plan.rejected, lambda one: one.why)[:SHOWN_REASONS]:
        grid.add_row(count(len(group)), group[0].why, group[0].candidate)
    return grid


def show_difference(difference: PlanDifference) -> None:
    """Print what changed from one plan to another to stdout."""
    out = console()
    before, after = difference.cost_usd_per_month_before, difference.cost_usd_per_month_after
    moved = change(after, before) if before is not None and after is not None else ""
    out.print(f"{usd(before)} to {usd(after)} a month  {moved}".rstrip(), style="bold")
    grid = table("", "what", ">before", ">after")
    for row in difference.rows:
        grid.add_row(row.what, row.before, row.after)
    out.print(grid if difference.rows else note("Nothing else changed."))
