"""`tonnage quickstart`: the whole line on this machine, from nothing to a capacity report."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from profiler.profile import Profile
    from workloads.scenario import Scenario

EXAMPLE = Path("examples") / "chat.toml"


def register(app: typer.Typer) -> None:
    """Add the verb to the command."""
    app.command(
        "quickstart",
        short_help="Probe, bench, fit, plan and report in one go.",
        epilog="Example: tonnage quickstart --budget 60s",
    )(quickstart)


def quickstart(
    scenario: Annotated[
        Path | None, typer.Argument(help="Scenario to plan; the shipped chat example by default.")
    ] = None,
    budget: Annotated[str, typer.Option(help="Time for the bench, e.g. 60s or 5min.")] = "60s",
    output: Annotated[
        Path, typer.Option("-o", "--output", help="Folder for the report and its records.")
    ] = Path(),
) -> None:
    """Probe and bench this machine, fit, plan a scenario, and typeset capacity-report.pdf."""
    from reports.terminal import show_cost_model, show_machine, show_plan
    from tonnage import api
    from tonnage.files import check_writable, positive, write_record
    from tonnage.units import seconds

    budget_s = positive(seconds(budget, name="--budget"), name="--budget", unit="seconds")
    question = _scenario(scenario)
    if not output.exists():
        check_writable(output)
        output.mkdir()
    check_writable(output / "capacity-report.pdf")

    with _station("probe", "what this machine is"):
        machine = api.probe()
        write_record(output / "machine.json", machine)
        show_machine(machine)
    with _station("bench", f"what it reaches, measured for {budget_s:.0f} s"):
        _bench(budget_s, output / "profile.json")
    with _station("fit", "laws of its kernels, each checked on shapes that its fit did not see"):
        model = api.fit(output / "profile.json")
        write_record(output / "model.json", model)
        show_cost_model(model)
    with _station("plan", f"the cheapest way to serve {question.name or 'the scenario'}"):
        plan = api.plan(question.with_owned(profile=str(output / "profile.json")))
        write_record(output / "plan.json", plan)
        show_plan(plan)
    with _station("report", "the same, for the people who sign"):
        pdf = api.report(plan, output / "capacity-report.pdf", profile=output / "profile.json")
        typer.echo(f"{pdf} ({pdf.stat().st_size / 1e3:.0f} kB); the records beside it reproduce it.")
    if not plan.feasible:
        raise typer.Exit(3)


def _scenario(path: Path | None) -> "Scenario":
    from workloads.scenario_toml.file import read_scenario

    if path is not None:
        return read_scenario(path)
    here = Path(__file__).parents[1]
    shipped = (here / EXAMPLE, here.parent / EXAMPLE)  # in a wheel, in a checkout
    return read_scenario(next(place for place in shipped if place.exists()))


def _bench(budget_s: float, output: Path) -> "Profile":
    from reports.terminal import show_profile
    from reports.terminal.profile import bench_progress
    from tonnage import api

    with bench_progress() if sys.stderr.isatty() else nullcontext(None) as on_progress:
        profile = api.bench(budget_s=budget_s, output=output, on_progress=on_progress)
    show_profile(profile)
    return profile


@contextmanager
def _station(verb: str, what: str) -> Iterator[None]:
    """Head one part of the output, and close it with a blank line."""
    from rich.text import Text

    from reports.terminal.console import console

    console().rule(Text.assemble((verb, "bold"), f": {what}"), align="left")
    yield
    console().print()
