"""At which volume, price of a person and success chains of models pay, per task that ends right."""

from collections.abc import Iterator, Sequence

from planner.break_even.record import SuccessEven, TaskEven
from reports.content import Table, headings
from reports.numbers import percent, usd

NOT_KNOWN = "cannot serve alone"
LESS_ANYWAY, MORE_ANYWAY = "less even at 0 %", "more even at 100 %"
SAME = "the same"


def verdict(found: TaskEven) -> str:
    """Return in one sentence what a right end costs, and against whom that pays."""
    parts = []
    if found.person_usd is not None:
        than = "less" if found.usd < found.person_usd else "more"
        parts.append(f"{than} than a person at {usd(found.person_usd)}")
    if found.strongest_usd is not None and not _is_strongest(found):
        parts.append(f"against {usd(found.strongest_usd)} by {found.strongest} alone")
    beside = f": {', and '.join(parts)}" if parts else ""
    return f"A task that ends right costs {usd(found.usd)} at {found.tasks_per_h:.4g} tasks/h{beside}"


def sentences(found: TaskEven) -> tuple[str, ...]:
    """Return what the tables do not say."""
    return tuple(_sentences(found))


def _is_strongest(found: TaskEven) -> bool:
    return found.strongest_usd is not None and found.usd >= found.strongest_usd * (1 - 1e-6)


def _sentences(found: TaskEven) -> Iterator[str]:
    if found.person_usd is not None and found.person_even_usd is not None:
        yield f"Models pay where a person asks more than {usd(found.person_even_usd)} a task."
    if found.person_usd is not None:
        yield _volume(found, found.person_from_tasks_per_h, "a person")
    if found.strongest is not None:
        if _is_strongest(found):
            yield f"No chain costs less than {found.strongest} alone at this volume."
        else:
            yield _volume(found, found.strongest_from_tasks_per_h, f"{found.strongest} alone")
    yield (
        "Successes are moved with chains and the price of a try kept as they are; volumes and persons' "
        "prices with chains and fleets chosen anew, to about one percent."
    )


def _volume(found: TaskEven, from_tasks_per_h: float | None, rival: str) -> str:
    most = found.volumes[-1].tasks_per_h if found.volumes else found.tasks_per_h
    least = found.volumes[0].tasks_per_h if found.volumes else found.tasks_per_h
    if from_tasks_per_h is None:
        return f"Up to {most:.4g} tasks/h chains do not cost less than {rival}."
    if from_tasks_per_h == 0:
        return f"Chains cost less than {rival} at every volume looked at, from {least:.3g} tasks/h on."
    return f"Chains cost less than {rival} from about {from_tasks_per_h:.3g} tasks/h on."


def volumes(found: TaskEven) -> Table:
    """Tabulate what a right end costs at each volume."""
    columns = headings(
        ">Tasks/h", ">Best chains", f">{found.strongest or 'Strongest'} alone", "Asked in turn"
    )
    rows = tuple(
        (
            f"{one.tasks_per_h:.4g}",
            usd(one.usd),
            NOT_KNOWN if one.strongest_usd is None else usd(one.strongest_usd),
            chain,
        )
        for one, chain in zip(found.volumes, _changes([one.chain for one in found.volumes]), strict=True)
    )
    return Table(columns=columns, rows=rows, title="USD a right end, by volume")


def _changes(chains: Sequence[str]) -> list[str]:
    """Return chains that stand below each other, each in full where it differs from the one above."""
    return [SAME if place and one == chains[place - 1] else one for place, one in enumerate(chains)]


def prices(found: TaskEven) -> Table:
    """Tabulate the best chains by what a person asks."""
    columns = headings(">A person asks", ">A right end", ">Left to the person", "Models pay", "Asked in turn")
    chains = _changes([one.chain for one in found.prices])
    rows = tuple(
        (
            usd(one.person_usd),
            usd(one.usd),
            percent(one.left_frac, digits=2),
            "yes" if one.pays else "no",
            chain,
        )
        for one, chain in zip(found.prices, chains, strict=True)
    )
    return Table(columns=columns, rows=rows, title="By what a person asks")


def successes(found: TaskEven) -> Table:
    """Tabulate how much of their success models may lose."""
    columns = headings("Model", ">One try succeeds", ">Costs the same at", "Compared with")
    rows = tuple(
        (
            one.model or "all of them at once",
            "" if one.success_frac is None else percent(one.success_frac, digits=2),
            _even(found, one),
            one.against,
        )
        for one in found.successes
    )
    return Table(columns=columns, rows=rows, title="How often models must succeed")


def _even(found: TaskEven, one: SuccessEven) -> str:
    if one.even_factor is None:
        alone = f"{found.strongest} alone"
        rival_usd = found.strongest_usd if one.against == alone else found.person_usd
        return LESS_ANYWAY if rival_usd is not None and found.usd < rival_usd else MORE_ANYWAY
    if one.success_frac is None:
        return f"{percent(one.even_factor, digits=2)} of theirs"
    return percent(min(one.even_factor * one.success_frac, 1.0), digits=2)


def tables(found: TaskEven) -> tuple[Table, ...]:
    """Return the tables that have rows."""
    return tuple(one for one in (volumes(found), prices(found), successes(found)) if one.rows)
