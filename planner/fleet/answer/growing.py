"""The months in which the load grows, in the words of a plan: what to add when, and what that costs."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import fmean

from planner.fleet.answer.outcome import Outcome
from planner.fleet.programme.dominance import reduce
from planner.fleet.programme.problem import Mix, Priced, Problem
from planner.fleet.records.plan_record import GrowthMonth
from planner.fleet.solve.mix import cheapest
from planner.fleet.solve.staircase import Stairs, over_months, stairs
from planner.fleet.solve.task_solve import as_mixed
from tonnage.errors import TonnageError
from tonnage.units import HOURS_PER_MONTH
from workloads.scenario import Growth, Scenario

ALONE_GAP_FRAC, ALONE_TIME_LIMIT_S = 1e-2, 1.5
"""For each month planned for itself, which is only compared with."""
SUNK = " (committed)"
DIFFERS_FRAC = 1e-3


@dataclass(frozen=True, slots=True, kw_only=True)
class Grown:
    """The way through the months, and a sentence on it."""

    months: tuple[GrowthMonth, ...]
    said: str


def grown(outcome: Outcome, scenario: Scenario) -> Grown:
    """Return what to add in each month on the way to the load that the plan is sized for.

    Parameters
    ----------
    outcome : Outcome
        Sized for the last month.
    scenario : Scenario
        As it was asked, with its growth.
    """
    sized = (
        f"Units, limits and costs are for the load after {scenario.growth.months} months, "
        f"{scenario.growth.factor:.3g} times that of the first"
    )
    problem = outcome.problem
    if problem.tasks.classes:
        problem = as_mixed(problem, outcome.mix)
    loads = _loads(scenario.growth)
    try:
        found = stairs(problem, [load / scenario.growth.factor for load in loads])
    except TonnageError as late:
        return Grown(months=(), said=f"{sized}; the months before are not planned: {late}.")
    if found is None:
        return Grown(months=(), said=f"{sized}; an earlier month cannot be carried.")
    alone = _alone(problem, loads, scenario.growth.factor)
    months = tuple(
        GrowthMonth(
            month=month,
            load_factor=load,
            cost_usd_per_month=usd * HOURS_PER_MONTH,
            added=tuple(_added(outcome, row)),
            alone_usd_per_month=None if single is None else single * HOURS_PER_MONTH,
        )
        for month, (load, usd, row, single) in enumerate(
            zip(loads, found.usd_per_h, found.bought, alone, strict=True)
        )
    )
    return Grown(months=months, said=_said(sized, outcome, found, alone))


def _loads(growth: Growth) -> list[float]:
    return [(1 + growth.per_month_frac) ** month for month in range(growth.months + 1)]


def _said(sized: str, outcome: Outcome, found: Stairs, alone: Sequence[float | None]) -> str:
    text = (
        f"{sized}. The months before are one programme with the last: what is reserved or taken into use "
        "stays, and is paid for, until the end"
    )
    known = [usd for usd in alone if usd is not None]
    mean = fmean(found.usd_per_h)
    if len(known) == len(alone) and fmean(known) > mean * (1 + DIFFERS_FRAC):
        text += f"; deciding month by month would cost {fmean(known) / mean - 1:.1%} more"
    last = found.usd_per_h[-1] / outcome.mix.usd_per_h if outcome.mix.usd_per_h > 0 else 1.0
    if abs(last - 1) > DIFFERS_FRAC:
        word = "more" if last > 1 else "less"
        text += (
            f". For the sake of all months its last one costs {abs(last - 1):.1%} {word} than this plan, "
            "which is made for that month alone"
        )
    if found.gap_frac > DIFFERS_FRAC:
        text += f". All months together are proven within {found.gap_frac:.1%} of the least possible"
    return f"{text}."


def _added(outcome: Outcome, rows: Sequence[Sequence[int]]) -> Iterator[str]:
    """Yield the commitments that begin in a month: `2 x nvidia-l4 reserved: llama-3.1-8b FP8`."""
    for line, counts in zip(outcome.lines, rows, strict=True):
        cut = line.candidate.deployment
        for (lot, priced), count in zip(line.candidate.bought, counts, strict=True):
            if count:
                devices = count * priced.units * cut.devices
                yield f"{devices} x {cut.device} {lot.purchase.value}: {cut.model} {cut.weights}"


def _alone(problem: Problem, loads: Sequence[float], factor: float) -> list[float | None]:
    """Return what each month costs if nobody looks ahead: the cheapest for it, with what is there already."""
    smaller = reduce(problem).problem
    there: dict[tuple[int, int], int] = {}
    found: list[float | None] = []
    for load in loads:
        month = over_months(smaller, [load / factor], [0])[0]
        posed, committed = _with_sunk(month, there)
        try:
            mix = cheapest(
                posed, gap_frac=ALONE_GAP_FRAC, time_limit_s=ALONE_TIME_LIMIT_S, fewest_kinds=False
            )
        except TonnageError:  # no time for what is only compared with
            mix = None
        if mix is None:
            return [*found, *([None] * (len(loads) - len(found)))]
        found.append(mix.usd_per_h + committed)
        for place, count in _committed(smaller, mix):
            there[place] = there.get(place, 0) + count
    return found


def _committed(problem: Problem, mix: Mix) -> Iterator[tuple[tuple[int, int], int]]:
    """Yield what a mix commits to besides what was there; that stands behind the ways of the problem."""
    for k, (kind, counts) in enumerate(zip(problem.kinds, mix.bought, strict=True)):
        for place, way in enumerate(kind.purchases):
            if way.committed and counts[place]:
                yield (k, place), counts[place]


def _with_sunk(problem: Problem, there: dict[tuple[int, int], int]) -> tuple[Problem, float]:
    """Return the problem in which some commitments are there and cost nothing more, and their cost."""
    stock, cost = dict(problem.stock), 0.0
    extra: dict[int, list[Priced]] = {}
    for (k, place), count in there.items():
        way = problem.kinds[k].purchases[place]
        pool = f"{k} {place}{SUNK}"
        extra.setdefault(k, []).append(replace(way, usd_per_h=0.0, pool=pool, pool_use=1, draws=()))
        stock[pool] = float(count)
        cost += count * way.usd_per_h
        for name in problem.stock:
            stock[name] -= count * way.use_of(name)
    kinds = tuple(
        replace(kind, purchases=(*kind.purchases, *extra.get(k, ()))) for k, kind in enumerate(problem.kinds)
    )
    return replace(problem, kinds=kinds, stock=stock), cost
