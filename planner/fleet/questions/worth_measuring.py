"""Which device to bench first: what the plan would cost if its speed were known, low or high."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from planner.fleet.answer.outcome import Outcome, solve
from planner.fleet.questions.decision import Decision
from planner.fleet.records.plan_record import Measuring
from planner.fleet.solve.split_search import is_half
from planner.fleet.supply.line import Line, Terms, rated_line
from planner.fleet.supply.market import Market
from tonnage.evidence import Evidence, weakest

SLOW, FAST = 0.9, 0.1
"""Probabilities with which a capacity reaches its low and its high end."""
MOST_OTHERS = 4
"""Devices looked at that the plan does not use."""
SAME = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class _Device:
    name: str
    lines: tuple[Line, ...]
    in_plan: bool


def worth_measuring(decision: Decision) -> tuple[Measuring, ...]:
    """Return the devices whose measurement could move the plan, the one with the most at stake first.

    Notes
    -----
    A plan is sized for capacities that are reached with the confidence asked for. Once a device is
    measured, its capacity is what it is: at the low end of its interval (reached in nine of ten
    cases), or at the high end (one of ten). The programme is solved for both, with all other devices as
    sure as before. What lies between the two is what the measurement decides. A device outside the
    plan can only win by being fast.
    """
    found = [_stakes(decision, device) for device in _devices(decision)]
    moved = [one for one in found if one is not None]
    return tuple(sorted(moved, key=_spread, reverse=True))


def _spread(one: Measuring) -> float:
    slow = one.usd_per_month_if_slow
    return float("inf") if slow is None else slow - one.usd_per_month_if_fast


def _devices(decision: Decision) -> Iterator[_Device]:
    """Yield the devices of the plan, and the most promising others, as far as they are not measured."""
    used = {item.line.candidate.deployment.device for item in decision.outcome.deployed()}
    by_name: dict[str, list[Line]] = {}
    for line in decision.outcome.market.rated():
        if _unsure(line):
            by_name.setdefault(line.candidate.deployment.device, []).append(line)
    others = sorted(
        (name for name in by_name if name not in used), key=lambda name: _promise(by_name[name], decision)
    )
    for name in (*(name for name in by_name if name in used), *others[:MOST_OTHERS]):
        yield _Device(name=name, lines=tuple(by_name[name]), in_plan=name in used)


def _unsure(line: Line) -> bool:
    known = [ability.evidence for ability in line.abilities or () if ability.requests_per_s is not None]
    return not is_half(line) and bool(known) and weakest(known) is not Evidence.MEASURED


def _promise(lines: Sequence[Line], decision: Decision) -> float:
    """Least price per request/s if the device is fast."""
    return min(
        line.candidate.usd_per_unit_h / max(line.capacity)
        for line in _known_as(lines, FAST, decision)
        if any(line.capacity)
    )


def _known_as(lines: Iterable[Line], reached: float, decision: Decision) -> list[Line]:
    """Return lines at the capacity that is reached with this probability."""
    terms = Terms.of(decision.scenario.model_copy(update={"confidence": reached}))
    return [rated_line(line.candidate, line.abilities or (), line.good_enough, terms) for line in lines]


def _stakes(decision: Decision, device: _Device) -> Measuring | None:
    before = decision.outcome
    fast = _with(decision, device, FAST)
    slow = _with(decision, device, SLOW) if device.in_plan else before
    if fast is None or (slow is not None and fast.usd_per_month >= slow.usd_per_month * (1 - SAME)):
        return None
    known = weakest(ability.evidence for line in device.lines for ability in line.abilities or ())
    return Measuring(
        device=device.name,
        in_plan=device.in_plan,
        evidence=known,
        usd_per_month_if_slow=None if slow is None else slow.usd_per_month,
        usd_per_month_if_fast=fast.usd_per_month,
        flips_if_slow=slow is None or slow.groups() != before.groups(),
        flips_if_fast=fast.groups() != before.groups(),
    )


def _with(decision: Decision, device: _Device, reached: float) -> Outcome | None:
    """Decide with the capacities of one device known, and all others as sure as before."""
    own = {line.candidate.key for line in device.lines}
    others = [line for line in decision.near.lines if line.candidate.key not in own]
    market: Market = replace(
        decision.outcome.market, lines=(*others, *_known_as(device.lines, reached, decision))
    )
    return solve(market, quick=True)
