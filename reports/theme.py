"""One look for every figure and page: a colour-blind-safe palette, one typeface, few line weights."""

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from html import unescape
from textwrap import wrap
from typing import TYPE_CHECKING

from reports.numbers import usd_column
from tonnage.evidence import Evidence

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK = "#1b2733"
MUTED = "#66727f"
GRID = "#d9dee3"
TRACK = "#e9edf1"
ACCENT = "#0b4f7d"
ON_BAR = "#ffffff"
"""Words on a dark bar, on paper and on a dark screen alike."""

# Okabe and Ito, "Color Universal Design", 2008: told apart with every common colour vision.
BLUE, ORANGE, GREEN, VERMILION = "#0072b2", "#e69f00", "#009e73", "#d55e00"
PURPLE, SKY, BROWN = "#cc79a7", "#56b4e9", "#8c6d31"
SERIES = (BLUE, ORANGE, GREEN, VERMILION, PURPLE, SKY, BROWN)

EVIDENCE_COLOURS = {
    Evidence.MEASURED: "#00664f",
    Evidence.FITTED: GREEN,
    Evidence.EXTRAPOLATED: ORANGE,
    Evidence.TRANSFERRED: BLUE,
    Evidence.DATASHEET: SKY,
    Evidence.ASSUMED: PURPLE,
}

TYPEFACE = "Libertinus Serif"
"""Typst carries it, so a PDF needs no font of the host."""
FONT_STACK = f"'{TYPEFACE}', 'STIX Two Text', Georgia, serif"
_METRICS_FACE = "STIXGeneral"
"""Laid out with a face that matplotlib carries and that is as wide."""

WIDTH_IN = 6.3
"""Width of the text block on A4: figures are drawn at the size at which they are printed."""
LABEL_CHARACTERS = 34


@contextmanager
def style(name: str) -> Iterator[None]:
    """Draw in the common style, with ids in the SVG that depend on `name` alone."""
    import matplotlib

    with matplotlib.rc_context(
        {
            "svg.fonttype": "none",
            "svg.hashsalt": name,
            "font.family": [_METRICS_FACE],
            "font.size": 9,
            "axes.labelsize": 9,
            "axes.titlesize": 9.5,
            "xtick.labelsize": 8.5,
            "ytick.labelsize": 8.5,
            "legend.fontsize": 8.5,
            "text.color": INK,
            "axes.labelcolor": INK,
            "axes.edgecolor": MUTED,
            "axes.linewidth": 0.6,
            "axes.facecolor": "none",
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.axisbelow": True,
            "xtick.color": MUTED,
            "ytick.color": MUTED,
            "xtick.labelcolor": INK,
            "ytick.labelcolor": INK,
            "grid.color": GRID,
            "grid.linewidth": 0.5,
            "lines.linewidth": 1.2,
            "legend.frameon": False,
            "figure.facecolor": "none",
        }
    ):
        yield


def blank(height_in: float) -> "Figure":
    """Return an empty figure as wide as the text."""
    from matplotlib.figure import Figure

    return Figure(figsize=(WIDTH_IN, height_in), layout="constrained")


def svg(figure: "Figure", name: str) -> bytes:
    """Return a figure as SVG: text stays text, no dates, every id starts with `name`."""
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    buffer = io.BytesIO()
    FigureCanvasSVG(figure).print_figure(buffer, format="svg", metadata={"Date": None, "Creator": None})
    text = buffer.getvalue().decode("utf-8").replace(f"'{_METRICS_FACE}'", FONT_STACK)
    text = re.sub(r'(?<= id=")|(?<=url\(#)|(?<=href="#)', f"{name}-", text)
    return text.encode("utf-8")


def with_lengths(drawing: str) -> str:
    """Give every text of an SVG the length it was laid out with: a browser may lack the typeface.

    Without it, labels in a wider face run into what stands beside them.
    """
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    def told(found: re.Match[str]) -> str:
        face = FontProperties(family=_METRICS_FACE, size=float(found["size"]))
        width, _, _ = text_to_path.get_text_width_height_descent(unescape(found["words"]), face, ismath=False)
        return f'<text textLength="{width:.2f}" lengthAdjust="spacingAndGlyphs"{found[0][5:]}'

    return _TEXT.sub(told, drawing)


_TEXT = re.compile(r'<text style="font-size: (?P<size>[\d.]+)px[^>]*>(?P<words>[^<]{2,})</text>')


def bars(axes: "Axes", labels: list[str]) -> list[float]:
    """Prepare axes for horizontal bars, the first on top; returns their positions."""
    positions = [float(index) for index in range(len(labels))]
    axes.set_yticks(positions, [folded(label) for label in labels])
    axes.set_ylim(len(labels) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x")
    return positions


def bars_height_in(n: int, *, extra_in: float = 0.65) -> float:
    """Return the height of a figure with n horizontal bars."""
    return extra_in + 0.36 * max(n, 1)


def folded(label: str) -> str:
    """Break a label into at most two lines; what does not fit becomes an ellipsis."""
    parts = wrap(label, LABEL_CHARACTERS, break_long_words=True) or [""]
    if len(parts) > 2:
        parts = [parts[0], parts[1][: LABEL_CHARACTERS - 1].rstrip() + "…"]
    return "\n".join(parts)


def value_labels(axes: "Axes", positions: list[float], ends: list[float], words: list[str]) -> None:
    """Write words behind the ends of horizontal bars."""
    for position, end, text in zip(positions, ends, words, strict=True):
        axes.annotate(
            text, (end, position), xytext=(4, 0), textcoords="offset points", va="center", fontsize=8.5
        )


def money_bars(
    axes: "Axes", positions: list[float], amounts: list[float], *, tones: list[str], budget: float | None
) -> None:
    """Draw monthly costs as horizontal bars, each with its amount in or behind it, and the budget as a line.

    Parameters
    ----------
    amounts : list of float
        [USD/month]
    budget : float or None
        [USD/month]; drawn where it is near enough to matter.
    """
    axes.barh(positions, amounts, height=0.6, color=tones)
    highest = max([*amounts, 1e-9])
    near = budget is not None and budget <= 3 * highest
    reach = 1.18 * max(highest, budget or 0.0) if near else 1.18 * highest
    for position, amount, text in zip(positions, amounts, usd_column(amounts), strict=True):
        inside = amount > 0.2 * reach
        axes.annotate(
            text, (amount, position), xytext=(-4 if inside else 4, 0), textcoords="offset points",
            va="center", ha="right" if inside else "left", color=ON_BAR if inside else INK, fontsize=8.5,
        )  # fmt: skip
    if near and budget is not None:
        axes.axvline(budget, color=VERMILION, linewidth=1, linestyle=(0, (4, 2)))
        axes.annotate(
            "budget", (budget, -0.6), xytext=(3, 1), textcoords="offset points", va="bottom",
            color=VERMILION, fontsize=8.5,
        )  # fmt: skip
    axes.set(xlim=(0, reach), xlabel="USD per month")
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.10g}")


def class_legend(figure: "Figure", names: list[str]) -> None:
    """Name the colours of traffic classes below a figure."""
    from matplotlib.patches import Patch

    handles = [Patch(color=SERIES[index % len(SERIES)], label=name) for index, name in enumerate(names)]
    figure.legend(handles=handles, loc="outside lower left", ncols=min(len(names), 5), handlelength=0.9)
