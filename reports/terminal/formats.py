"""Formats of weights and KV caches on the terminal."""

from collections.abc import Iterator, Sequence

from reports.numbers import UNKNOWN
from reports.terminal.console import console, note, prose, table
from reports.terminal.models import params
from reports.wording import benchmark_name
from workloads.formats import short_names
from workloads.quality import Loss
from workloads.storage import KvFormat, Storage, WeightFormat


def show_formats(weights: Sequence[WeightFormat], caches: Sequence[KvFormat]) -> None:
    """Print one line per format."""
    out = console()
    if weights:
        grid = table("Weights", "!id", "!short", "!family", ">bits", "!computes in", "engines")
        for one in weights:
            grid.add_row(
                one.id,
                ", ".join(short_names(one.id)),
                one.family,
                f"{one.bits_per_weight:.2f}",
                one.activation_dtype,
                ", ".join(one.engines) or "-",
            )
        out.print(grid)
    if caches:
        if weights:
            out.print()
        grid = table("KV caches", "!id", ">bits", "engines")
        for cache in caches:
            grid.add_row(cache.id, f"{cache.bits_per_value:.2f}", ", ".join(cache.engines) or "-")
        out.print(grid)
    out.print(
        note(
            f"{len(weights)} of weights and {len(caches)} of caches listed; "
            "bits of one value, scales included; all figures: tonnage catalog show ID"
        )
    )


def show_weight_format(weights: WeightFormat, *, losses: Sequence[Loss], stand_in: bool) -> None:
    """Print all that is known of one weight format, and what it costs in quality."""
    _show(weights.id, _weight_figures(weights), weights.source, weights.notes)
    if not losses:
        return
    out = console()
    title = "Losses of a format laid out alike" if stand_in else "Losses"
    grid = table(title, "!benchmark", ">loss", "model", ">params", "source")
    for row in losses:
        grid.add_row(
            benchmark_name(row.benchmark),
            f"{100 * row.loss_frac:.2f} %",
            row.model,
            params(row.model_params),
            row.source + ("" if row.verified else " (not read again)"),
        )
    out.print()
    out.print(grid)
    out.print(note("relative to the unquantized score; negative is a gain"))


def show_kv_format(cache: KvFormat) -> None:
    """Print all that is known of one format of KV caches."""
    _show(cache.id, _cache_figures(cache), cache.source, None)


def _show(title: str, figures: Iterator[tuple[str, str]], source: str | None, notes: str | None) -> None:
    out = console()
    grid = table(title, "!what", "figure")
    for what, figure in figures:
        grid.add_row(what, figure)
    out.print(grid)
    if notes:
        prose(note(notes))
    out.print()
    out.print("Sources")
    prose(note(f"  {source or UNKNOWN}"))


def _weight_figures(weights: WeightFormat) -> Iterator[tuple[str, str]]:
    yield "family", weights.family
    yield "short names", ", ".join(short_names(weights.id)) or "none"
    yield (
        "linear layers",
        f"{weights.bits_per_weight:g} bits per weight, computed in {weights.activation_dtype}",
    )
    if weights.file_bits_per_weight:
        yield "whole file", f"{weights.file_bits_per_weight:g} bits per weight"
    for what, storage in (
        ("token table", weights.embedding),
        ("output head", weights.head),
        ("never quantized", weights.plain),
        ("beside experts", weights.beside_experts),
        ("latent attention", weights.latent),
    ):
        if storage is not None:
            yield what, _storage(storage)
    for what, words in (
        ("layout", weights.layout),
        ("scales", weights.scales),
        ("mixture", weights.mixture),
        ("native hardware", weights.native_hardware),
    ):
        if words:
            yield what, words
    yield "engines", ", ".join(weights.engines) or UNKNOWN


def _storage(storage: Storage) -> str:
    return f"{storage.format}, {storage.bits:g} bits per weight, computed in {storage.dtype}"


def _cache_figures(cache: KvFormat) -> Iterator[tuple[str, str]]:
    yield "stored", f"{cache.bits_per_value:g} bits per value"
    if cache.layout:
        yield "layout", cache.layout
    if cache.native_hardware:
        yield "native hardware", cache.native_hardware
    yield "engines", ", ".join(cache.engines) or UNKNOWN
