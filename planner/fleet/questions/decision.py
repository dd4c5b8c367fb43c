"""A plan that was decided, with what it takes to decide again under other limits."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from planner.fleet.answer.outcome import Outcome, solve
from planner.fleet.programme.dominance import reduce
from planner.fleet.solve.split_search import is_half
from planner.fleet.supply.ability import Predictor
from planner.fleet.supply.candidates import Candidate
from planner.fleet.supply.line import Line
from planner.fleet.supply.market import Market, rate
from workloads.scenario import Scenario


@dataclass(frozen=True, kw_only=True)
class Decision:
    """A plan that was decided, with what is needed to decide again."""

    outcome: Outcome
    candidates: Sequence[Candidate]
    predictor: Predictor

    @property
    def scenario(self) -> Scenario:
        """The scenario that was decided."""
        return self.outcome.market.scenario

    @cached_property
    def near(self) -> Market:
        """The market of what could be part of a cheapest mix at some load."""
        market = self.outcome.market
        return market.of_lines(undominated(market, market.lines))

    def again(self, scenario: Scenario) -> Outcome | None:
        """Decide for the same candidates under other limits."""
        return solve(rate(scenario, self.candidates, self.predictor, reasons=False), quick=True)

    def nearby(self, after: Outcome | None = None) -> "Decision":
        """Return the same decision with what could be cheapest at some load, and what another one deploys."""
        then = () if after is None else after.deployed()
        lines = (*self.near.lines, *(item.line for item in then))
        return self.among(line.candidate.key for line in lines)

    def among(self, keys: Iterable[str]) -> "Decision":
        """Return the same decision with some of the candidates."""
        kept = frozenset(keys)
        return replace(self, candidates=[item for item in self.candidates if item.key in kept])


def undominated(market: Market, lines: Sequence[Line]) -> tuple[Line, ...]:
    """Return the lines that none of the others replaces, whatever hosted offers cost."""
    rated = market.of_lines(tuple(lines)).without_hosted().settled().rated()
    alone = market.of_lines(rated).without_hosted()
    unknown = (line for line in lines if is_half(line) and not line.is_rated)
    return (*(rated[place] for place, _ in reduce(alone.goal(alone.problem())).ways), *unknown)
