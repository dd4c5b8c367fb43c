"""`tonnage traffic`: describe a log of requests, and say how well the description fits."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from workloads.readers.traces import Log
    from workloads.traffic import Traffic
    from workloads.traffic_fit import Goodness


def register(app: typer.Typer) -> None:
    """Add the verb to the command."""
    app.command(
        "traffic",
        short_help="Fit arrivals and lengths to a log of requests.",
        epilog="Example: tonnage traffic requests.csv -o traffic.json",
    )(traffic)


def traffic(
    trace: Annotated[str, typer.Argument(help="Log of requests, or the name of a shipped sample.")],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Write the description here; a case can name it.")
    ] = None,
    skip_bad: Annotated[bool, typer.Option("--skip-bad", help="Count bad rows, don't refuse.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print description and fit as JSON.")] = False,
) -> None:
    """Fit arrivals and lengths to a log of requests, and say how well they fit."""
    from tonnage.files import check_writable, write_record
    from workloads import samples
    from workloads.readers.traces import read_log
    from workloads.traffic_fit import fit_traffic

    if output is not None:
        check_writable(output)
    path = samples.path_of(trace) if trace in samples.names() else Path(trace)
    log = read_log(path, skip_bad=skip_bad)
    described, fit = fit_traffic(log.requests, name=path.stem)
    if output is not None:
        write_record(output, described)
    if as_json:
        import json

        both = {"traffic": described.model_dump(mode="json"), "fit": fit.model_dump(mode="json")}
        typer.echo(json.dumps(both, indent=2))
        return
    _show(log, described, fit)


def _show(log: "Log", described: "Traffic", fit: "Goodness") -> None:
    from reports.terminal.console import console, note, table

    out, requests = console(), log.requests
    grid = table(f"{described.name}, {len(requests):,} requests", "!what", ">value", ">distance of the fit")
    arrivals = described.arrivals
    if log.timed:
        grid.add_row("rate", f"{arrivals.requests_per_s:.4g} requests/s", "")
        grid.add_row("arrivals", _arrivals_words(described), f"{fit.gaps_ks:.3f}")
        spread = "" if fit.idc_60_s is None else f"{fit.idc_60_s:.3g}"
        grid.add_row("variance over mean of counts per minute", spread, "")
    for words, tokens, distance in (
        ("prompt tokens", requests.prompt_tokens, fit.prompt_ks),
        ("output tokens", requests.output_tokens, fit.output_ks),
    ):
        grid.add_row(f"{words}, mean", f"{tokens.mean():,.0f}", f"{distance:.3f}")
    grid.add_row("correlation of prompt and output", f"{described.correlation:+.2f}", "")
    out.print(grid)
    out.print(
        note("distance: largest gap between the distributions of log and fit, 0 to 1 (Kolmogorov-Smirnov)")
    )
    if log.skipped:
        out.print(note(f"{log.skipped} bad rows were left out, {log.first_bad}"))
    if not log.timed:
        out.print(note("the log has lengths but no times: arrivals are not described"))
    elif fit.idc_60_s is not None and arrivals.process != "profile" and fit.idc_60_s > 3 * arrivals.gap_cv**2:
        out.print(
            note(
                "counts per minute vary more than such gaps explain: the rate itself changes; replay the log"
            )
        )


def _arrivals_words(described: "Traffic") -> str:
    arrivals = described.arrivals
    if arrivals.process == "gamma":
        return f"gamma gaps, standard deviation {arrivals.gap_cv:.3g} of the mean"
    if arrivals.process == "profile":
        gaps = "Poisson" if arrivals.gap_cv == 1 else f"gaps of deviation {arrivals.gap_cv:.3g}"
        return f"{gaps} along rates by {arrivals.window_s:.0f} s"
    return {"poisson": "Poisson", "diurnal": "Poisson along the hours of the day"}[arrivals.process]
