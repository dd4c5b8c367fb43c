"""Why this plan: what binds, what would flip it, what else there is, what was turned down."""

from planner.fleet.records.plan_record import Plan
from reports.content import Table, headings
from reports.names import in_words
from reports.numbers import count, quantity, usd
from reports.tables.reasons import by_reason, few
from reports.wording import bought, change

MAX_REASONS = 12
NONE = "–"
INPUTS = {
    "traffic.requests_per_s": "requests per second",
    "traffic.prompt_tokens": "tokens in a prompt",
    "traffic.output_tokens": "tokens of an answer",
    "quality.mmlu_min": "least MMLU",
}
"""Keys of a scenario as people say them."""


def alternatives(plan: Plan) -> Table:
    """Tabulate the next best plans that differ in kind, dearest last, below the chosen one."""
    reference = plan.cost_usd_per_month
    priced = any(one.usd_per_reliable_task is not None for one in plan.alternatives)
    right = (usd(plan.cost_usd_per_reliable_task),) if priced else ()
    chosen = ("This plan", *right, usd(reference), "", "") if reference is not None else None
    rows = [
        (
            bought(one),
            *((usd(one.usd_per_reliable_task),) if priced else ()),
            usd(one.cost_usd_per_month),
            change(one.cost_usd_per_month, reference) if reference is not None else NONE,
            in_words(one.why) if one.why else NONE,
        )
        for one in sorted(
            plan.alternatives, key=lambda one: one.usd_per_reliable_task or one.cost_usd_per_month
        )
    ]
    columns = headings(
        "Plan", *([">USD a right end"] if priced else []), ">USD/month", ">Difference", "Remark"
    )
    return Table(columns=columns, rows=((chosen, *rows) if chosen else tuple(rows)))


def binding(plan: Plan) -> Table:
    """Tabulate the constraints that decide the plan, with their shadow prices where there are any."""
    priced = any(one.usd_per_h_per_unit is not None for one in plan.binding)
    rows = [
        (
            in_words(one.constraint),
            in_words(one.detail),
            *((_price(one.usd_per_h_per_unit),) if priced else ()),
        )
        for one in plan.binding
    ]
    columns = headings("Constraint", "How it binds", *([">Worth, USD/h per unit"] if priced else []))
    return Table(columns=columns, rows=tuple(rows), title="What binds")


def _price(usd_per_h: float | None) -> str:
    return NONE if usd_per_h is None else usd(usd_per_h)


def relaxations(plan: Plan) -> Table:
    """Tabulate the smallest change of each limit that would make a plan possible."""
    rows = [
        (
            in_words(one.constraint),
            _limit(one.current, one.unit),
            _limit(one.needed, one.unit),
            in_words(one.detail) if one.detail else NONE,
        )
        for one in plan.relaxations
    ]
    columns = headings("Limit", ">Asked for", ">Possible from", "Then")
    return Table(columns=columns, rows=tuple(rows), title="Smallest relaxations, each on its own")


def _limit(value: float | None, unit: str) -> str:
    if value is None:
        return NONE
    return quantity(value, "s") if unit == "s" else f"{count(value)} {unit}".strip()


def sensitivity(plan: Plan) -> Table:
    """Tabulate what happens to the plan when one input moves."""
    reference = plan.cost_usd_per_month
    priced = any(one.usd_per_reliable_task is not None for one in plan.sensitivity)
    rows = [
        (
            INPUTS.get(one.input, in_words(one.input)),
            _moved(one.change),
            *((_right_end(one.usd_per_reliable_task),) if priced else ()),
            usd(one.cost_usd_per_month) if one.cost_usd_per_month is not None else NONE,
            change(one.cost_usd_per_month, reference)
            if one.cost_usd_per_month is not None and reference is not None
            else NONE,
            "changes" if one.flips else "stays",
            in_words(one.detail) if one.detail else NONE,
        )
        for one in plan.sensitivity
    ]
    more = [">USD a right end"] if priced else []
    columns = headings("Input", "Moves to", *more, ">USD/month", ">Difference", "The choice", "Detail")
    return Table(columns=columns, rows=tuple(rows), title="What would change it")


def _moved(change: str) -> str:
    """Return a change of an input as the other columns write changes: "x 2" is "× 2", "-69%" is "−69 %"."""
    return in_words(change).replace("%", " %").replace("-", "−")


def _right_end(value: float | None) -> str:
    return NONE if value is None else usd(value)


def measuring(plan: Plan) -> Table:
    """Tabulate which device to bench first: what the plan costs once its speed is known."""
    reference = plan.cost_usd_per_month
    rows = [
        (
            in_words(one.device) + ("" if one.in_plan else ", not in the plan"),
            one.evidence.value,
            _if_known(one.usd_per_month_if_slow, reference, flips=one.flips_if_slow),
            _if_known(one.usd_per_month_if_fast, reference, flips=one.flips_if_fast),
        )
        for one in plan.measuring
    ]
    columns = headings("Device", "Known as", ">If it is slow", ">If it is fast")
    title = "What to bench first: USD a month once a speed is known, at either end of its 80 % interval"
    return Table(columns=columns, rows=tuple(rows), title=title)


def _if_known(cost: float | None, reference: float | None, *, flips: bool) -> str:
    if cost is None:
        return "no plan"
    moved = f" ({change(cost, reference)})" if reference is not None else ""
    return f"{usd(cost)}{moved}{', another choice' if flips else ''}"


def rejected(plan: Plan) -> Table:
    """Tabulate why candidates were turned down, the most frequent reason first, with examples."""
    groups = by_reason(plan.rejected, lambda one: one.why)[:MAX_REASONS]
    rows = [
        (count(len(group)), in_words(group[0].why), few(in_words(one.candidate) for one in group))
        for group in groups
    ]
    columns = headings(">Candidates", "Turned down because, e.g.", "Among them")
    return Table(columns=columns, rows=tuple(rows))
