"""What a simulation says of a plan: each limit as it was met, and how often all of them would be."""

from planner.fleet.records.check_record import LimitCheck, PlanCheck
from planner.fleet.records.plan_record import Plan
from reports.content import Table, headings
from reports.numbers import UNKNOWN, count, percent, quantity
from reports.wording import limit_name


def simulated(plan: Plan, check: PlanCheck) -> Table:
    """Tabulate the limits of a plan as a simulation of it met them; the note says how often all hold."""
    rows = [
        (row.class_name, limit_name(row.limit), quantity(row.allowed_s, "s"), *_measured(row))
        for row in check.limits
    ]
    columns = headings("Traffic class", "Service level", ">Limit", ">Simulated", ">±", "Verdict")
    title = f"Simulated with {check.replications} × {count(check.requests)} requests"
    return Table(columns=columns, rows=tuple(rows), title=title, note=in_words(plan, check))


def _measured(row: LimitCheck) -> tuple[str, str, str]:
    verdict = "holds" if row.holds else "MISSED"
    if row.simulated_s is None:
        return UNKNOWN, "", verdict
    return quantity(row.simulated_s, "s"), "" if row.ci95_s is None else quantity(row.ci95_s, "s"), verdict


def in_words(plan: Plan, check: PlanCheck) -> str:
    """Return what the simulation changed, and how often every limit held under drawn errors."""
    if check.holds is None:
        return f"Not simulated: {check.why_not}."
    said = "" if check.why_not is None else f"It cannot keep up: {check.why_not}. "
    if check.held_frac is None:
        return f"{said}Errors of the prediction were not drawn."
    if check.headroom > 1:
        said += f"Units are sized for {check.headroom:.2f} times the load, since fewer broke a limit. "
    said += (
        f"With step times off by errors drawn from the prediction's own intervals, every limit held in "
        f"{percent(check.held_frac, digits=2)} of {check.draws} runs"
    )
    chance = plan.predicted.slo_probability
    return f"{said}." if chance is None else f"{said}; the plan itself says {percent(chance, digits=2)}."
