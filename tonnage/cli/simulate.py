"""`tonnage simulate`: requests one by one, under a plan, a scenario, or cases."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from planner.simulate.cases import Effort


def register(app: typer.Typer) -> None:
    """Add the verb to the command."""
    app.command("simulate")(simulate)


def simulate(
    source: Annotated[Path | None, typer.Argument(help="plan.json, or scenario.toml to plan first.")] = None,
    batch: Annotated[
        Path | None, typer.Option(help="Cases as for predict, one JSON object a line; answers likewise.")
    ] = None,
    requests: Annotated[int, typer.Option(min=100, help="Requests that count, per replication.")] = 20_000,
    replications: Annotated[int, typer.Option(min=1, help="Runs with independent random numbers.")] = 3,
    seed: Annotated[int, typer.Option(min=0, help="Equal seeds give equal answers.")] = 0,
    processes: Annotated[int | None, typer.Option(min=1, help="Local processes; all usable CPUs.")] = None,
    ray: Annotated[str | None, typer.Option(help="Run on the Ray cluster at this address ('auto').")] = None,
    resume: Annotated[
        Path | None, typer.Option(help="Keep finished cases in this file, and leave out those in it.")
    ] = None,
    skip_bad: Annotated[bool, typer.Option("--skip-bad", help="Count bad trace rows, don't refuse.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the answer of a plan as JSON.")] = False,
    csv: Annotated[Path | None, typer.Option(help="Also write the times of every request here.")] = None,
) -> None:
    """Say what users feel at the percentiles, and if the queue keeps up."""
    from planner.simulate.cases import Effort
    from tonnage.errors import InvalidInput

    effort = Effort(requests=requests, replications=replications, seed=seed, skip_bad=skip_bad)
    if source is not None and batch is None:
        _one(source, effort, as_json=as_json, csv=csv)
    elif batch is not None and source is None:
        _stream(batch, effort, processes=processes, ray=ray, resume=resume)
    else:
        raise InvalidInput("give either a plan.json or scenario.toml, or --batch cases.jsonl")


def _one(source: Path, effort: "Effort", *, as_json: bool, csv: Path | None) -> None:
    from planner.simulate.cases import experiment
    from planner.simulate.replicate import simulate as run
    from planner.simulate.request_log import write_requests

    asked = experiment(source, effort)
    answer = run(asked)
    if csv is not None:
        write_requests(csv, asked)
    if as_json:
        typer.echo(answer.to_json())
        return
    from reports.terminal import show_simulation

    show_simulation(answer)


def _stream(
    batch: Path, effort: "Effort", *, processes: int | None, ray: str | None, resume: Path | None
) -> None:
    from planner.simulate.sweep import answer_lines
    from tonnage.files import read_text

    lines = sys.stdin.read() if str(batch) == "-" else read_text(batch)
    for line in answer_lines(lines.splitlines(), effort, processes=processes, ray=ray, journal=resume):
        sys.stdout.write(line + "\n")
        sys.stdout.flush()
