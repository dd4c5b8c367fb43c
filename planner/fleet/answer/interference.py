"""Classes that share units: fewer requests where one's long prompts would stretch the other's steps.

The programme adds up the times that classes take of a unit. That is right for the work, and too
hopeful for the time per output token. So each kind that classes share is looked at after it was
chosen; where a class would break its limit there, all is chosen anew among units that are shared and
count for less, units of the same deployment that do without one of these classes, and such that each
serve one class alone: only those that share are left less.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from planner.fleet.answer.outcome import Deployed, Outcome, solve
from planner.fleet.supply.halves import interconnect
from planner.fleet.supply.line import Line
from planner.role import Role
from tonnage.errors import TonnageError
from workloads.scenario import TrafficClass

if TYPE_CHECKING:
    from planner.serving.units.shared_unit import SharedUnit

Array = NDArray[np.float64]
ROUNDS = 20
"""Times that kinds are made to count for less and all is chosen anew."""
HALVINGS = 24
NOTHING_FRAC = 1e-3
"""A kind that counts for so little less counts for what it did."""
SAME_FRAC = 1e-6
ALONE = " for "
"""Between a kind and the class that it serves alone."""
LEAST_FRAC = 0.2
"""A kind counts for this much at least: below it, sharing is no longer what stands in the way."""


def with_room(outcome: Outcome) -> tuple[Outcome, tuple[str, ...]]:
    """Return the cheapest outcome in which classes that share units keep their time per output token.

    Where that breaks the budget, or nothing carries the load any more, the outcome before it stands.

    Returns
    -------
    Outcome
        On a market in which the kinds concerned carry less.
    tuple of str
        What was made to count for less, in sentences.
    """
    kept_frac: dict[str, float] = {}
    for _ in range(ROUNDS):
        full = {item.line.candidate.key: item for item in outcome.deployed() if _kept_frac(outcome, item) < 1}
        if not full:
            break
        fracs = {key: _kept_frac(outcome, item) for key, item in full.items()}
        names = [traffic.name for traffic in outcome.market.scenario.classes]
        lines: dict[str, Line] = {}
        for line in outcome.market.lines:
            item = full.get(line.candidate.key)
            lines[line.candidate.key] = (
                line
                if item is None
                else _with_capacity(
                    line, line.candidate.key, [fracs[item.line.candidate.key] * r for r in line.capacity]
                )
            )
            for new in () if item is None else _apart(item, names):
                lines.setdefault(new.candidate.key, new)
        moved = solve(outcome.market.of_lines(tuple(lines.values())))
        if moved is None or not moved.within_budget:
            return outcome, (*_said(outcome, kept_frac), *_short(outcome, fracs))
        outcome = moved
        for key, frac in fracs.items():
            kept_frac[key] = frac * kept_frac.get(key, 1.0)
    return outcome, _said(outcome, kept_frac)


def _said(outcome: Outcome, kept_frac: dict[str, float]) -> tuple[str, ...]:
    why = "as long prompts of one would stretch the tokens of another"
    bought = {item.line.candidate.key: item for item in outcome.deployed()}
    said = []
    for key, frac in kept_frac.items():
        item = bought.get(key)
        if item is not None and sum(share > 0 for share in item.shares) > 1:
            said.append(
                f"Classes share {key}: it is loaded to {frac:.0%} of the sum of what it carries of each "
                f"alone, {why}."
            )
        names = [own.removeprefix(f"{key}{ALONE}") for own in bought if own.startswith(f"{key}{ALONE}")]
        if names:
            said.append(f"Of {key}, some units serve {' and some '.join(names)} alone, {why}.")
    return tuple(said)


def _short(outcome: Outcome, fracs: dict[str, float]) -> tuple[str, ...]:
    return tuple(
        f"Classes share {key}, where long prompts of one stretch the tokens of another; it would hold every "
        f"limit at {frac:.0%} of this load, for which there is no room or budget."
        for key, frac in fracs.items()
    )


def _apart(item: Deployed, names: Sequence[str]) -> Iterator[Line]:
    """Yield a line without each of the classes that share it here, and for each class alone."""
    line, base = item.line, item.line.candidate.key.split(ALONE)[0]
    able = [place for place, rate in enumerate(line.kind.capacity) if rate > 0]
    fewer = [[other for other in able if other != place] for place in able if item.shares[place] > 0]
    for places in (*fewer, *([place] for place in able)):
        if places:
            some = [rate if place in places else 0.0 for place, rate in enumerate(line.kind.capacity)]
            key = f"{base}{ALONE}{' and '.join(names[place] for place in places)}"
            yield _with_capacity(line, key, some)


def _with_capacity(line: Line, key: str, capacity: Sequence[float]) -> Line:
    kind = replace(line.kind, key=key, capacity=tuple(capacity))
    return replace(line, candidate=replace(line.candidate, key=key), kind=kind)


def _kept_frac(outcome: Outcome, item: Deployed) -> float:
    """Return which part of its load a kind can have so that all classes on it keep their limits."""
    classes = outcome.market.scenario.classes
    places = [j for j, share in enumerate(item.shares) if share > 0 and item.line.capacity[j] > 0]
    if item.line.candidate.measured is not None or len(places) < 2:
        return 1.0
    if item.line.candidate.role is Role.PREFILL:
        return _prefill_kept_frac(outcome, item, places)
    if not any(_limits(classes[j]) for j in places):
        return 1.0
    from planner.serving.units.shared_unit import shared_unit

    chosen = [classes[j] for j in places]
    try:
        decodes = item.line.candidate.role is Role.DECODE
        unit = shared_unit(item.line.candidate.deployment, chosen, only_decodes=decodes)
    except TonnageError:
        return 1.0
    alone = np.array([item.line.capacity[j] for j in places])
    busy = np.array([outcome.problem.rates[j] * item.shares[j] for j in places]) / alone
    mix = min(item.at_work_frac, 1.0) * busy / busy.sum()
    slow = float(np.exp(NormalDist().inv_cdf(outcome.market.scenario.confidence) * unit.sigma_log))

    def holds(frac: float) -> bool:
        return _holds(unit, chosen, slow * frac * mix * alone, slow * frac * mix.sum() * alone, slow)

    return _largest(holds)


def _largest(holds: Callable[[float], bool]) -> float:
    if holds(1.0):
        return 1.0
    low, high = LEAST_FRAC, 1.0
    for _ in range(HALVINGS):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low if low < 1 - NOTHING_FRAC else 1.0


def _prefill_kept_frac(outcome: Outcome, item: Deployed, places: Sequence[int]) -> float:
    """Return the same for units that only prefill, whose classes wait in one line for the first token."""
    from planner.serving.units.half_load import SharedPrompts

    scenario = outcome.market.scenario
    chosen = [scenario.classes[j] for j in places]
    unit = SharedPrompts(
        item.line.candidate.deployment, chosen, interconnect(scenario), confidence=scenario.confidence
    )
    alone = np.array([item.line.capacity[j] for j in places])
    busy = np.array([outcome.problem.rates[j] * item.shares[j] for j in places]) / alone
    mix = min(item.at_work_frac, 1.0) * busy / busy.sum()
    return _largest(lambda frac: unit.holds(frac * mix * alone))


def _holds(
    unit: "SharedUnit", chosen: Sequence[TrafficClass], mixed: Array, alone: Array, slow: float
) -> bool:
    """Tell whether all limits hold on a unit whose steps take longer by a factor.

    Parameters
    ----------
    mixed, alone : ndarray
        Rate of each class in the mix, and of each class alone on an equally busy unit, both on the
        time scale of the slower steps. [requests/s]
    """
    names = {name for traffic in chosen for name in _limits(traffic)}
    for name in names:
        stretch = unit.tpot_s(mixed, name) / unit.alone_s(alone, name)
        sized_s = slow * unit.sized_s(alone, name) * stretch
        for traffic, value, more in zip(chosen, sized_s, stretch, strict=True):
            if more > 1 + SAME_FRAC and value > _limits(traffic).get(name, np.inf) * (1 + SAME_FRAC):
                return False
    return True


def _limits(traffic: TrafficClass) -> dict[str, float]:
    """Return the limits on the time per output token by the name of the percentile [s]."""
    given = traffic.slo.model_dump(exclude_none=True)
    return {key[5:-2]: value for key, value in given.items() if key.startswith("tpot_")}
