"""Cascades on the terminal: who tries first, who solves what, and what a right end costs."""

from planner.cascade.record import Cascade, Cascades
from reports.numbers import percent, usd
from reports.terminal.console import console, note, prose, table


def show_cascades(found: Cascades) -> None:
    """Print the ranking to stdout, then who solves what in the best one."""
    out = console()
    if not found.ranked:
        out.print("No chain of models can be priced", style="bold")
    else:
        best = found.ranked[0]
        out.print(f"{chain(best)}: {usd(best.usd_per_reliable_task)} a task that ends right", style="bold")
        for line in _against(found, best):
            prose(line)
        out.print()
        out.print(_steps(best, found.person_usd))
        out.print()
        out.print(_ranking(found))
        out.print()
    for line in found.notes:
        prose(note(line))
    if found.unknown:
        prose(note(f"No success is published for {', '.join(found.unknown)}."))


def chain(one: Cascade) -> str:
    """Return the models in their order, with how often each may try."""
    return ", then ".join(
        f"{step.model} × {step.up_to}" if step.up_to > 1 else step.model for step in one.steps
    )


def _against(found: Cascades, best: Cascade) -> list[str]:
    lines = []
    if found.strongest is not None and found.strongest != best:
        lines.append(
            f"The model that solves most, {chain(found.strongest)} alone, costs "
            f"{usd(found.strongest.usd_per_reliable_task)}."
        )
    if found.person_usd is not None and best.break_even_person_usd is not None:
        lines.append(
            f"A person alone costs {usd(found.person_usd)}; the models pay off where one asks more than "
            f"{usd(best.break_even_person_usd)}."
        )
    return lines


def _steps(best: Cascade, person_usd: float | None) -> object:
    grid = table("Who solves what", "asked in turn", ">one try", ">tries", ">solves", "runs on")
    for step in best.steps:
        grid.add_row(
            step.model,
            percent(step.success_frac, digits=2),
            f"{step.tries_per_task:.2f}",
            percent(step.solved_frac, digits=2),
            step.runs_on,
        )
    left = "a person" if person_usd is not None else "stays open"
    grid.add_row(left, "", "", percent(best.left_frac, digits=2), "")
    grid.add_row("ends wrong, taken for right", "", "", percent(best.wrong_frac, digits=2), "")
    return grid


def _ranking(found: Cascades) -> object:
    grid = table(
        f"The best of {found.considered} chains",
        "chain",
        ">USD a right end",
        ">ends right",
        ">machines, USD/h",
    )
    for one in found.ranked:
        grid.add_row(
            chain(one),
            usd(one.usd_per_reliable_task),
            percent(one.reliable_frac, digits=2),
            usd(one.machines_usd_per_h),
        )
    return grid
