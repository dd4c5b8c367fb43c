"""`tonnage doctor`: what about this machine spoils measurements or serving."""

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the verb to the command."""
    app.command("doctor")(doctor)


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
    root: Annotated[Path | None, typer.Option(help="Read a captured host from this folder instead.")] = None,
    report: Annotated[
        Path | None,
        typer.Option(help="Also write machine and findings here, without host name, for a bug report."),
    ] = None,
) -> None:
    """Read the conditions of this machine, and say of each why it matters and what to do."""
    from hw_targets.checks import check_up
    from hw_targets.host import Host
    from tonnage import api

    machine = api.probe(root=root)
    checkup = check_up(Host(root), machine)
    if report is not None:
        from tonnage.files import write_record

        anonymous = machine.model_copy(update={"hostname": None})
        write_record(report, checkup.model_copy(update={"machine": anonymous}))
        typer.echo(f"wrote {report}", err=True)
    if as_json:
        typer.echo(checkup.to_json())
        return
    from reports.terminal_checkup import show_checkup

    show_checkup(checkup)
