"""`tonnage cascade`: which model tries first, which next, and what a task that ends right costs."""

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the verb to the command."""
    app.command(
        "cascade",
        short_help="Rank chains of models by the cost of a task that ends right.",
        epilog="Example: tonnage cascade examples/support_agent.toml",
    )(cascade)


def cascade(
    scenario: Annotated[Path, typer.Argument(metavar="SCENARIO.toml", help="With a [task].")],
    steps: Annotated[int, typer.Option(min=1, max=4, help="Models in a chain at most.")] = 3,
    as_json: Annotated[bool, typer.Option("--json", help="Print the chains as JSON.")] = False,
    setting: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Any value of the scenario, e.g. task.tries=3."),
    ] = None,
) -> None:
    """Rank chains of models, small first and larger on failure, by the cost of a task that ends right."""
    from planner.cascade.choose import cascades
    from reports.terminal.cascade import show_cascades
    from tonnage.cli.plan import settings
    from workloads.scenario_toml.file import read_scenario

    found = cascades(read_scenario(scenario, settings=settings({"setting": setting})), steps=steps)
    if as_json:
        typer.echo(found.to_json())
    else:
        show_cascades(found)
