"""Which prefill units hand which part of each class to which decode units, and how long that takes."""

from collections.abc import Iterator

from planner.fleet.answer.outcome import Outcome
from planner.fleet.programme.lanes import pairs
from planner.fleet.records.plan_record import Handover
from planner.fleet.supply.candidates import key_of
from planner.fleet.supply.halves import interconnect
from planner.role import HALVES


def handovers(outcome: Outcome) -> tuple[Handover, ...]:
    """Return the pairs of a plan; empty where nothing is split.

    The parts are means over all periods, as shares are.
    """
    kinds = outcome.problem.kinds
    if not any(kind.role in HALVES and any(row) for kind, row in zip(kinds, outcome.mix.shares, strict=True)):
        return ()
    names = [traffic.name for traffic in outcome.market.scenario.classes]
    parts: dict[tuple[int, int], dict[int, float]] = {}
    for klass in range(len(names)):
        column = [row[klass] for row in outcome.mix.shares]
        for reader, writer, part in pairs(kinds, column):
            parts.setdefault((reader, writer), {})[klass] = part
    return tuple(_records(outcome, names, parts))


def _records(
    outcome: Outcome, names: list[str], parts: dict[tuple[int, int], dict[int, float]]
) -> Iterator[Handover]:
    from planner.serving import placement
    from planner.serving.disaggregation import link, transfer_s

    over = link(interconnect(outcome.market.scenario))
    for (reader, writer), shares in parts.items():
        first, second = (outcome.lines[place].candidate for place in (reader, writer))
        placed = placement.place(first.deployment)
        tokens = {klass: outcome.market.scenario.classes[klass].prompt_tokens for klass in shares}
        yield Handover(
            pool=first.lane,
            prefill=key_of(first.deployment),
            decode=key_of(second.deployment),
            share={names[klass]: part for klass, part in shares.items()},
            moved_s={names[klass]: transfer_s(placed, tokens[klass], over) for klass in shares},
            interconnect=over.name,
        )
