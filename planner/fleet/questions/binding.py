"""What sets a plan's cost: the constraints that bind, with their shadow prices in words."""

from collections.abc import Iterator

from planner.fleet.answer.outcome import Outcome, solve
from planner.fleet.questions import relax
from planner.fleet.questions.decision import Decision
from planner.fleet.records.plan_record import Binding
from planner.fleet.solve.mix import shadow_prices
from planner.fleet.solve.task_solve import as_mixed
from planner.fleet.supply import floors
from planner.fleet.supply.market import survey
from tonnage.units import HOURS_PER_MONTH

STAIRCASE = "; whole units make it a staircase around that line"
NOTHING = "nothing: there is room in what is owned"
FLOOR_STEP_PERCENT = 5.0
"""Benchmark points by which a floor is lowered to see whether it binds."""


def binding(decision: Decision) -> tuple[Binding, ...]:
    """Return the constraints that set the plan's cost, with their shadow prices in words."""
    return (*_load_rows(decision.outcome), *_budget_row(decision.outcome), *_floor_rows(decision))


def _load_rows(outcome: Outcome) -> Iterator[Binding]:
    problem = outcome.problem
    chosen = as_mixed(problem, outcome.mix) if problem.tasks.classes else problem
    for j, dual in enumerate(shadow_prices(chosen) or ()):
        hosted = _hosted_price(outcome, j)
        price, how = (
            (dual, STAIRCASE) if hosted is None else (hosted, " through the hosted API that takes it")
        )
        costs = f"about {price:.3g} USD/h ({price * HOURS_PER_MONTH:,.0f} USD/month){how}"
        yield Binding(
            constraint=f"load of class {outcome.market.scenario.classes[j].name}",
            detail=f"one more request/s of peak load costs {costs if price > 0 else NOTHING}",
            usd_per_h_per_unit=price,
        )


def _hosted_price(outcome: Outcome, j: int) -> float | None:
    """Return what an offer asks for one more request/s of a class [USD/h]; None where units may take it.

    What an offer takes beside units that run is what they have no room for, so the next request goes
    there too; with rate limits, periods or chains of models that is not so plain.
    """
    problem = outcome.problem
    if problem.periods or problem.tasks.classes:
        return None
    prices = [
        usd / problem.rates[j]
        for offer, shares in zip(problem.offers, outcome.mix.offer_shares, strict=True)
        if shares[j] > 0 and not offer.limits and (usd := offer.usd_per_h[j]) is not None
    ]
    return min(prices, default=None)


def _budget_row(outcome: Outcome) -> Iterator[Binding]:
    budget = outcome.market.scenario.budget.usd_per_month
    if budget is None:
        return
    left = budget - outcome.usd_per_month
    rented = [priced.usd_per_h for line in outcome.market.lines for _, priced in line.candidate.bought]
    if rented and left < min(rented) * HOURS_PER_MONTH:
        yield Binding(
            constraint="budget.usd_per_month",
            detail=f"{left:,.0f} of {budget:,.0f} USD/month are left, less than any further unit costs",
        )


def _floor_rows(decision: Decision) -> Iterator[Binding]:
    """Search below each floor: it binds if that is cheaper."""
    for benchmark, floor in floors.highest(decision.scenario).items():
        lower = max(0.0, floor - FLOOR_STEP_PERCENT)
        outcome = solve(
            survey(relax.with_floor(decision.scenario, benchmark, lower), decision.predictor)[0],
            quick=True,
        )
        if outcome is not None and outcome.worth < decision.outcome.worth * (1 - 1e-6):
            saved = decision.outcome.usd_per_month - outcome.usd_per_month
            yield Binding(
                constraint=f"quality.{benchmark}_min",
                detail=f"with a floor of {lower:g} instead of {floor:g} the plan would cost "
                f"{saved:,.0f} USD/month less",
            )
