"""An infeasible scenario and what is known about it, asked again under other limits."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from planner.fleet.answer.outcome import Outcome, solve
from planner.fleet.questions.feasible import can_serve, is_hopeless, is_simple
from planner.fleet.supply.ability import Predictor
from planner.fleet.supply.candidates import Candidate
from planner.fleet.supply.market import Market, rate, survey
from planner.fleet.supply.posing import periods_of
from tonnage.units import HOURS_PER_MONTH
from workloads.scenario import Objective, Scenario

PAID_FOR = 1 + 1e-6


@dataclass(frozen=True, kw_only=True)
class Inquiry:
    """An infeasible scenario, with what is known about it.

    Attributes
    ----------
    market : Market
        All that could be bought for it.
    candidates : sequence of Candidate
        What the market was rated from.
    keep_budget : bool
        Whether a relaxation must also keep the budget.
    """

    scenario: Scenario
    market: Market
    candidates: Sequence[Candidate]
    predictor: Predictor
    keep_budget: bool = True

    def among_same(self, scenario: Scenario) -> Outcome | None:
        """Return the cheapest outcome of the same candidates under other limits."""
        return self._best(self._rated(scenario))

    def holds(self, scenario: Scenario) -> bool:
        """Tell whether there is an outcome of the same candidates under other limits."""
        market = self._rated(scenario)
        if is_simple(market):
            return can_serve(market, usd_per_h=self.usd_per_h)
        return self._best(market) is not None

    def _rated(self, scenario: Scenario) -> Market:
        return rate(scenario, self.within_budget, self.predictor, reasons=False)

    @cached_property
    def within_budget(self) -> Sequence[Candidate]:
        """Candidates of which the budget pays for one purchase in some period."""
        most = self.usd_per_h
        if most is None or self.scenario.objective not in (Objective.COST, Objective.RELIABLE_TASK):
            return self.candidates
        shortest = min((span.time_frac for span in periods_of(self.scenario)), default=1.0)
        return tuple(
            item
            for item in self.candidates
            if any(way.usd_per_h * shortest <= most * PAID_FOR for way in item.ways)
        )

    def searched_anew(self, scenario: Scenario) -> Outcome | None:
        """Return the cheapest outcome where other limits may let other candidates in."""
        return self._best(survey(scenario, self.predictor)[0])

    def hopeless(self, scenario: Scenario) -> bool:
        """Tell that the same candidates will not do under other limits even at their datasheet peaks."""
        return self._is_hopeless(self._rated(scenario))

    def _is_hopeless(self, market: Market) -> bool:
        return is_hopeless(market, usd_per_h=self.usd_per_h)

    def _best(self, market: Market) -> Outcome | None:
        return None if self._is_hopeless(market) else self._accepted(solve(market, quick=True))

    def _accepted(self, outcome: Outcome | None) -> Outcome | None:
        return outcome if outcome and (outcome.within_budget or not self.keep_budget) else None

    @property
    def usd_per_h(self) -> float | None:
        """The budget that a relaxation must keep."""
        budget = self.scenario.budget.usd_per_month
        return None if budget is None or not self.keep_budget else budget / HOURS_PER_MONTH
