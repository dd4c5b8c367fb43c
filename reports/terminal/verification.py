"""A verification on the terminal: each step predicted and measured, then how far off in all."""

from collections.abc import Iterable

from rich.text import Text

from planner.verify.verification import Row, Summary, Verification, summary
from reports.numbers import count, interval
from reports.terminal.console import console, note, table
from tonnage.units import human

GOOD_FRAC, FAIR_FRAC = 0.12, 0.30


def show_verification(found: Verification) -> None:
    """Print a table per model, then the summary by phase, to stdout; intervals hold 80 %."""
    out = console()
    for model in dict.fromkeys(one.model for one in found.rows):
        out.print(_table(model, [one for one in found.rows if one.model == model]))
    out.print(_summaries(found))
    out.print(note(conditions(found)))
    for line in found.notes:
        out.print(note(line))


def conditions(found: Verification) -> str:
    """Say on what it was taken."""
    load = "" if found.load_1min is None else f", load {found.load_1min:.1f}"
    threads = "1 thread" if found.threads == 1 else f"{found.threads} threads"
    libraries = ", ".join(f"{name} {version}" for name, version in found.libraries.items())
    return f"{found.machine}, {threads}, {found.clock}{load}; {libraries}; {found.taken_at}"


def step_words(one: Row) -> str:
    """Name a step."""
    if not one.is_decode:
        return f"prefill {count(one.tokens)}"
    return "decode" if one.batch == 1 else f"decode × {one.batch}"


def _table(model: str, rows: list[Row]) -> object:
    grid = table(
        model, "!format", "!step", ">depth", ">predicted (80 %)", ">measured", ">tokens/s", ">error", ""
    )
    for one in rows:
        grid.add_row(
            one.format,
            step_words(one),
            count(one.depth),
            interval(one.predicted_s, "s"),
            human(one.measured_s, "s") + ("" if one.stable else " ~"),
            f"{one.tokens_per_s:.0f}",
            _error(one.error_frac),
            "" if one.inside else "outside",
        )
    return grid


def _error(error_frac: float) -> Text:
    size = abs(error_frac)
    tone = "green" if size <= GOOD_FRAC else "yellow" if size <= FAIR_FRAC else "red"
    return Text(f"{100 * error_frac:+.1f} %", style=tone)


def _summaries(found: Verification) -> object:
    grid = table("in all", "!", ">steps", ">median error", ">90 % below", ">bias", ">inside 80 %")
    for name, part in parts(found):
        grid.add_row(
            name,
            count(part.rows),
            f"{100 * part.median_error_frac:.1f} %",
            f"{100 * part.p90_error_frac:.1f} %",
            f"{100 * part.bias_frac:+.1f} %",
            f"{100 * part.inside_frac:.0f} %",
        )
    return grid


def parts(found: Verification) -> Iterable[tuple[str, Summary]]:
    """Yield the summary of each phase, then of everything."""
    prefill = [one for one in found.rows if not one.is_decode]
    decode = [one for one in found.rows if one.is_decode]
    for name, rows in (("prefill", prefill), ("decode", decode)):
        if rows:
            yield name, summary(rows)
    yield "all", found.summary
