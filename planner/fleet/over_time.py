"""A plan over the periods of the day or week, and over the months in which the load grows."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from planner.fleet.best_mix import QUICK_GAP_FRAC
from planner.fleet.mix import cheapest
from planner.fleet.outcome import Outcome
from planner.fleet.plan_record import GrowthMonth, PlanPeriod
from planner.fleet.problem import Mix, Priced, Problem, of_period
from planner.fleet.task_solve import as_mixed, without_extras
from tonnage.units import HOURS_PER_MONTH
from workloads.profile import label
from workloads.scenario import Scenario

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
    hosted = _parts(part.offer_shares, (*part.shares, *part.offer_shares)) or [0.0] * len(rates)
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


def growth(outcome: Outcome, scenario: Scenario) -> tuple[GrowthMonth, ...]:
    """Return what each month costs on the way to the load that the plan is sized for.

    Parameters
    ----------
    outcome : Outcome
        Sized for the last month.
    scenario : Scenario
        As it was asked, with its growth.

    Notes
    -----
    What the plan reserves or owns is paid for from the first month on; what is
    bought by the hour, and what goes to APIs, is chosen anew in each month.
    """
    if not scenario.growth.months:
        return ()
    return tuple(_months(outcome, scenario))


def _months(outcome: Outcome, scenario: Scenario) -> Iterator[GrowthMonth]:
    factor = scenario.growth.factor
    problem = outcome.problem
    if problem.tasks.classes:
        problem = as_mixed(problem, outcome.mix)
    sunk, committed = _with_sunk(problem, outcome.mix)
    for month in range(scenario.growth.months + 1):
        load = (1 + scenario.growth.per_month_frac) ** month
        mix = cheapest(_scaled(sunk, load / factor), gap_frac=QUICK_GAP_FRAC)
        if mix is not None:
            last = month == scenario.growth.months
            usd_per_h = outcome.bill_usd_per_h if last else mix.usd_per_h + committed
            yield GrowthMonth(month=month, load_factor=load, cost_usd_per_month=usd_per_h * HOURS_PER_MONTH)


def _with_sunk(problem: Problem, mix: Mix) -> tuple[Problem, float]:
    """Return the problem in which commitments are there already and cost nothing more, and their cost."""
    kinds, stock, cost = [], dict(problem.stock), 0.0
    for kind, counts in zip(problem.kinds, mix.bought, strict=True):
        ways: list[Priced] = []
        for place, (way, count) in enumerate(zip(kind.purchases, counts, strict=True)):
            if not way.committed:
                ways.append(way)
            elif count:
                pool = f"{kind.key} {place}{SUNK}"
                ways.append(replace(way, usd_per_h=0.0, pool=pool, pool_use=1))
                stock[pool] = float(count)
                cost += count * way.usd_per_h
        if ways:
            kinds.append(replace(kind, purchases=tuple(ways)))
    return replace(problem, kinds=tuple(kinds), stock=stock), cost


def _scaled(problem: Problem, factor: float) -> Problem:
    offers = tuple(
        replace(
            offer,
            usd_per_h=tuple(None if usd is None else usd * factor for usd in offer.usd_per_h),
            limits=tuple(
                replace(limit, use=tuple(use * factor for use in limit.use)) for limit in offer.limits
            ),
        )
        for offer in problem.offers
    )
    return replace(problem, rates=tuple(rate * factor for rate in problem.rates), offers=offers)
