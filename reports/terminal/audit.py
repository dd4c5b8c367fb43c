"""An audit on the terminal: what runs, how far it carries, what breaks next and when."""

from rich.table import Table as Grid

from planner.audit.audit_record import Audit, AuditedUnit
from reports.numbers import UNKNOWN, percent, usd
from reports.terminal.console import console, note, prose, table
from tonnage.units import HOURS_PER_MONTH


def show_audit(audit: Audit) -> None:
    """Print an audit to stdout."""
    out = console()
    out.print(_verdict(audit), style="bold")
    prose(_headroom(audit))
    out.print()
    out.print(_units(audit))
    out.print()
    for unit in audit.units:
        for name, reason in unit.why_not.items():
            prose(note(f"{unit.label} cannot serve class '{name}': {reason}."))
    for line in (*_next(audit), *_money(audit)):
        prose(line)
    out.print()
    for line in audit.notes:
        prose(note(line))


def _verdict(audit: Audit) -> str:
    name = audit.name or "This fleet"
    if audit.holds:
        return f"{name} carries its load"
    if audit.carries is not None and audit.carries.p50 >= 1:
        return f"{name} carries its load, but not as surely as asked"
    return f"{name} does not carry its load"


def _headroom(audit: Audit) -> str:
    if audit.carries is None:
        return "No unit can serve some class of the scenario under its limits."
    reach = f"{audit.carries.p50:.2f} times the load of today"
    if audit.carries.p10 < audit.carries.p90:
        reach += f" (80 % interval {audit.carries.p10:.2f} to {audit.carries.p90:.2f})"
    surely = f"with probability {audit.scenario.confidence:g}, {audit.carries_surely:.2f} times"
    said = f"It carries {reach}; {surely}."
    if audit.slo_probability is not None:
        said += f" Every limit holds today with probability {percent(audit.slo_probability, digits=2)}."
    return said


def _units(audit: Audit) -> Grid:
    grid = table(
        "What runs",
        "units",
        ">count",
        ">needed",
        ">load",
        ">TTFT p95",
        ">TPOT p95",
        ">memory",
        ">USD/month",
        "known",
    )
    for unit in audit.units:
        grid.add_row(*_row(unit))
    return grid


def _row(unit: AuditedUnit) -> tuple[str, ...]:
    return (
        unit.label.replace(" on ", "\non ").replace(" x ", " x\n"),
        str(unit.count),
        UNKNOWN if unit.needed is None else str(unit.needed),
        UNKNOWN if unit.utilization is None else percent(unit.utilization, digits=2),
        *(UNKNOWN if t is None else _median(t.p50) for t in (unit.ttft_p95_s, unit.tpot_p95_s)),
        UNKNOWN if unit.memory_frac is None else percent(unit.memory_frac, digits=2),
        UNKNOWN if unit.usd_per_h is None else usd(unit.usd_per_h * HOURS_PER_MONTH),
        unit.evidence.value,
    )


def _median(seconds: float) -> str:
    return f"{seconds * 1e3:.3g} ms" if seconds < 1 else f"{seconds:.3g} s"


def _next(audit: Audit) -> list[str]:
    lines = []
    for one in audit.bottlenecks[:2]:
        what = "requests would wait without bound" if one.limit == "queue" else f"{one.limit} breaks"
        bound = f", bound by {one.bound.value}" if one.bound is not None else ""
        lines.append(
            f"Next bottleneck: {one.unit}, class '{one.class_name}': {what}{bound}. "
            f"One more unit carries {percent(one.one_more_unit_adds_frac, digits=2)} more of today's load."
        )
    if audit.growth_per_month is not None and audit.breaks_in_months is not None:
        growth = percent(audit.growth_per_month, digits=2)
        if audit.breaks_in_months == 0:
            lines.append(f"The load is more than it carries already, and grows by {growth} a month.")
        elif not audit.breaks_surely_in_months:
            lines.append(
                f"At {growth} a month it breaks in {audit.breaks_in_months:.1f} months by the median."
            )
        else:
            lines.append(
                f"At {growth} a month it breaks in {audit.breaks_in_months:.1f} months by the median; "
                f"it stays as sure as asked for {audit.breaks_surely_in_months:.1f} months."
            )
    return lines


def _money(audit: Audit) -> list[str]:
    lines = []
    if audit.waste_usd_per_month is not None and audit.usd_per_month is not None:
        if audit.waste_usd_per_month > 0:
            spared = ", ".join(
                f"{unit.count - (unit.needed or 0)} of {unit.label}"
                for unit in audit.units
                if unit.needed is not None and unit.needed < unit.count
            )
            lines.append(
                f"Waste: {usd(audit.waste_usd_per_month)} of {usd(audit.usd_per_month)} a month; "
                f"the load does not need {spared}."
            )
        else:
            lines.append(f"Waste: none; {usd(audit.usd_per_month)} a month, and every unit is needed.")
    if audit.alternative is not None and audit.alternative_usd_per_month is not None:
        lines.append(
            f"Chosen anew, the same load costs {usd(audit.alternative_usd_per_month)} a month: "
            f"{audit.alternative}."
        )
    return lines
