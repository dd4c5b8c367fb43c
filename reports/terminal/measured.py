"""Imported measurements on the terminal: what was measured, and what was left out."""

from planner.imports.measured import Measured, Run
from planner.imports.thin import by_law
from reports.numbers import UNKNOWN
from reports.terminal.console import console, note, table
from tonnage.units import human

_MOST_RUNS = 40


def show_measured(measured: Measured) -> None:
    """Print runs and kernels of an import to stdout."""
    out = console()
    if measured.runs:
        grid = table("Measured runs", "!deployment", ">load", ">TTFT", ">TPOT", ">tokens/s", ">requests/s")
        for run in measured.runs[:_MOST_RUNS]:
            grid.add_row(*_row(run))
        out.print(grid)
        if len(measured.runs) > _MOST_RUNS:
            out.print(note(f"{len(measured.runs) - _MOST_RUNS} more runs"))
        for line in dict.fromkeys(line for run in measured.runs for line in run.notes):
            out.print(note(line))
    if measured.kernels:
        grid = table(f"Measured kernels of {measured.device}", "!kernel", "!format", "!backend", ">shapes")
        for (kernel, backend, dtype, form), group in by_law(measured.kernels).items():
            grid.add_row(kernel, form or dtype, backend, str(len(group)))
        out.print(grid)
    for line in measured.notes:
        out.print(note(line))


def _row(run: Run) -> tuple[str, ...]:
    case, found = run.case, run.measured
    load = {"closed": f"{case.concurrency} users", "saturated": "queued"}.get(
        case.load.value, f"{case.requests_per_s:g}/s" if case.requests_per_s else UNKNOWN
    )
    where = f"{case.model} {case.weights} on {case.devices} × {case.device}"
    return (
        where,
        f"{load}, {case.isl:g} in, {case.osl:g} out",
        human(found.ttft_s, "s") if found.ttft_s else UNKNOWN,
        human(found.tpot_s, "s") if found.tpot_s else UNKNOWN,
        f"{found.output_tokens_per_s:.4g}" if found.output_tokens_per_s else UNKNOWN,
        f"{found.requests_per_s:.4g}" if found.requests_per_s else UNKNOWN,
    )
