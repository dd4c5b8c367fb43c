"""Requests that prefill units read and decode units finish: from which line to which, and how soon."""

from planner.fleet.answer.ways_through import ways
from planner.fleet.records.plan_record import Plan
from reports.content import Table, headings
from reports.numbers import UNKNOWN, percent
from reports.tables.fleet import letter_of
from tonnage.units import human


def handovers(plan: Plan) -> Table:
    """Tabulate the ways of split requests; without rows where all units serve whole ones."""
    rows = [
        (
            _letters(way.prefill),
            _letters(way.decode),
            name,
            percent(part, digits=2),
            UNKNOWN
            if way.told is None or name not in way.told.moved_s
            else human(way.told.moved_s[name], "s"),
            way.told.interconnect if way.told is not None else UNKNOWN,
        )
        for way in ways(plan)
        for name, part in way.share.items()
    ]
    columns = headings("Read on", "Written on", "Traffic class", ">Part of it", ">Cache takes", "Over")
    note = (
        "A prompt is read by a prefill unit, its cache moves, and a decode unit writes the answer from the "
        "first token on; such a request stands in the lines of both. The time is that of a mean prompt."
    )
    return Table(columns=columns, rows=tuple(rows), title="Prefill and decode apart", note=note)


def _letters(places: tuple[int, ...]) -> str:
    return ", ".join(map(letter_of, places))
