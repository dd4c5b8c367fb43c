"""`tonnage catalog models|formats|offers|quality`: what can be run, how it is stored, who sells it."""

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tonnage.cli.pattern import known_word, matcher

if TYPE_CHECKING:
    from tonnage.files import Record
    from workloads.architecture import Architecture

JsonFlag = Annotated[bool, typer.Option("--json", help="Print JSON, in SI units.")]
Pattern = Annotated[str, typer.Argument(help="Ids to list: a shell pattern or a part of the id.")]


def register(group: typer.Typer) -> None:
    """Add the lists to the verb `catalog`."""
    for listing in (models, formats, offers, quality):
        group.command(listing.__name__)(listing)


def models(
    pattern: Pattern = "*",
    family: Annotated[str | None, typer.Option(help="Only this family, e.g. qwen3.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """List models and their sizes."""
    from workloads import models as shelf

    known, fits = [shelf.get(name) for name in shelf.names()], matcher(pattern)
    family = known_word("family", family, {one.family for one in known})
    listed = [one for one in known if fits(one.id) and family in (None, one.family)]
    if as_json:
        typer.echo(json.dumps([told_model(one) for one in listed], indent=2))
        return
    from reports.terminal.models import show_models

    show_models(listed)


def formats(
    pattern: Pattern = "*",
    engine: Annotated[str | None, typer.Option(help="Only what this engine loads, e.g. vllm.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """List formats of weights and of KV caches."""
    from workloads import formats as shelf

    weights = [shelf.get(name) for name in shelf.names()]
    caches = [shelf.kv(name) for name in shelf.kv_names()]
    fits = matcher(pattern)
    loaders = [*(one.engines for one in weights), *(one.engines for one in caches)]
    engine = known_word("engine", engine, {name for names in loaders for name in names})
    weights = [
        one
        for one in weights
        if fits(one.id, *shelf.short_names(one.id)) and (engine is None or engine in one.engines)
    ]
    caches = [one for one in caches if fits(one.id) and (engine is None or engine in one.engines)]
    if as_json:
        typer.echo(json.dumps({"weights": _plain(weights), "kv_caches": _plain(caches)}, indent=2))
        return
    from reports.terminal.formats import show_formats

    show_formats(weights, caches)


def offers(
    pattern: Annotated[
        str, typer.Argument(help="Model as sold, or its id: a shell pattern or a part of it.")
    ] = "*",
    provider: Annotated[str | None, typer.Option(help="Only this provider.")] = None,
    past: Annotated[bool, typer.Option("--past", help="Also prices that are no longer listed.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """List hosted APIs and their dated prices."""
    from workloads import offers as shelf

    fits = matcher(pattern)
    provider = known_word("provider", provider, {one.provider for one in shelf.offers()})
    listed = [
        one
        for one in shelf.offers()
        if fits(one.model, one.model_id) and provider in (None, one.provider) and (past or one.is_current)
    ]
    if as_json:
        typer.echo(json.dumps(_plain(listed), indent=2))
        return
    from reports.terminal.offers import show_offers

    show_offers(listed)


def quality(
    pattern: Pattern = "*",
    weights: Annotated[
        str | None, typer.Option(help="Take off what this weight format costs, e.g. Q4_K_M.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """List benchmark scores of models, in percent."""
    from workloads import formats as stored
    from workloads import models as shelf
    from workloads.quality import BENCHMARKS, score

    if weights is not None:
        weights = stored.get(weights).id
    fits = matcher(pattern)
    rows = {
        name: {bench: score(name, bench, weights=weights) for bench in BENCHMARKS}
        for name in shelf.names()
        if fits(name)
    }
    scored = {name: row for name, row in rows.items() if any(row.values())}
    if as_json:
        told = [
            {"model": name, "benchmark": bench, "weights": weights, **one.model_dump(mode="json")}
            for name, row in scored.items()
            for bench, one in row.items()
            if one is not None
        ]
        typer.echo(json.dumps(told, indent=2))
        return
    from reports.terminal.models import show_quality

    show_quality(scored, weights=weights)


def told_model(model: "Architecture") -> dict[str, Any]:
    """Return a model as plain data, with what follows from its shapes."""
    counted = {
        "layers": model.layers,
        "total_params": model.total_params(),
        "active_params": model.active_params(),
    }
    return {**model.model_dump(mode="json"), **counted}


def _plain(records: "Iterable[Record]") -> list[dict[str, Any]]:
    return [one.model_dump(mode="json") for one in records]
