"""A profile on the terminal: ceilings, kernel families, doubts, what changed; and the bench's bar."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from profiler.compare import Change, Comparison, Verdict
from profiler.profile import Measurement, Profile
from reports.numbers import count
from reports.terminal.console import console, prose, table
from tonnage.units import human

if TYPE_CHECKING:
    from profiler.progress import Progress

MOST_WARNINGS = 6


def show_profile(profile: Profile) -> None:
    """Print ceilings, measurements and doubts of a profile to stdout."""
    out = console()
    if profile.ceilings.bandwidth_bytes_per_s or profile.ceilings.peak_flop_per_s:
        out.print(_ceilings_table(profile))
        out.print()
    out.print(_families_table(profile))
    out.print()
    for line in _doubts(profile):
        prose(line)


def _ceilings_table(profile: Profile) -> Table:
    ceilings = profile.ceilings
    grid = table("Ceilings", "!of", ">rate", "reached by")
    for kernel, rate in ceilings.bandwidth_bytes_per_s.items():
        grid.add_row(f"memory {kernel}", human(rate, "B/s"), ceilings.memory_by(kernel) or "")
    for dtype, rate in ceilings.peak_flop_per_s.items():
        grid.add_row(dtype, human(rate, "FLOP/s"), ceilings.reached_by.get(dtype, ""))
    return grid


def _families_table(profile: Profile) -> Table:
    """One line per kernel, number format and backend: the best of its shapes."""
    families: dict[tuple[str, str, str], list[Measurement]] = {}
    for one in profile.measurements:
        families.setdefault((one.kernel, one.format or one.dtype, one.backend), []).append(one)
    columns = "!kernel", "!format", "!backend", ">shapes", ">shortest", ">FLOP/s", ">bytes/s"
    grid = table("Best of each kernel", *columns)
    for family, ones in sorted(families.items()):
        flop_per_s = max(one.flop_per_s for one in ones)
        grid.add_row(
            *family,
            count(len(ones)),
            human(min(one.time_s.p50 for one in ones), "s"),
            human(flop_per_s, "") if flop_per_s else "",
            human(max(one.bytes_per_s for one in ones), ""),
        )
    return grid


def _shape_text(one: Measurement) -> str:
    if "size_bytes" in one.shape:
        return human(one.shape["size_bytes"], "B")
    if "m" in one.shape:
        return "{m} × {n} × {k}".format(**one.shape)
    return " ".join(f"{name}={size}" for name, size in one.shape.items() if name != "head_dim")


def _doubts(profile: Profile) -> Iterator[str]:
    unsteady = [one for one in profile.measurements if not one.stable]
    if unsteady:
        yield f"{len(unsteady)} of {len(profile.measurements)} measurements are unsteady:"
    for one in unsteady[:MOST_WARNINGS]:
        what = f"{one.kernel} {one.format or one.dtype} {_shape_text(one)} on {one.backend}"
        yield f"  {what}: {one.why_unstable}"
    for skipped in profile.skipped:
        if skipped.kernel == "*":
            yield f"{skipped.backend} was not used: {skipped.why}"
    for note in profile.notes:
        yield f"Note: {note}"
    if not profile.complete:
        yield "The sweep is not complete: run again with --resume."


def show_comparison(comparison: Comparison) -> None:
    """Print what changed beyond noise, and how much did not."""
    changed = [one for one in comparison.changes if one.verdict in (Verdict.FASTER, Verdict.SLOWER)]
    if changed:
        grid = table("Changed beyond noise", "trial", ">before", ">after", ">change", "")
        for one in sorted(changed, key=lambda one: one.time_frac):
            times = human(one.before_s, "s"), human(one.after_s, "s")
            grid.add_row(one.trial, *times, f"{one.time_frac:+.0%}", str(one.verdict))
        console().print(grid)
        console().print()
    _show_conditions([one for one in comparison.changes if one.verdict is Verdict.CONDITIONS])
    counts = Counter(one.verdict for one in comparison.changes)
    prose(
        f"{len(changed)} of {len(comparison.changes)} trials changed beyond noise; {counts[Verdict.SAME]} "
        f"are the same, {counts[Verdict.CONDITIONS]} changed no more than other conditions explain, "
        f"{counts[Verdict.UNSURE]} cannot be told because a measurement was unsteady."
    )
    for name, only in (("first", comparison.only_before), ("second", comparison.only_after)):
        if only:
            prose(f"{len(only)} trials are only in the {name} profile.")
    for note in comparison.notes:
        prose(f"Note: {note}")


def _show_conditions(changes: Sequence[Change]) -> None:
    if not changes:
        return
    grid = table("Conditions differ: not called a change of the kernel", "trial", ">change", "what differs")
    for one in sorted(changes, key=lambda one: one.time_frac):
        grid.add_row(one.trial, f"{one.time_frac:+.0%}", one.why or "")
    console().print(grid)
    console().print()


@contextmanager
def bench_progress() -> Iterator[Callable[["Progress"], None]]:
    """Show a bar with the time left on stderr; yields what to call with each `Progress`."""
    from rich.progress import BarColumn, TextColumn
    from rich.progress import Progress as Bar

    columns = TextColumn("{task.fields[left]:>8}"), BarColumn(), TextColumn("{task.description}")
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("starting", total=None, left="")

        def update(progress: "Progress") -> None:
            bar.update(
                task,
                total=progress.elapsed_s + progress.left_s,
                completed=progress.elapsed_s,
                description=progress.now,
                left=f"{progress.left_s:.0f} s left",
            )

        yield update
