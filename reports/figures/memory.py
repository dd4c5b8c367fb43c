"""Memory that one device of each kind of unit needs, in the memory that it has."""

from reports import theme
from reports.names import device_memory_bytes
from reports.sources import Sources
from reports.tables.fleet import lines
from tonnage.units import gib

NAME = "memory"
CAPTION = "Memory per device: weights, cache and reserve (dark) in what the device offers (light)."


def _needs(sources: Sources) -> list[tuple[str, float, float | None]]:
    return [
        (f"{line.letter}  {line.label}", line.unit.memory_bytes, device_memory_bytes(line.unit.device))
        for line in lines(sources.plan)
        if line.unit is not None and line.unit.memory_bytes is not None
    ]


def describe(sources: Sources) -> str:
    """Return the figure in words."""
    parts = [f"{label}: {gib(needed)} of {gib(offered)}" for label, needed, offered in _needs(sources)]
    return "Bars of memory per device. " + "; ".join(parts) + "."


def draw(sources: Sources) -> bytes | None:
    """Draw one bar per kind of unit; None where no need is known."""
    shown = _needs(sources)
    if not shown:
        return None
    with theme.style(NAME):
        figure = theme.blank(theme.bars_height_in(len(shown)))
        axes = figure.subplots()
        positions = theme.bars(axes, [label for label, _, _ in shown])
        offered = [(have or needed) / 2**30 for _, needed, have in shown]
        axes.barh(positions, offered, height=0.55, color=theme.TRACK)
        axes.barh(positions, [needed / 2**30 for _, needed, _ in shown], height=0.55, color=theme.ACCENT)
        words = [f"{needed / 2**30:.1f} of {gib(have)}" for _, needed, have in shown]
        theme.value_labels(axes, positions, offered, words)
        axes.set(xlim=(0, 1.35 * max(offered) or 1.0), xlabel="Memory per device [GiB]")
        return theme.svg(figure, NAME)
