"""Models on the terminal: a line each, one with all that follows from its shape, and their scores."""

from collections.abc import Iterator, Mapping, Sequence

from reports.numbers import UNKNOWN, count
from reports.terminal.console import console, note, print_fitted, prose, table
from reports.terminal.offers import show_offers
from reports.wording import benchmark_name
from tonnage.units import human
from workloads import footprint, formats
from workloads.architecture import Architecture, Block
from workloads.feed_forward import FeedForward, MixtureOfExperts
from workloads.mixers import Attention, Mixer
from workloads.offers import Offer
from workloads.quality import Published, Score

SHOWN_FORMATS = ("BF16", "FP8", "Q4_K_M")
"""Formats whose size is shown beside a model's parameters."""


def show_models(models: Sequence[Architecture]) -> None:
    """Print one line per model; parameters are counted from its shape."""
    grid = table(
        "", "!id", "!family", ">params", ">active", ">layers", ">context", "!published as", "!released"
    )
    for one in models:
        grid.add_row(
            one.id,
            one.family,
            params(one.total_params()),
            params(one.active_params()) if one.has_experts else "all",
            str(one.layers),
            count(one.max_context) if one.max_context else "-",
            one.native_dtype or "-",
            one.released or "-",
        )
    print_fitted(grid, without=("family", "published as", "layers", "released"))
    console().print(
        note(f"{len(models)} listed; '-' is unknown; sources and scores: tonnage catalog show ID")
    )


def show_model(
    model: Architecture, *, scores: Mapping[str, Sequence[Published]], offers: Sequence[Offer]
) -> None:
    """Print all that is known of one model, and where it was read."""
    out = console()
    grid = table(f"{model.name}  [{model.id}]", "!what", "figure")
    for what, figure in _figures(model):
        grid.add_row(what, figure)
    out.print(grid)
    if model.notes:
        prose(note(model.notes))
    if scores:
        out.print()
        out.print(_published(scores))
    out.print()
    out.print("Sources")
    for what, source in (("shape", model.source), ("parameters", model.params_source)):
        prose(note(f"  {what}: {source or UNKNOWN}"))
    if offers:
        out.print()
        show_offers(offers)


def show_quality(rows: Mapping[str, Mapping[str, Score | None]], *, weights: str | None) -> None:
    """Print one line per model and one column per benchmark, in percent."""
    benchmarks = list(next(iter(rows.values()), {}))
    grid = table("", "!id", *(f">{benchmark_name(bench)}" for bench in benchmarks))
    for name, row in rows.items():
        grid.add_row(name, *(_percent(row[bench]) for bench in benchmarks))
    print_fitted(grid, without=[benchmark_name(bench) for bench in reversed(benchmarks)])
    which = f"in {weights}, its loss taken off" if weights else "as published"
    console().print(
        note(
            f"percent, {which}; {len(rows)} models with a score; "
            "'-' is unknown; '*' not read again at its source; settings: tonnage catalog show ID"
        )
    )


def params(number: float) -> str:
    """Format a number of parameters.

    Examples
    --------
    >>> params(8.03e9)
    '8.03 B'
    """
    return human(number, "").replace(" G", " B")


def _figures(model: Architecture) -> Iterator[tuple[str, str]]:
    yield "family", ", ".join([model.family, model.released or UNKNOWN, model.license or "licence unknown"])
    yield "published as", f"{model.hf_id or UNKNOWN}, {model.native_dtype or UNKNOWN}"
    yield "parameters", f"{count(model.total_params())}{_stated(model.published_params)}"
    if model.has_experts:
        yield (
            "active per token",
            f"{count(model.active_params())}{_stated(model.published_active_params)}",
        )
    for block in model.blocks:
        yield ("layers" if block.is_layer else "shared block"), _block(block)
    yield "hidden, vocabulary", f"{count(model.hidden)}, {count(model.vocab)}"
    yield "context", f"{count(model.max_context)} tokens" if model.max_context else UNKNOWN
    sizes = (
        f"{human(footprint.weight_bytes(model, formats.get(name)), 'B')} in {name}" for name in SHOWN_FORMATS
    )
    yield "weights", ", ".join(sizes)
    yield "cache, 16 bit", f"{_cache(model, 1024)} at 1,024 tokens, {_cache(model, 32768)} at 32,768"


def _cache(model: Architecture, tokens: int) -> str:
    return human(float(footprint.cache_bytes(model, formats.kv(), tokens=tokens, sequences=1)), "B")


def _stated(published: float | None) -> str:
    return f" (stated: {params(published)})" if published else ""


def _block(block: Block) -> str:
    parts = [*map(_mixer, block.mixers), *map(_feed_forward, block.feed_forwards)]
    return f"{block.count} × {' + '.join(parts) or 'norm'}"


def _mixer(mixer: Mixer) -> str:
    if not isinstance(mixer, Attention):
        return mixer.kind.replace("_", " ")
    window = f", window {count(mixer.window)}" if mixer.window else ""
    return f"attention ({mixer.heads} heads, {mixer.kv_heads} of keys and values{window})"


def _feed_forward(part: FeedForward) -> str:
    if isinstance(part, MixtureOfExperts):
        shared = " and shared ones" if part.shared_width else ""
        return f"{part.per_token} of {part.experts} experts{shared}"
    return f"{part.kind.replace('_', ' ')} feed-forward"


def _published(scores: Mapping[str, Sequence[Published]]) -> object:
    grid = table("Scores", "!benchmark", ">percent", "!variant", "setting", "source")
    for bench, rows in scores.items():
        for row in rows:
            doubt = "" if row.verified else " (not read again)"
            grid.add_row(
                benchmark_name(bench), f"{row.percent:g}", row.variant, row.setting, row.source + doubt
            )
    return grid


def _percent(score: Score | None) -> str:
    return "-" if score is None else f"{score.value_percent:.1f}{'' if score.verified else '*'}"
