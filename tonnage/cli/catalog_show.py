"""`tonnage catalog show`: one entry of any kind, with all its figures and sources."""

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from hw_targets.device import Device


def register(group: typer.Typer) -> None:
    """Add the view to the verb `catalog`."""
    group.command("show")(show)


def show(
    text: Annotated[
        str,
        typer.Argument(
            help="Id of a device, host, model or format; a model as sold; or words such as 'RTX 4090 24GB'."
        ),
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, in SI units.")] = False,
) -> None:
    """Show one entry of any kind, with its sources."""
    from hw_targets import catalog as hardware
    from workloads import formats, models

    if text in hardware.names():
        _device(hardware.get(text), as_json)
    elif text.lower() in models.names():
        _model(text.lower(), as_json)
    elif formats.has(text):
        _weight_format(text, as_json)
    elif text.upper() in formats.kv_names():
        _kv_format(text, as_json)
    elif not _host(text, as_json) and not _offer(text, as_json):
        _device(_by_words(text), as_json)


def _by_words(text: str) -> "Device":
    """Resolve free text; what no device fits is looked for among all names."""
    from hw_targets import catalog as hardware
    from tonnage.errors import UnknownName
    from workloads import formats, models

    try:
        return hardware.resolve(text)
    except UnknownName:
        known = (*hardware.names(), *models.names(), *formats.names(), *formats.kv_names())
        raise UnknownName("catalog entry", text, known) from None


def _device(device: "Device", as_json: bool) -> None:
    from hw_targets import catalog as hardware

    sources = [hardware.source(key) for key in device.sources]
    rented = hardware.instances(device.id)
    if as_json:
        told = device.model_dump(mode="json")
        told["sources"] = [source.model_dump(mode="json") for source in sources]
        told["instances"] = [{"id": one.id, **one.model_dump(mode="json")} for one in rented]
        typer.echo(json.dumps(told, indent=2))
        return
    from reports.terminal.catalog import show_device

    show_device(device, sources=[(source.title, source.retrieved) for source in sources], instances=rented)


def _host(text: str, as_json: bool) -> bool:
    from hw_targets import catalog as hardware

    wanted = text.lower()
    found = [one for one in hardware.instances() if wanted in (one.id.lower(), one.name.lower())]
    if found and as_json:
        _print([{"id": one.id, **one.model_dump(mode="json")} for one in found])
    elif found:
        from reports.terminal.catalog import show_hosts

        show_hosts(found)
    return bool(found)


def _model(name: str, as_json: bool) -> None:
    from tonnage.cli.catalog_workloads import told_model
    from workloads import models
    from workloads.offers import offers
    from workloads.quality import BENCHMARKS, published

    model = models.get(name)
    scores = {bench: rows for bench in BENCHMARKS if (rows := published(name, bench))}
    sold = [one for one in offers() if one.model_id == name]
    if as_json:
        told = told_model(model)
        told["quality"] = {
            bench: [row.model_dump(mode="json") for row in rows] for bench, rows in scores.items()
        }
        told["offers"] = [one.model_dump(mode="json") for one in sold]
        _print(told)
        return
    from reports.terminal.models import show_model

    show_model(model, scores=scores, offers=[one for one in sold if one.is_current])


def _weight_format(text: str, as_json: bool) -> None:
    from workloads import formats
    from workloads.quality import losses

    weights = formats.get(text)
    rows, stand_in = losses(weights.id)
    if as_json:
        told = weights.model_dump(mode="json")
        told["losses"] = [row.model_dump(mode="json") for row in rows]
        _print({**told, "losses_are_of_a_like_format": stand_in})
        return
    from reports.terminal.formats import show_weight_format

    show_weight_format(weights, losses=rows, stand_in=stand_in)


def _kv_format(text: str, as_json: bool) -> None:
    from workloads import formats

    cache = formats.kv(text)
    if as_json:
        typer.echo(cache.to_json())
        return
    from reports.terminal.formats import show_kv_format

    show_kv_format(cache)


def _offer(text: str, as_json: bool) -> bool:
    from workloads.offers import offers

    found = [one for one in offers() if one.model.lower() == text.lower()]
    if found and as_json:
        _print([one.model_dump(mode="json") for one in found])
    elif found:
        from reports.terminal.offers import show_offers

        show_offers(found, sources=True)
    return bool(found)


def _print(told: Any) -> None:
    typer.echo(json.dumps(told, indent=2))
