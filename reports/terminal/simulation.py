"""A simulation on the terminal: what users feel at the percentiles, and how busy the fleet was."""

from planner.simulate.simulation_record import ClassResult, Simulation, Spread
from reports.numbers import UNKNOWN, quantity
from reports.terminal.console import console, evidence, note, table

_METRICS = (
    ("first token", "ttft"),
    ("per output token", "tpot"),
    ("whole request", "e2e"),
    ("wait before the first step", "wait"),
)


def show_simulation(answer: Simulation) -> None:
    """Print one table per traffic class and one of the fleet; ± is half a 95 % interval of the p95."""
    out = console()
    for result in answer.classes:
        out.print(_of_class(result))
    if answer.why_saturated:
        out.print(note(f"cannot keep up: {answer.why_saturated}"))
    grid = table(answer.id, "!what", ">value")
    for name, value in _figures(answer):
        grid.add_row(name, value)
    grid.add_row("known as", evidence(answer.evidence))
    out.print(grid)
    for line in answer.notes:
        out.print(note(line))


def _of_class(result: ClassResult) -> object:
    grid = table(
        f"class {result.name}, {result.requests:,} requests",
        "!what",
        ">mean",
        ">p50",
        ">p90",
        ">p95",
        ">±",
        ">p99",
    )
    for words, name in _METRICS:
        spread: Spread | None = getattr(result, f"{name}_s")
        if spread is None:
            grid.add_row(words, UNKNOWN)
            continue
        half: Spread | None = getattr(result, f"{name}_ci95_s")
        cells = [quantity(getattr(spread, field), "s") for field in ("mean", "p50", "p90", "p95", "p99")]
        grid.add_row(words, *cells[:4], quantity(half.p95, "s") if half else "", cells[4])
    return grid


def _figures(answer: Simulation) -> list[tuple[str, str]]:
    figures = [
        ("requests", f"{answer.requests_per_s:.4g} requests/s"),
        ("output", f"{answer.output_tokens_per_s:,.0f} tokens/s"),
        ("instances busy", f"{answer.utilization:.1%} of {answer.instances_mean:.3g}"),
        ("requests in batches, waiting", f"{answer.running_mean:.3g}, {answer.waiting_mean:.3g}"),
        ("cache in use, peak", f"{answer.cache_frac:.1%}, {answer.cache_peak_frac:.1%}"),
        ("preempted, refused", f"{answer.preempted:,}, {answer.refused:,}"),
    ]
    if answer.goodput_requests_per_s is not None:
        figures.insert(1, ("within the limits", f"{answer.goodput_requests_per_s:.4g} requests/s"))
    if answer.prefix_hit_tokens:
        figures.append(("prompt tokens found in the cache", f"{answer.prefix_hit_tokens:,}"))
    if answer.failures:
        figures.append(("instances that failed", f"{answer.failures:,}"))
    if answer.cost_usd_per_h is not None:
        figures.append(("cost", f"{answer.cost_usd_per_h:,.2f} USD/h"))
    if answer.energy_j_per_token is not None:
        figures.append(("energy", f"{answer.energy_j_per_token:.3g} J per output token"))
    return figures
