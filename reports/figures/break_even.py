"""What each volume costs on units of one's own, through an API, and on a mix of both."""

from planner.break_even.record import BreakEven
from reports import theme

NAME = "break-even"
CAPTION = "Cost by volume: units of one's own, a hosted API, and the cheapest mix of the two."


def describe(found: BreakEven) -> str:
    """Return the figure in words."""
    pair = found.pairs[0]
    first = pair.first_requests_per_s
    where = "nowhere" if first is None else f"first at {first:.3g} requests per second"
    return (
        f"Monthly cost over volume, both logarithmic: {pair.own_model} on own units in steps, "
        f"{pair.api_model} at {pair.provider} as a straight line; they cross {where}."
    )


def draw_curve(found: BreakEven) -> bytes | None:
    """Draw the curve as SVG; None where there is none."""
    if not found.curve:
        return None
    pair = found.pairs[0]
    rows = (
        (f"{pair.own_model}, own units", "own_usd_per_month", theme.BLUE, "-"),
        (f"{pair.api_model} at {pair.provider}", "api_usd_per_month", theme.ORANGE, "-"),
        ("cheapest mix", "mix_usd_per_month", theme.INK, ":"),
    )
    with theme.style(NAME):
        figure = theme.blank(3.0)
        axes = figure.subplots()
        for label, field, colour, line in rows:
            known = [
                (point.requests_per_s, value)
                for point in found.curve
                if (value := getattr(point, field)) is not None
            ]
            if known:
                rates, costs = zip(*known, strict=True)
                axes.plot(rates, costs, color=colour, linestyle=line, label=label)
        if pair.first_requests_per_s is not None:
            axes.axvline(pair.first_requests_per_s, color=theme.MUTED, linewidth=0.8)
            axes.annotate(
                "break-even", (pair.first_requests_per_s, 1), xycoords=("data", "axes fraction"),
                xytext=(3, -2), textcoords="offset points", va="top", color=theme.MUTED, fontsize=8.5,
            )  # fmt: skip
        axes.set(xscale="log", yscale="log", xlabel="requests per second", ylabel="USD per month")
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter(lambda value, _: f"{value:,.10g}")
        axes.grid()
        figure.legend(loc="outside lower left", ncols=3)
        return theme.svg(figure, NAME)
