"""`tonnage simulate`: requests one by one, under a plan, a scenario, or cases."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from planner.simulate.cases import Effort
    from planner.simulate.logged import Logged
    from planner.simulate.simulation_record import Simulation


def register(app: typer.Typer) -> None:
    """Add the verb to the command."""
    app.command(
        "simulate",
        short_help="Say what users feel at the percentiles, request by request.",
        epilog="Example: tonnage simulate plan.json --requests 5000",
    )(simulate)


def simulate(
    source: Annotated[
        Path | None, typer.Argument(help="plan.json, a scenario.toml to plan first, or a case.toml.")
    ] = None,
    batch: Annotated[
        Path | None, typer.Option(help="Cases as for predict, one JSON object a line; answers likewise.")
    ] = None,
    trace: Annotated[
        str | None, typer.Option(help="Log of requests, or a sample, in place of a plan's own traffic.")
    ] = None,
    rate: Annotated[float | None, typer.Option(help="Bring the trace to this rate, requests/s.")] = None,
    scaling: Annotated[
        str, typer.Option(help="How: resample (same clock, other requests) or compress (time).")
    ] = "resample",
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
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Also write the summary: .json, .csv or .parquet.")
    ] = None,
    log: Annotated[
        Path | None, typer.Option("--log", "--csv", help="Also write every request: .csv, .parquet or .json.")
    ] = None,
) -> None:
    """Say what users feel at the percentiles, and if the queue keeps up."""
    from planner.simulate.cases import Effort
    from planner.simulate.tables import check_table
    from tonnage.errors import InvalidInput

    effort = Effort(requests=requests, replications=replications, seed=seed, skip_bad=skip_bad)
    for path in (output, log):
        if path is not None:
            check_table(path)
    if rate is not None and trace is None:
        raise InvalidInput("--rate brings a trace to a rate; give --trace too")
    if source is not None and batch is None:
        from planner.simulate.logged import logged

        load = logged(trace, requests_per_s=rate, scaling=scaling, skip_bad=skip_bad) if trace else None
        _one(source, effort, load, as_json=as_json, output=output, log=log)
    elif batch is not None and source is None:
        if trace is not None or log is not None:
            raise InvalidInput(
                "--trace and --log go with one plan or case; a case of a batch names its own trace"
            )
        _stream(batch, effort, processes=processes, ray=ray, resume=resume, output=output)
    else:
        raise InvalidInput("give either a plan.json or scenario.toml, or --batch cases.jsonl")


def _announce_compilation() -> None:
    """Say why the very first run on a machine takes longer."""
    from planner.simulate.kernel.jit import is_kept

    if not is_kept():
        typer.echo("compiling the event loop for this machine, once: some ten seconds", err=True)


def _one(
    source: Path,
    effort: "Effort",
    load: "Logged | None",
    *,
    as_json: bool,
    output: Path | None,
    log: Path | None,
) -> None:
    from planner.simulate.cases import experiment
    from planner.simulate.replicate import simulate as run
    from planner.simulate.request_log import write_requests

    asked = experiment(source, effort, log=load)
    _announce_compilation()
    answer = run(asked)
    if log is not None:
        write_requests(log, asked)
    if output is not None:
        _write_summary(output, [answer])
    if as_json:
        typer.echo(answer.to_json())
        return
    from reports.terminal import show_simulation

    show_simulation(answer)


def _write_summary(path: Path, answers: "list[Simulation]") -> None:
    from planner.simulate.tables import summary_columns, write_table
    from tonnage.files import write_record

    if path.suffix == ".json" and len(answers) == 1:
        write_record(path, answers[0])
    else:
        write_table(path, summary_columns(answers))


def _stream(
    batch: Path,
    effort: "Effort",
    *,
    processes: int | None,
    ray: str | None,
    resume: Path | None,
    output: Path | None,
) -> None:
    from planner.simulate.simulation_record import Simulation
    from planner.simulate.sweep import answer_lines, is_answer
    from tonnage.files import read_text

    lines = sys.stdin.read() if str(batch) == "-" else read_text(batch)
    _announce_compilation()
    answers = []
    for line in answer_lines(lines.splitlines(), effort, processes=processes, ray=ray, journal=resume):
        sys.stdout.write(line + "\n")
        sys.stdout.flush()
        if output is not None and is_answer(line):
            answers.append(Simulation.parse(json.loads(line), where="answer"))
    if output is not None:
        _write_summary(output, answers)
