"""A cost model on the terminal: one law a line, with the error on shapes that were left out."""

from rich.table import Table

from planner.laws.cost_model import CostModel, Law
from reports.numbers import UNKNOWN
from reports.terminal.console import console, note, table
from tonnage.units import gib, human


def show_cost_model(model: CostModel) -> None:
    """Print the ceilings and laws of a fitted machine to stdout."""
    out = console()
    out.print(f"{model.name}: {gib(model.memory_bytes)}, {human(model.memory_bandwidth_bytes_per_s, 'B/s')}")
    grid = table(
        "Laws",
        "!kernel",
        "!format",
        "!backend",
        ">overhead",
        ">compute",
        ">memory",
        ">shapes",
        ">error",
        ">p90",
    )
    for law in sorted(model.laws, key=lambda law: (law.kernel, law.dtype, law.format or "", law.backend)):
        grid.add_row(*_row(law))
    if model.laws:
        out.print(grid)
        out.print(
            note(
                "error: median of |predicted / measured - 1| when the shape was not in the fit; "
                "a longer bench has more shapes"
            )
        )
    if model.tables:
        out.print(_tables(model))
        out.print(note("one sigma: of a shape that is not on the table, from each inner one left out"))
    for line in model.notes:
        out.print(note(line))


def _tables(model: CostModel) -> Table:
    """List the tabled kernels, which switch code with their shape."""
    grid = table(
        "Tables of llama.cpp's graph nodes", "!kernel", "!format", "!backend", ">shapes", ">one sigma"
    )
    for one in sorted(model.tables, key=lambda one: (one.kernel, one.format or "")):
        cells = (
            one.kernel,
            one.format or "-",
            one.backend,
            str(one.n_shapes),
            f"{100 * one.sigma_log:.0f} %",
        )
        grid.add_row(*cells)
    return grid


def _row(law: Law) -> tuple[str, ...]:
    return (
        law.kernel,
        law.format or law.dtype,
        law.backend,
        human(law.overhead_s, "s"),
        human(law.peak_flop_per_s, "FLOP/s") if law.peak_flop_per_s else "-",
        human(law.bandwidth_bytes_per_s, "B/s") if law.bandwidth_bytes_per_s else "-",
        str(law.n_shapes),
        *(_left_out(law, share) for share in (law.loo_median_error_frac, law.loo_p90_error_frac)),
    )


def _left_out(law: Law, share: float | None) -> str:
    return _percent(share) if law.is_checked else "few shapes"


def _percent(share: float | None) -> str:
    return UNKNOWN if share is None else f"{100 * share:.1f} %"
