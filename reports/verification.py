"""Predicted against measured, as a picture: a point per step, the diagonal, and bands around it."""

from planner.verify.verification import Row, Verification
from reports import theme

NAME = "verification"
_BANDS = (0.12, 0.30)
_SHAPES = {"F16": "s", "Q8_0": "o", "Q4_K_M": "^", "Q4_0": "D"}


def draw(found: Verification) -> bytes:
    """Draw times on logarithmic axes as SVG: prefill filled, decode hollow, a colour per model."""
    models = list(dict.fromkeys(one.model for one in found.rows))
    tones = {model: theme.SERIES[i % len(theme.SERIES)] for i, model in enumerate(models)}
    low = 0.7 * min(min(one.measured_s, one.predicted_s.p10) for one in found.rows)
    high = 1.4 * max(max(one.measured_s, one.predicted_s.p90) for one in found.rows)
    with theme.style(NAME):
        figure = theme.blank(4.6)
        axes = figure.subplots()
        axes.set(xscale="log", yscale="log", xlim=(low, high), ylim=(low, high))
        for band, alpha in zip(reversed(_BANDS), (0.35, 0.6), strict=True):
            edges = [low, high]
            lower, upper = ([(1 + sign * band) * edge for edge in edges] for sign in (-1, 1))
            axes.fill_between(edges, lower, upper, color=theme.GRID, alpha=alpha, linewidth=0)
        axes.plot([low, high], [low, high], color=theme.MUTED, linewidth=0.7)
        for one in found.rows:
            _point(axes, one, tones[one.model])
        for model in models:
            axes.plot([], [], "o", color=tones[model], markersize=5, label=model)
        for name, shape in _SHAPES.items():
            axes.plot([], [], shape, color=theme.MUTED, markersize=4.5, label=name)
        axes.plot([], [], "o", color=theme.MUTED, fillstyle="none", markersize=5, label="decode (hollow)")
        axes.legend(loc="upper left")
        axes.set(xlabel="Measured time of a step [s]", ylabel="Predicted time [s]; bars hold 80 %")
        axes.grid(True)
        return theme.svg(figure, NAME)


def _point(axes: object, one: Row, tone: str) -> None:
    span = [[one.predicted_s.p50 - one.predicted_s.p10], [one.predicted_s.p90 - one.predicted_s.p50]]
    axes.errorbar(  # type: ignore[attr-defined]
        [one.measured_s], [one.predicted_s.p50], yerr=span, fmt=_SHAPES.get(one.format, "o"), color=tone,
        markersize=4.5, elinewidth=0.7, fillstyle="none" if one.is_decode else "full",
    )  # fmt: skip


def describe(found: Verification) -> str:
    """Return the picture in words."""
    share = found.summary
    return (
        f"Predicted against measured times of {share.rows} steps: median error "
        f"{100 * share.median_error_frac:.1f} %, nine in ten below {100 * share.p90_error_frac:.1f} %."
    )
