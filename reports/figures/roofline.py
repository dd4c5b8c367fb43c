"""Measured kernels under the measured roof, each beside what its fitted law says."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from planner.laws.cost_model import CostModel, Law
from profiler.profile import Measurement, Profile
from reports import theme
from reports.sources import Sources
from tonnage.units import human

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

NAME = "roofline"
CAPTION = (
    "Roofline of the measured machine. Filled marks: measured medians, coloured by number format, shaped by "
    "kernel; those above the slope had their data in cache. Rings: what the fitted law says for the same "
    "shape. Lines: the measured ceilings."
)
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">")
MEMORY_KERNELS = frozenset({"copy", "triad", "read"})
"""They have a figure of their own: what they reach is the slope."""
LEGEND_COLUMNS = 5
DTYPE_ORDER = ("fp64", "fp32", "tf32", "bf16", "fp16", "fp8", "int8", "fp4", "int4")


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One measured kernel on the plane of the roofline."""

    kernel: str
    dtype: str
    intensity_flop_per_byte: float
    flop_per_s: float
    law_flop_per_s: float | None


def points(profile: Profile, model: CostModel | None) -> tuple[Point, ...]:
    """Return every measurement of a kernel that is there for its arithmetic."""
    return tuple(
        Point(
            kernel=one.kernel,
            dtype=one.dtype,
            intensity_flop_per_byte=one.flop / one.bytes,
            flop_per_s=one.flop_per_s,
            law_flop_per_s=_by_law(one, model),
        )
        for one in profile.measurements
        if one.kernel not in MEMORY_KERNELS and one.flop > 0 and one.bytes > 0 and one.time_s.p50 > 0
    )


def _by_law(one: Measurement, model: CostModel | None) -> float | None:
    law = next((law for law in model.laws if _same(law, one)), None) if model is not None else None
    if law is None:
        return None
    from planner.laws.roofline import Coefficients, call_time_s

    coefficients = Coefficients(
        overhead_s=law.overhead_s,
        peak_flop_per_s=law.peak_flop_per_s or float("inf"),
        half_flop=law.half_flop,
        bandwidth_bytes_per_s=law.bandwidth_bytes_per_s or float("inf"),
        half_bytes=law.half_bytes,
        sharpness=law.sharpness,
    )
    return one.flop / float(call_time_s(coefficients, one.flop, one.bytes))


def _same(law: Law, one: Measurement) -> bool:
    return (law.kernel, law.backend, law.dtype, law.format) == (
        one.kernel,
        one.backend,
        one.dtype,
        one.format,
    )


def describe(sources: Sources) -> str:
    """Return the figure in words."""
    if sources.profile is None:
        return "Roofline without measurements."
    ceilings = sources.profile.ceilings
    peaks = ", ".join(f"{dtype} {human(rate, 'FLOP/s')}" for dtype, rate in ceilings.peak_flop_per_s.items())
    n = len(points(sources.profile, None))
    return (
        f"Roofline with {n} measured kernels; memory bandwidth "
        f"{human(ceilings.memory_bandwidth_bytes_per_s, 'B/s')}; peaks: {peaks or 'none measured'}."
    )


def draw(sources: Sources) -> bytes | None:
    """Draw the roofline; None without points."""
    if sources.profile is None or not (shown := points(sources.profile, sources.model)):
        return None
    with theme.style(NAME):
        figure = theme.blank(3.9)
        axes = figure.subplots()
        axes.set(
            xscale="log", yscale="log", xlabel="Arithmetic intensity [FLOP/byte]", ylabel="Rate [FLOP/s]"
        )
        axes.grid(which="major")
        _scatter(axes, shown)
        _roofs(axes, sources.profile)
        _scales(axes)
        _legend(axes, shown)
        return theme.svg(figure, NAME)


def dtypes(shown: Sequence[Point]) -> list[str]:
    """Return the number formats that appear, widest first."""
    present = {point.dtype for point in shown}
    known = [dtype for dtype in DTYPE_ORDER if dtype in present]
    return known + sorted(present - set(known))


def colour(dtype: str) -> str:
    """Return the colour of a number format, the same in every figure."""
    index = DTYPE_ORDER.index(dtype) if dtype in DTYPE_ORDER else len(DTYPE_ORDER)
    order = (theme.BROWN, theme.BLUE, theme.SKY, theme.ORANGE, theme.VERMILION, theme.PURPLE, theme.GREEN)
    return order[index % len(order)]


def _kernels(shown: Sequence[Point]) -> list[str]:
    return sorted({point.kernel for point in shown})


def _scatter(axes: "Axes", shown: Sequence[Point]) -> None:
    marker = dict(zip(_kernels(shown), MARKERS * len(shown), strict=False))
    for point in shown:
        tone, x = colour(point.dtype), point.intensity_flop_per_byte
        if point.law_flop_per_s is not None:
            axes.plot([x, x], [point.flop_per_s, point.law_flop_per_s], color=tone, linewidth=0.5)
            axes.plot(
                x,
                point.law_flop_per_s,
                marker="o",
                markersize=6.5,
                fillstyle="none",
                color=tone,
                markeredgewidth=0.5,
            )
        axes.plot(
            x, point.flop_per_s, marker=marker[point.kernel], markersize=4.2, color=tone, markeredgewidth=0
        )


def _scales(axes: "Axes") -> None:
    from matplotlib.ticker import LogLocator, NullFormatter

    low, high = axes.get_ylim()
    axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if high < 300 * low else (1.0,)))
    axes.yaxis.set_major_formatter(lambda value, _: human(value, ""))
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_minor_formatter(NullFormatter())


def _roofs(axes: "Axes", profile: Profile) -> None:
    bandwidth = profile.ceilings.memory_bandwidth_bytes_per_s
    peaks = profile.ceilings.peak_flop_per_s
    low, high = axes.get_xlim()
    bottom, top = axes.get_ylim()
    top = max([top, *(1.4 * rate for rate in peaks.values())])
    for dtype, rate in peaks.items():
        ridge = rate / bandwidth if bandwidth else low
        axes.plot([max(low, ridge), high], [rate, rate], color=colour(dtype), linewidth=1.1)
    _name_roofs(axes, peaks, high, spacing=(top / bottom) ** 0.045)
    if bandwidth:
        _slope(axes, bandwidth, (low, max([*peaks.values(), top / 1.4]) / bandwidth), bottom)
    axes.set(xlim=(low, high), ylim=(bottom, top))


def _name_roofs(axes: "Axes", peaks: dict[str, float], x: float, *, spacing: float) -> None:
    """Write each ceiling at the right edge, moved up where it would cover the one below."""
    floor = 0.0
    for dtype, rate in sorted(peaks.items(), key=lambda entry: entry[1]):
        height = max(rate, floor)
        floor = height * spacing
        axes.annotate(
            f"{dtype} {human(rate, 'FLOP/s')}", (x, height), xytext=(4, 0), textcoords="offset points",
            va="center", color=colour(dtype), fontsize=8, annotation_clip=False,
        )  # fmt: skip


def _slope(axes: "Axes", bandwidth: float, span: tuple[float, float], bottom: float) -> None:
    start, end = max(span[0], bottom / bandwidth), span[1]
    if start >= end:
        return
    axes.plot([start, end], [start * bandwidth, end * bandwidth], color=theme.INK, linewidth=1.1)
    middle = start**0.45 * end**0.55
    axes.annotate(
        human(bandwidth, "B/s"), (middle, middle * bandwidth), xytext=(-9, 4), textcoords="offset points",
        ha="right", va="bottom", fontsize=8,
    )  # fmt: skip


def _legend(axes: "Axes", shown: Sequence[Point]) -> None:
    """Kernels by shape in the first rows, number formats by colour in the last; filled column by column."""
    from matplotlib.lines import Line2D

    def mark(shape: str, tone: str, label: str, *, hollow: bool = False) -> Line2D:
        look = Line2D([], [], linestyle="", marker=shape, color=tone, label=label)
        look.set(markersize=6.5 if hollow else 4.8, markeredgewidth=0.6 if hollow else 0)
        look.set_fillstyle("none" if hollow else "full")
        return look

    marker = dict(zip(_kernels(shown), MARKERS * len(shown), strict=False))
    kernels = [mark(marker[name], theme.MUTED, name) for name in _kernels(shown)]
    formats = [mark("s", colour(dtype), dtype) for dtype in dtypes(shown)]
    if any(point.law_flop_per_s is not None for point in shown):
        formats.append(mark("o", theme.MUTED, "fitted law", hollow=True))
    rows = [*_rows(kernels), *_rows(formats)]
    gap = mark("", theme.MUTED, "")
    handles = [row[i] if i < len(row) else gap for i in range(LEGEND_COLUMNS) for row in rows]
    axes.figure.legend(
        handles=handles, loc="outside lower left", ncols=LEGEND_COLUMNS, handletextpad=0.2, columnspacing=1.2
    )


def _rows(handles: "list[Line2D]") -> "list[list[Line2D]]":
    return [handles[i : i + LEGEND_COLUMNS] for i in range(0, len(handles), LEGEND_COLUMNS)]
