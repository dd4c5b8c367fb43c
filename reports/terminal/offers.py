"""Hosted APIs on the terminal: what a million tokens cost, and as of when."""

from collections.abc import Sequence

from reports.price_age import price_age
from reports.terminal.console import console, note, print_fitted, prose, table
from workloads.offers import Offer


def show_offers(offers: Sequence[Offer], *, sources: bool = False) -> None:
    """Print one line per offer, and below it where its price was read if asked for."""
    grid = table("", "!provider", "!model", "!id", ">input", ">cached", ">output", "!as of", "!status")
    for one in offers:
        grid.add_row(
            one.provider,
            one.model,
            one.model_id or "-",
            _per_mtok(one.input_usd_per_token),
            _per_mtok(one.cached_input_usd_per_token),
            _per_mtok(one.output_usd_per_token),
            one.as_of,
            "doubtful" if one.suspect else one.status.value,
        )
    print_fitted(grid, without=("id", "status", "cached"))
    age = price_age(one.as_of for one in offers)
    out = console()
    out.print(note(f"USD per million tokens; {len(offers)} listed; {age}; '-' is unknown"))
    if sources:
        out.print()
        out.print("Sources")
        for one in offers:
            doubt = f"; doubtful: {one.suspect}" if one.suspect else ""
            prose(note(f"  {one.provider}, {one.as_of}: {one.source}{doubt}"))


def _per_mtok(usd_per_token: float | None) -> str:
    return "-" if usd_per_token is None else f"{usd_per_token * 1e6:.4g}"
