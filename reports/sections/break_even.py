"""Self-host or API: from which volume and utilisation units of one's own cost less."""

from planner.break_even.record import BreakEven
from reports.content import Block, Bullets, Picture, Section, Table, headings
from reports.figures import break_even as figure
from reports.numbers import percent, usd
from reports.sources import Sources
from reports.tables import task_even
from reports.terminal.break_even import verdict

NEVER = "never"


def build(sources: Sources) -> Section | None:
    """Build the section; None where no comparison was handed in."""
    found = sources.break_even
    if found is None:
        return None
    blocks: list[Block] = []
    if found.task is not None:
        lines = (task_even.verdict(found.task) + ".", *task_even.sentences(found.task))
        blocks += [Bullets(items=lines), *task_even.tables(found.task)]
    drawn = figure.draw_curve(found)
    if drawn is not None:
        blocks.append(
            Picture(
                name=figure.NAME,
                svg=drawn.decode("utf-8"),
                caption=figure.CAPTION,
                alt=figure.describe(found),
            )
        )
    if found.pairs:
        blocks.append(pairs(found))
    if found.notes:
        blocks.append(Bullets(items=found.notes))
    return Section(title="Self-host or API", lead=f"{verdict(found)}.", blocks=tuple(blocks))


def pairs(found: BreakEven) -> Table:
    """Tabulate where units of one's own and offers cost the same."""
    rows = [
        (
            pair.own,
            f"{pair.api_model} at {pair.provider}",
            usd(pair.own_usd_per_mtok),
            usd(pair.api_usd_per_mtok),
            percent(pair.utilization, digits=2) if pair.utilization <= 1 else NEVER,
            _rate(pair.first_requests_per_s),
            _rate(pair.always_requests_per_s),
        )
        for pair in found.pairs
    ]
    columns = headings(
        "Own unit", "Offer", ">Own, full", ">API", ">Even at, busy", ">From, requests/s", ">Always from"
    )
    note = "Costs are USD per million tokens, input and output together."
    return Table(columns=columns, rows=tuple(rows), title="Own units against hosted offers", note=note)


def _rate(value: float | None) -> str:
    return NEVER if value is None else f"{value:.3g}"
