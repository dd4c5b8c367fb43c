"""What a simulation says about a plan, on the terminal: each limit as it was met."""

from planner.fleet.check_record import LimitCheck, PlanCheck
from planner.fleet.plan_record import Plan
from reports.console import console, note, prose, table
from reports.numbers import UNKNOWN, percent, quantity


def show_check(plan: Plan) -> None:
    """Print the limits of a checked plan to stdout; nothing if nobody asked for a check."""
    check = plan.check
    if check is None:
        return
    out = console()
    if check.holds is None:
        prose(note(f"Not simulated: {check.why_not}."))
        return
    grid = table(
        f"Simulated with {check.replications} x {check.requests:,} requests",
        "class",
        "!limit",
        ">allowed",
        ">simulated",
        ">±",
        "holds",
    )
    for row in check.limits:
        grid.add_row(row.class_name, row.limit, quantity(row.allowed_s, "s"), *_measured(row))
    out.print()
    out.print(grid)
    out.print()
    if check.why_not is not None:
        prose(note(f"It cannot keep up: {check.why_not}."))
    prose(note(_in_words(plan, check)))


def _measured(row: LimitCheck) -> tuple[str, str, str]:
    holds = "yes" if row.holds else "NO"
    if row.simulated_s is None:
        return UNKNOWN, "", holds
    return quantity(row.simulated_s, "s"), "" if row.ci95_s is None else quantity(row.ci95_s, "s"), holds


def _in_words(plan: Plan, check: PlanCheck) -> str:
    if check.held_frac is None:
        return "Errors of the prediction were not drawn."
    bought = (
        f"Units are sized for {check.headroom:.2f} times the load, since fewer broke a limit. "
        if check.headroom > 1
        else ""
    )
    said = bought + (
        f"With step times off by errors drawn from the prediction's own intervals, every limit held in "
        f"{percent(check.held_frac, digits=2)} of {check.draws} runs"
    )
    chance = plan.predicted.slo_probability
    return f"{said}; the plan itself says {percent(chance, digits=2)}." if chance is not None else f"{said}."
