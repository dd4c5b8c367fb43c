"""A plan over the periods of the day or week."""

from collections.abc import Sequence

from planner.fleet.answer.outcome import Outcome
from planner.fleet.programme.problem import Mix, Problem, of_period, serving
from planner.fleet.records.plan_record import PlanPeriod
from planner.fleet.solve.task_solve import without_extras
from workloads.profile import label

SUNK = " (committed)"


def periods(outcome: Outcome) -> tuple[PlanPeriod, ...]:
    """Return what happens in each period; nothing where the load stays the same."""
    problem, mix = without_extras(outcome.problem), outcome.mix
    if len(problem.spans) == 1:
        return ()
    classes = outcome.market.scenario.classes
    means = [tries * each.requests_per_s for tries, each in zip(outcome.tries, classes, strict=True)]
    return tuple(_period(problem, mix, place, means) for place in range(len(problem.spans)))


def _period(problem: Problem, mix: Mix, place: int, means: list[float]) -> PlanPeriod:
    span, part = problem.spans[place], mix.by_period[place]
    rates = [mean * scale for mean, scale in zip(means, span.scale, strict=True)]
    own = [row for row, serves in zip(part.shares, serving(problem), strict=True) if serves]
    hosted = _parts(part.offer_shares, (*own, *part.offer_shares)) or [0.0] * len(rates)
    total = sum(rates)
    return PlanPeriod(
        label=label(place, len(problem.spans)),
        requests_per_s=total,
        units=sum(
            n * way.units
            for kind, counts in zip(problem.kinds, part.bought, strict=True)
            for n, way in zip(counts, kind.purchases, strict=True)
        ),
        api_frac=sum(rate * part for rate, part in zip(rates, hosted, strict=True)) / total if total else 0.0,
        usd_per_h=of_period(problem, mix, place),
    )


def _parts(some: Sequence[tuple[float, ...]], rows: Sequence[tuple[float, ...]]) -> list[float]:
    """Return, per class, the part of all its requests that some of the rows serve."""
    whole = [sum(column) for column in zip(*rows, strict=True)]
    return [
        sum(column) / total if total else 0.0
        for column, total in zip(zip(*some, strict=True), whole, strict=False)
    ]
