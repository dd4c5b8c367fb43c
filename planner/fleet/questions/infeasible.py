"""Why no plan holds: which limits bind, and the smallest relaxation of each that makes one, solved."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

from planner.fleet.answer.outcome import Outcome, solve
from planner.fleet.questions import relax, task_relax
from planner.fleet.questions.feasible import is_hopeless
from planner.fleet.questions.inquiry import Inquiry
from planner.fleet.records.plan_record import Binding, Rejected, Relaxation
from planner.fleet.solve.mix import most_load
from planner.fleet.solve.task_solve import without_extras
from planner.fleet.supply import floors, physical
from planner.fleet.supply.candidates import Candidate
from planner.fleet.supply.hosted import FASTEST_S
from planner.fleet.supply.market import survey
from tonnage.units import human
from workloads.scenario import Scenario

RATIO = 1.01
"""A limit is found to one percent; the value given is on the side that works."""
SUSPECT_FACTOR = 8.0
"""Where so much is not enough, it is asked first whether the limit stands in the way at all: without
it everything must be predicted, while tight limits rule most candidates out by physics."""
LOAD_MARGIN_FRAC = 1e-6
"""Taken off the largest load so that it holds in spite of rounding."""


def relaxations(inquiry: Inquiry) -> tuple[Relaxation, ...]:
    """Return, per limit that alone can make the scenario feasible, how far it must move.

    Where none is enough alone, each is relaxed together with the budget.
    """
    alone = tuple(_each(inquiry))
    if alone or inquiry.scenario.budget.usd_per_month is None:
        return alone
    return tuple(_each(replace(inquiry, keep_budget=False)))


def binding(inquiry: Inquiry, relaxed: Sequence[Relaxation]) -> tuple[Binding, ...]:
    """Return the limits that stand in the way: those whose relaxation helps, else what was turned down."""
    impossible = tuple(
        Binding(
            constraint=f"slo.{key}",
            detail=f"{key} = {limit:g} s of class '{traffic.name}' is below the physical minimum: "
            f"{floor.sentence}",
        )
        for key, limit, traffic, floor in physical.broken(inquiry.scenario.classes, inquiry.candidates)
    )
    late = task_relax.too_short(inquiry.scenario, inquiry.candidates)
    if late:
        impossible += (Binding(constraint="task.deadline_s", detail=late),)
    told = {item.constraint for item in impossible}
    found = impossible + tuple(
        Binding(constraint=item.constraint, detail=item.detail)
        for item in relaxed
        if item.constraint not in told
    )
    return found or (Binding(constraint="candidates", detail=_nothing_left(inquiry.market.unfit)),)


def _nothing_left(unfit: Sequence[Rejected]) -> str:
    if not unfit:
        return "the scenario allows no candidate at all"
    shown = "; ".join(f"{item.candidate}: {item.why}" for item in unfit[:3])
    more = f" (and {len(unfit) - 3} more)" if len(unfit) > 3 else ""
    return f"no candidate can serve every class: {shown}{more}"


def _each(inquiry: Inquiry) -> Iterator[Relaxation]:
    yield from _budget(inquiry)
    yield from _latency(inquiry)
    yield from _quality(inquiry)
    yield from _tasks(inquiry)
    yield from _load(inquiry)
    yield from _spares(inquiry)
    yield from _confidence(inquiry)
    yield from _api(inquiry)


def _budget(inquiry: Inquiry) -> Iterator[Relaxation]:
    current = inquiry.scenario.budget.usd_per_month
    outcome = solve(inquiry.market)
    if outcome is not None and current is not None:
        needed = outcome.usd_per_month
        yield Relaxation(
            constraint="budget.usd_per_month",
            current=current,
            needed=needed,
            unit="USD/month",
            detail=f"the cheapest mix that keeps every other limit costs {needed:,.0f} USD/month, "
            f"{needed - current:,.0f} more than the budget",
        )


def _latency(inquiry: Inquiry) -> Iterator[Relaxation]:
    if all(item.measured is not None for item in inquiry.candidates):
        return
    for key, current in relax.limits(inquiry.scenario).items():
        needed = _needed_s(inquiry, key, current)
        if needed is not None:
            outcome = inquiry.among_same(relax.with_limit(inquiry.scenario, key, needed))
            yield Relaxation(
                constraint=f"slo.{key}",
                current=current,
                needed=needed,
                unit="s",
                detail=f"{key} = {human(current, 's')} is too tight; {human(needed, 's')} can be had"
                + _with_budget(inquiry, outcome)
                + _physical(inquiry, key),
            )


def _physical(inquiry: Inquiry, key: str) -> str:
    """Say so where a limit lies below what physics allows."""
    rows = physical.broken(inquiry.scenario.classes, inquiry.candidates)
    return next((f"; {floor.sentence}" for other, _, _, floor in rows if other == key), "")


def _needed_s(inquiry: Inquiry, key: str, current: float) -> float | None:
    if inquiry.hopeless(relax.with_limit(inquiry.scenario, key, None)):
        return None

    def holds(value: float) -> bool:
        return inquiry.holds(relax.with_limit(inquiry.scenario, key, value))

    def at_all() -> bool:
        return inquiry.holds(relax.with_limit(inquiry.scenario, key, None))

    start = max(current, _least_s(inquiry, key))
    if start > current and holds(start):
        return start
    return relax.smallest_that_holds(holds, start, ratio=RATIO, at_all=at_all)


def _least_s(inquiry: Inquiry, key: str) -> float:
    """Return what no plan can be below: what physics, or a hosted API, allows the slowest class."""
    hosted = FASTEST_S.get(key.split("_")[0], 0.0) if inquiry.scenario.candidates.api else math.inf
    least = 0.0
    for traffic in inquiry.scenario.classes:
        own = physical.floor_of(key, traffic, inquiry.candidates)
        if getattr(traffic.slo, key) is not None and own is not None:
            least = max(least, min(own.seconds, hosted))
    return least


def _tasks(inquiry: Inquiry) -> Iterator[Relaxation]:
    yield from task_relax.reliable_shares(inquiry.market, inquiry.usd_per_h)
    yield from task_relax.deadlines(
        inquiry.scenario, inquiry.candidates, inquiry.among_same, lambda found: _with_budget(inquiry, found)
    )


def _quality(inquiry: Inquiry) -> Iterator[Relaxation]:
    for benchmark, current in floors.highest(inquiry.scenario).items():
        open_scenario = relax.with_floor(inquiry.scenario, benchmark, None)
        market, candidates = survey(open_scenario, inquiry.predictor)
        if is_hopeless(market, usd_per_h=inquiry.usd_per_h):
            continue
        names = {(item.deployment.model, item.deployment.weights) for item in candidates}
        scores = {floors.score(benchmark, model, weights) for model, weights in names}
        scores |= {floors.offered(benchmark, item.offer) for item in market.hosted}
        below = sorted(value for value in scores if value is not None and value < current)
        found = _highest_floor(inquiry, benchmark, below, candidates)
        if found is not None:
            needed, outcome = found
            yield Relaxation(
                constraint=f"quality.{benchmark}_min",
                current=current,
                needed=needed,
                unit="percent",
                detail=f"the best {benchmark} that can be had under the other limits is {needed:.1f}"
                + _with_budget(inquiry, outcome),
            )


def _highest_floor(
    inquiry: Inquiry, benchmark: str, scores: list[float], candidates: Sequence[Candidate]
) -> tuple[float, Outcome] | None:
    """Bisect over the scores there are: a floor between two of them is no different from the upper one."""
    wider = replace(inquiry, candidates=candidates)

    def under(floor: float) -> Scenario:
        return relax.with_floor(inquiry.scenario, benchmark, floor)

    low, high = 0, len(scores)
    while low < high:
        middle = (low + high) // 2
        if wider.holds(under(scores[middle])):
            low = middle + 1
        else:
            high = middle
    outcome = wider.among_same(under(scores[low - 1])) if low else None
    return None if outcome is None else (scores[low - 1], outcome)


def _load(inquiry: Inquiry) -> Iterator[Relaxation]:
    market = inquiry.market.settled(halves=True)
    problem = without_extras(market.of_lines(market.rated()).problem())
    mix = most_load(problem, usd_per_h=inquiry.usd_per_h)
    if mix is None or mix.served_frac >= 1:
        return
    total = sum(traffic.requests_per_s for traffic in inquiry.scenario.classes)
    part = mix.served_frac * (1 - LOAD_MARGIN_FRAC)
    within = "the budget" if inquiry.usd_per_h is not None else "what there is"
    yield Relaxation(
        constraint="traffic.requests_per_s",
        current=total,
        needed=total * part,
        unit="requests/s",
        detail=f"{part:.1%} of the load fits into {within}: {total * part:.3g} of {total:.3g} requests/s",
    )


def _spares(inquiry: Inquiry) -> Iterator[Relaxation]:
    current = inquiry.scenario.availability.spare_units
    for spares in range(current - 1, -1, -1):
        if inquiry.holds(relax.with_spares(inquiry.scenario, spares)):
            outcome = inquiry.among_same(relax.with_spares(inquiry.scenario, spares))
            yield Relaxation(
                constraint="availability.spare_units",
                current=current,
                needed=spares,
                unit="units",
                detail=f"feasible with {spares} spare units of each kind instead of {current}"
                + _with_budget(inquiry, outcome),
            )
            return


def _confidence(inquiry: Inquiry) -> Iterator[Relaxation]:
    current = inquiry.scenario.confidence

    def holds(value: float) -> bool:
        return inquiry.holds(relax.with_confidence(inquiry.scenario, value))

    if current > 0.5 and holds(0.5):
        needed = relax.first_that_holds(holds, current, 0.5, ratio=RATIO)
        outcome = inquiry.among_same(relax.with_confidence(inquiry.scenario, needed))
        yield Relaxation(
            constraint="availability.confidence",
            current=current,
            needed=needed,
            unit="probability",
            detail=f"feasible if each kind must hold with probability {needed:.2f} instead of {current:g}"
            + _with_budget(inquiry, outcome),
        )


def _api(inquiry: Inquiry) -> Iterator[Relaxation]:
    if inquiry.scenario.candidates.api:
        return
    outcome = inquiry.searched_anew(relax.with_api(inquiry.scenario))
    if outcome is not None:
        yield Relaxation(
            constraint="candidates.api",
            detail=f"feasible with hosted APIs, at {outcome.usd_per_month:,.0f} USD/month",
        )


def _with_budget(inquiry: Inquiry, outcome: Outcome | None) -> str:
    if outcome is None:
        return ""
    if inquiry.keep_budget:
        return f", at {outcome.usd_per_month:,.0f} USD/month"
    return f", together with a budget of {outcome.usd_per_month:,.0f} USD/month"
