"""The next best plans that differ in kind: each leaves out some hardware or model of every plan before it."""

from collections.abc import Iterator

from planner.fleet.answer.label import label_of
from planner.fleet.answer.outcome import Outcome, solve
from planner.fleet.records.plan_record import Alternative
from planner.fleet.supply.market import Market

DEFAULT_COUNT = 3
MOST_SOLVES = 24
"""Programmes solved in search of alternatives before it stops."""


def alternatives(best: Outcome, *, count: int = DEFAULT_COUNT) -> tuple[Alternative, ...]:
    """Return the next cheapest plans that differ in kind, then the purely hosted and purely own ones.

    Parameters
    ----------
    best : Outcome
        The plan itself.
    count : int
        Plans that differ in kind.
    """
    found = list(_next_best(best, count=count))
    seen = {best.groups(), *(outcome.groups() for outcome, _ in found)}
    for label, market in _pure(best):
        outcome = solve(market, quick=True)
        if outcome is not None and outcome.groups() not in seen:
            found.append((outcome, label))
            seen.add(outcome.groups())
    return tuple(_record(outcome, why) for outcome, why in found)


def _next_best(best: Outcome, *, count: int) -> Iterator[tuple[Outcome, str]]:
    """Branch on what is left out: exact for cuts `not all of an earlier plan's kinds`.

    A plan without all kinds of S lacks some kind g of S, so it is among those of
    the market without g. The cheapest open branch is the next best plan, unless
    it contains all kinds of one that was given already; then it branches again.
    """
    given = [best.groups()]
    branches: dict[frozenset[str], Outcome | None] = {}
    _branch(branches, best, frozenset())
    while len(given) <= count and len(branches) <= MOST_SOLVES:
        open_branches = [(key, outcome) for key, outcome in branches.items() if outcome is not None]
        if not open_branches:
            return
        left_out, outcome = min(open_branches, key=lambda item: item[1].worth)
        branches[left_out] = None
        if not any(groups <= outcome.groups() for groups in given):
            given.append(outcome.groups())
            yield outcome, f"without {', '.join(sorted(left_out))}"
        _branch(branches, outcome, left_out)


def _branch(
    branches: dict[frozenset[str], Outcome | None], outcome: Outcome, left_out: frozenset[str]
) -> None:
    for group in sorted(outcome.groups()):
        key = left_out | {group}
        if key not in branches:
            branches[key] = solve(outcome.market.without(frozenset({group})), quick=True)


def _pure(best: Outcome) -> Iterator[tuple[str, Market]]:
    """Yield the markets of hosted APIs alone and of own units alone, where the plan is not that already."""
    market = best.market
    own = {line.candidate.group for line in market.lines}
    hosted = {offer.group for offer in market.hosted}
    if hosted and own & best.groups():
        yield "everything through hosted APIs", market.without(frozenset(own))
    if own and hosted & best.groups():
        yield "nothing through hosted APIs", market.without(frozenset(hosted))


def _record(outcome: Outcome, why: str) -> Alternative:
    return Alternative(
        label=label_of(outcome),
        cost_usd_per_month=outcome.usd_per_month,
        usd_per_reliable_task=outcome.usd_per_reliable_task,
        units=outcome.units(),
        api=outcome.api(),
        why=why if outcome.within_budget else f"{why}; over the budget",
    )
