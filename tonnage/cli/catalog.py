"""`tonnage catalog`: what is known of devices, rentable hosts, models, formats and offers."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tonnage.cli import catalog_show, catalog_workloads
from tonnage.cli.pattern import known_word, matcher

if TYPE_CHECKING:
    from hw_targets.device import Device

JsonFlag = Annotated[bool, typer.Option("--json", help="Print JSON, in SI units.")]

catalog = typer.Typer(
    help="List and show devices, hosts, models, formats, offers and scores; check a file of your own.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


def register(app: typer.Typer) -> None:
    """Add the verb to the command."""
    catalog_workloads.register(catalog)
    catalog_show.register(catalog)
    app.add_typer(
        catalog,
        name="catalog",
        short_help="Show devices, hosts, models, formats, offers and scores.",
        epilog="Example: tonnage catalog show nvidia-l40s",
    )


@catalog.command("devices")
def devices(
    pattern: Annotated[str, typer.Argument(help="Ids to list: a shell pattern or a part of the id.")] = "*",
    vendor: Annotated[str | None, typer.Option(help="Only this vendor.")] = None,
    kind: Annotated[str | None, typer.Option(help="gpu, apu, npu, tpu, lpu, wafer or cpu.")] = None,
    min_memory: Annotated[str | None, typer.Option(help="At least this much, e.g. 80GB or 24GiB.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """List devices and their main figures."""
    from tonnage import units

    vendor = known_word("vendor", vendor, {one.vendor for one in _devices()})
    kind = known_word("kind of device", kind, {one.kind.value for one in _devices()})
    fits = matcher(pattern)
    least = units.size_bytes(min_memory, name="--min-memory") if min_memory else 0.0
    listed = [
        device
        for device in _devices()
        if fits(device.id)
        and vendor in (None, device.vendor)
        and kind in (None, device.kind.value)
        and (not least or (device.capacity_bytes or 0.0) >= least)
    ]
    if as_json:
        typer.echo(json.dumps([device.model_dump(mode="json") for device in listed], indent=2))
        return
    from reports.terminal.catalog import show_devices

    show_devices(listed)


@catalog.command("instances")
def instances(
    pattern: Annotated[
        str, typer.Argument(help="Device id, shell pattern or part of it; or a provider.")
    ] = "*",
    provider: Annotated[str | None, typer.Option(help="Only this provider.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """List rentable hosts and their dated prices."""
    from hw_targets import catalog as shelf

    fits = matcher(pattern)
    provider = known_word("provider", provider, {one.provider for one in shelf.instances()})
    listed = [
        one for one in shelf.instances() if fits(one.device_id, one.id) and provider in (None, one.provider)
    ]
    if as_json:
        typer.echo(json.dumps([{"id": one.id, **one.model_dump(mode="json")} for one in listed], indent=2))
        return
    from reports.terminal.catalog import show_instances

    show_instances(listed)


@catalog.command("check")
def check(
    file: Annotated[Path, typer.Argument(help="A TOML file with devices or instances of your own.")],
) -> None:
    """Check a file of your own, by line and key."""
    from hw_targets.catalog.check import problems

    found = problems(file)
    for line in found:
        typer.echo(f"tonnage: {line}", err=True)
    if found:
        raise typer.Exit(2)
    typer.echo(f"{file}: no problem found", err=True)


def _devices() -> "list[Device]":
    from hw_targets import catalog as shelf

    return [shelf.get(name) for name in shelf.names()]
