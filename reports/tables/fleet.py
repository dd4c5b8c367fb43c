"""What a plan buys: what runs, how loaded it is, what it costs."""

from dataclasses import dataclass
from string import ascii_uppercase

from planner.fleet.records.plan_record import ApiUse, Plan, Unit
from reports.content import Table, headings
from reports.names import device_name, model_name
from reports.numbers import UNKNOWN, count, interval, percent, usd, usd_column
from reports.wording import hardware, joined, role
from tonnage.units import HOURS_PER_MONTH, gib

NONE = "–"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of the bill, under the letter by which every table and figure calls it."""

    letter: str
    label: str
    usd_per_h: float
    share: dict[str, float]
    unit: Unit | None = None
    api: ApiUse | None = None


def lines(plan: Plan) -> tuple[Line, ...]:
    """Return units and APIs in the order of the plan, lettered A, B, ..."""
    entries: list[Unit | ApiUse] = [*plan.units, *plan.api]
    return tuple(_line(letter_of(index), entry) for index, entry in enumerate(entries))


def _line(letter: str, entry: Unit | ApiUse) -> Line:
    if isinstance(entry, Unit):
        label = f"{hardware(entry)}, {model_name(entry.model)}{role(entry)}"
        return Line(letter=letter, label=label, usd_per_h=entry.usd_per_h, share=entry.share, unit=entry)
    label = f"{model_name(entry.model)} at {entry.provider}"
    return Line(letter=letter, label=label, usd_per_h=entry.usd_per_h, share=entry.share, api=entry)


def letter_of(index: int) -> str:
    """Return A ... Z, AA, AB ... for 0, 1, ...

    Examples
    --------
    >>> letter_of(0), letter_of(25), letter_of(26)
    ('A', 'Z', 'AA')
    """
    high, low = divmod(index, 26)
    return (ascii_uppercase[high - 1] if high else "") + ascii_uppercase[low]


def units(plan: Plan) -> Table:
    """Tabulate what runs on what."""
    rows = [
        (
            line.letter,
            device_name(unit.device),
            model_name(unit.model),
            unit.weights,
            unit.engine,
            cut(unit),
            shares(unit.share),
            count(unit.count),
            count(unit.count * unit.devices_per_unit),
        )
        for line in lines(plan)
        if (unit := line.unit) is not None
    ]
    columns = headings(
        "", "Device", "Model", "!Format", "!Engine", "!Split", "Serves", ">Units", ">Devices"
    )  # fmt: skip
    return Table(columns=columns, rows=tuple(rows), title="What runs")


def cut(unit: Unit) -> str:
    """Return how a unit cuts its model over devices, and its role if it has but one."""
    parts = [f"TP {unit.tp}"] * (unit.tp > 1) + [f"PP {unit.pp}"] * (unit.pp > 1)
    if not parts and unit.devices_per_unit > 1:
        parts = [f"{unit.devices_per_unit} replicas"]
    if unit.role != "whole":
        parts.append(unit.role)
    return " · ".join(parts) or NONE


def apis(plan: Plan) -> Table:
    """Tabulate the hosted APIs that take part of the traffic."""
    rows = [
        (line.letter, use.provider, model_name(use.model), shares(use.share), use.price_as_of or UNKNOWN)
        for line in lines(plan)
        if (use := line.api) is not None
    ]
    columns = headings("", "Provider", "Model", "Serves", "!Price as of")
    return Table(columns=columns, rows=tuple(rows), title="Hosted APIs")


def shares(share: dict[str, float]) -> str:
    """Return which part of which class goes there."""
    parts = [f"{percent(frac)} of {name}" for name, frac in share.items() if frac > 0]
    return joined(parts) or "spare"


def load(plan: Plan) -> Table:
    """Tabulate how much of its capacity each kind of unit uses, and how that is known."""
    rows = [
        (
            line.letter,
            capacities(unit),
            percent(unit.utilization),
            gib(unit.memory_bytes),
            interval(unit.ttft_s, "s") if unit.ttft_s else NONE,
            interval(unit.tpot_s, "s") if unit.tpot_s else NONE,
            unit.evidence.value,
        )
        for line in lines(plan)
        if (unit := line.unit) is not None
    ]
    columns = headings(
        "", "Requests/s of one unit", ">Load", ">Memory/device", ">TTFT, mean", ">TPOT, mean", "*Evidence"
    )
    note = (
        "Requests/s: what one unit serves under the limits. Load: of all units, spare ones included. "
        "Times: median and 80 % interval at the planned peak load."
    )
    if plan.handovers:
        note += " That of a prefill unit to the first token holds the cache's way and the decode unit's part."
    return Table(columns=columns, rows=tuple(rows), title="How loaded it is", note=note)


def capacities(unit: Unit) -> str:
    """Return the largest rate of one unit per class under its limits."""
    known = unit.capacity_requests_per_s
    if not known:
        return UNKNOWN
    if len(known) == 1:
        return count(next(iter(known.values())))
    return ", ".join(f"{name} {count(rate)}" for name, rate in known.items())


def costs(plan: Plan) -> Table:
    """Tabulate the bill, line by line, with where each price comes from."""
    bill = lines(plan)
    words = [(line.letter, line.label, *_paid_as(line)) for line in bill]
    hourly = [line.usd_per_h for line in bill]
    monthly = [amount * HOURS_PER_MONTH for amount in hourly]
    total = len(bill) > 1
    if total:
        words.append(("", "Total", "", ""))
        hourly.append(sum(hourly))
        monthly.append(sum(monthly))
    rows = tuple(
        (*text, per_h, per_month)
        for text, per_h, per_month in zip(words, usd_column(hourly), usd_column(monthly), strict=True)
    )
    columns = headings("", "Line", "!Paid as", "Price basis", ">USD/h", ">USD/month")
    return Table(columns=columns, rows=rows, title="The bill", total=total, note="A month has 730 hours.")


def _paid_as(line: Line) -> tuple[str, str]:
    if line.unit is not None:
        return line.unit.purchase, line.unit.price_basis or UNKNOWN
    as_of = line.api.price_as_of if line.api is not None else None
    return "per token", f"list price of {as_of}" if as_of else UNKNOWN


def prices(plan: Plan) -> Table:
    """Tabulate what the plan costs per hour, month, million tokens and task."""
    budget = plan.scenario.budget.usd_per_month
    amounts = [
        ("per hour", plan.cost_usd_per_h),
        ("per month of 730 hours", plan.cost_usd_per_month),
        ("monthly budget", budget),
        ("per million tokens, in and out together", plan.cost_usd_per_mtok),
        ("per task that ends reliably done", plan.cost_usd_per_reliable_task),
    ]
    rows = tuple((label, usd(amount)) for label, amount in amounts if amount is not None)
    return Table(columns=headings("Cost", ">USD"), rows=rows)
