"""The best measured rates: arithmetic per number format, and memory bandwidth per kernel."""

from typing import TYPE_CHECKING

from profiler.profile import Profile
from reports import theme
from reports.figures.roofline import colour
from reports.sources import Sources
from tonnage.units import human

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NAME = "ceilings"
CAPTION = (
    "Measured ceilings: the highest arithmetic rate per number format, "
    "and the memory bandwidth beyond the caches per kernel that only moves memory."
)


def bandwidths(profile: Profile) -> dict[str, float]:
    """Return the bandwidth of each kernel that only moves memory, beyond the caches [bytes/s], best first."""
    return dict(sorted(profile.ceilings.bandwidth_bytes_per_s.items(), key=lambda entry: -entry[1]))


def describe(sources: Sources) -> str:
    """Return the figure in words."""
    if sources.profile is None:
        return "No ceilings were measured."
    peaks = [f"{dtype}: {human(rate, 'FLOP/s')}" for dtype, rate in _peaks(sources.profile).items()]
    memory = [f"{kernel}: {human(rate, 'B/s')}" for kernel, rate in bandwidths(sources.profile).items()]
    return "Bars of measured ceilings. " + "; ".join(peaks + memory) + "."


def _peaks(profile: Profile) -> dict[str, float]:
    return dict(sorted(profile.ceilings.peak_flop_per_s.items(), key=lambda entry: -entry[1]))


def draw(sources: Sources) -> bytes | None:
    """Draw both panels; None without ceilings."""
    if sources.profile is None:
        return None
    peaks, memory = _peaks(sources.profile), bandwidths(sources.profile)
    panels = [panel for panel in ((peaks, "FLOP/s"), (memory, "B/s")) if panel[0]]
    if not panels:
        return None
    with theme.style(NAME):
        figure = theme.blank(theme.bars_height_in(max(len(rates) for rates, _ in panels), extra_in=0.55))
        row = figure.subplots(1, len(panels), squeeze=False)[0]
        for axes, (rates, unit) in zip(row, panels, strict=True):
            _panel(axes, rates, unit)
            axes.set_ylim(max(len(rates) for rates, _ in panels) - 0.4, -0.6)
        return theme.svg(figure, NAME)


def _panel(axes: "Axes", rates: dict[str, float], unit: str) -> None:
    positions = theme.bars(axes, list(rates))
    tones = [colour(name) if unit == "FLOP/s" else theme.ACCENT for name in rates]
    axes.barh(positions, list(rates.values()), height=0.55, color=tones)
    for position, rate in zip(positions, rates.values(), strict=True):
        axes.annotate(
            human(rate, unit),
            (rate, position),
            xytext=(3, 0),
            textcoords="offset points",
            va="center",
            fontsize=8.5,
        )
    axes.set_xlim(0, 1.32 * max(rates.values()))
    axes.grid(visible=False)
    axes.spines["bottom"].set_visible(False)
    axes.set_xticks([])
