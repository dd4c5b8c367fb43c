"""What a simulation says about a plan, on the terminal: each limit as it was met."""

from planner.fleet.records.plan_record import Plan
from reports.tables.simulated import in_words, simulated
from reports.terminal.console import console, note, prose
from reports.terminal.content import of_content


def show_check(plan: Plan) -> None:
    """Print the limits of a checked plan to stdout; nothing if nobody asked for a check."""
    check = plan.check
    if check is None:
        return
    console().print()
    if check.holds is not None:
        console().print(of_content(simulated(plan, check)))
        console().print()
    prose(note(in_words(plan, check)))
