"""Everything that could be bought for a scenario, rated and priced, and the problem it poses."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from planner.fleet.programme.dominance import reduce
from planner.fleet.programme.problem import Kind, Problem
from planner.fleet.records.plan_record import Rejected
from planner.fleet.supply import floors, halves, task_market
from planner.fleet.supply.ability import WHOLE, Ability, Part, Predictor
from planner.fleet.supply.candidates import Candidate, Search
from planner.fleet.supply.energy_goal import ENERGY, energy_goal
from planner.fleet.supply.hosted import Hosted, hosted_offers
from planner.fleet.supply.line import Line, Terms, line_of, rated_line, why_not
from planner.fleet.supply.posing import metered, periods_of, rates_of, stock_of
from planner.fleet.tasks.task_problem import Trier, with_chains
from planner.role import Role
from workloads.scenario import Scenario

FIRST_RATED = 48
"""Candidates that are rated before any is compared: those that promise most for their price."""
FIRST_OF_SOLVER = 12
"""The same of each solver, where several models try at tasks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Market:
    """What is for sale: lines of units and hosted offers.

    Attributes
    ----------
    unfit : tuple of Rejected
        Candidates that cannot serve any class, and why.
    predictor : Predictor
        Rates lines when they matter.
    sure : float or None
        Confidence at which lines are sized, where that is more than the scenario asks for.
    reasons : bool
        Whether `unfit` is kept: nobody reads it of the many markets that answer what-ifs.
    """

    scenario: Scenario
    lines: tuple[Line, ...]
    hosted: tuple[Hosted, ...]
    predictor: Predictor
    unfit: tuple[Rejected, ...] = ()
    sure: float | None = None
    reasons: bool = True

    def without(self, groups: frozenset[str]) -> "Market":
        """Return the market without some kinds of hardware and model."""
        return replace(
            self,
            lines=tuple(line for line in self.lines if line.candidate.group not in groups),
            hosted=tuple(offer for offer in self.hosted if offer.group not in groups),
        )

    def of_lines(self, lines: tuple[Line, ...]) -> "Market":
        """Return the market with only these lines."""
        return replace(self, lines=lines)

    def without_hosted(self) -> "Market":
        """Return the market with own units alone."""
        return replace(self, hosted=())

    def rated(self) -> tuple[Line, ...]:
        """Return the lines whose capacity is known."""
        return tuple(line for line in self.lines if line.is_rated)

    def asked(self, scenario: Scenario) -> "Market":
        """Return the market under the name of what was really asked, with lines as sure as now."""
        return replace(self, scenario=scenario, sure=self.sure or self.scenario.confidence)

    def settled(self, *, halves: bool = False) -> "Market":
        """Return the market with every line rated that could be part of a cheapest mix at some load.

        Lines that rated ones replace even at their ceiling stay unrated, and halves of split
        services, of which `split_search` rates those that matter, unless they are asked for.
        """
        market = self
        while undecided := market._undecided(halves):
            market = market.with_rated(undecided)
        return market

    def _undecided(self, halves: bool) -> frozenset[str]:
        """Return the lines to rate next, with all that cut the same model the same way.

        Other devices under the same cut cost little more to predict.
        """
        looked_at = self.of_lines(
            tuple(line for line in self.lines if halves or line.candidate.role is Role.WHOLE)
        )
        if all(line.is_rated for line in looked_at.lines):
            return frozenset()
        chosen = looked_at._first()
        if not chosen:
            trusted = [line.is_rated for line in looked_at.lines]
            kept = reduce(looked_at.goal(looked_at.problem(chains=False)), trusted=trusted).ways
            chosen = [looked_at.lines[place] for place, _ in kept if not looked_at.lines[place].is_rated]
        return looked_at._cut_alike(chosen)

    def _cut_alike(self, chosen: Sequence[Line]) -> frozenset[str]:
        """Return some lines that are not rated with those that cut the same model the same way."""
        cuts = {(line.candidate.cut, line.candidate.role) for line in chosen}
        return frozenset(
            line.candidate.key
            for line in self.lines
            if not line.is_rated and (line.candidate.cut, line.candidate.role) in cuts
        )

    def nearest(self, keys: frozenset[str], count: int) -> frozenset[str]:
        """Return lines to rate next: some, those that promise most, and all that are cut alike."""
        unknown = [line for line in self.lines if not line.is_rated]
        asked = [line for line in unknown if line.candidate.key in keys]
        return self._cut_alike([*asked, *sorted(unknown, key=_promise)[:count]])

    def _first(self) -> list[Line]:
        """Return the lines to rate before any is compared: of each solver, those that promise most."""
        if not task_market.by_chains(self.scenario):
            some_known = any(line.is_rated for line in self.lines)
            return [] if some_known else sorted(self.lines, key=_promise)[:FIRST_RATED]
        groups: dict[tuple[str, ...], list[Line]] = {}
        known: dict[tuple[str, str], list[Line]] = {}
        for line in self.lines:
            unit = line.candidate.deployment
            own = known.get((unit.model, unit.weights))
            if own is None:
                own = known[unit.model, unit.weights] = groups.setdefault(self._solves(line), [])
            own.append(line)
        open_groups = [own for own in groups.values() if not any(line.is_rated for line in own)]
        most = FIRST_RATED if len(groups) == 1 else FIRST_OF_SOLVER
        return [line for own in open_groups for line in sorted(own, key=_promise)[:most]]

    def _solves(self, line: Line) -> tuple[str, ...]:
        unit = line.candidate.deployment
        found = [
            task_market.solver_of(self.scenario, each, unit.model, unit.weights)
            for each in self.scenario.classes
        ]
        return tuple("" if one is None else one.name for one in found)

    def with_rated(self, keys: frozenset[str]) -> "Market":
        """Return the market with some lines predicted."""
        chosen = [line.candidate for line in self.lines if line.candidate.key in keys]
        by_key = self._predicted(chosen)
        sized = self.scenario.model_copy(update={"confidence": self.sure or self.scenario.confidence})
        terms = Terms.of(sized)
        lines: list[Line] = []
        unfit = list(self.unfit)
        for line in self.lines:
            abilities = by_key.get(line.candidate.key)
            if abilities is not None:
                line = rated_line(line.candidate, abilities, line.good_enough, terms)
                if not any(line.capacity):
                    if self.reasons:
                        unfit.append(Rejected(candidate=line.candidate.key, why=why_not(line, self.scenario)))
                    continue
            lines.append(line)
        return replace(self, lines=tuple(lines), unfit=tuple(unfit))

    def _predicted(self, chosen: Sequence[Candidate]) -> dict[str, tuple[Ability, ...]]:
        found: dict[str, tuple[Ability, ...]] = {}
        for role in dict.fromkeys(item.role for item in chosen):
            own = [item for item in chosen if item.role is role]
            part = WHOLE if role is Role.WHOLE else Part(role, halves.interconnect(self.scenario))
            rows = self.predictor.abilities([item.deployment for item in own], self.scenario.classes, part)
            found |= dict(zip((item.key for item in own), rows, strict=True))
        return found

    def goal(self, problem: Problem) -> Problem:
        """Return what is to be least: the problem itself, or its energy in place of its cost."""
        if self.scenario.objective not in ENERGY:
            return problem
        return energy_goal(problem, (line.candidate for line in self.lines), self.scenario)

    def problem(
        self,
        *,
        load: float = 1.0,
        price: Callable[[Line], float] | None = None,
        api_price: float = 1.0,
        chains: bool = True,
    ) -> Problem:
        """Return the buying problem.

        Parameters
        ----------
        load : float
            Factor on every rate.
        price : callable, optional
            Factor on the price of a line's units.
        api_price : float
            Factor on the price of every offer.
        chains : bool
            Whether chains for tasks are to be chosen; False to compare lines alone.
        """
        scenario, available = self.scenario, self.scenario.availability
        posed = Problem(
            rates=rates_of(scenario, load),
            kinds=tuple(_dearer(line, price) for line in self.lines),
            offers=tuple(metered(offer, scenario, load=load, price=api_price) for offer in self.hosted),
            periods=periods_of(scenario),
            stock=stock_of((line.candidate for line in self.lines), scenario),
            spare_units=available.spare_units,
            domains=available.domains,
            spare_domains=available.spare_domains,
        )
        if not task_market.by_chains(scenario):
            return posed
        kinds, offers = self.triers()
        return with_chains(posed, scenario, kinds, offers, load=load, chosen=chains)

    def triers(self) -> tuple[list[Trier], list[Trier]]:
        """Return the lines, and the offers, as those who try at tasks."""
        kinds = [
            self._trier(line.candidate.deployment.model, line.candidate.deployment.weights, line.try_s)
            for line in self.lines
        ]
        offers = [
            self._trier(
                one.offer.model_id or one.offer.model, None, task_market.offer_times(self.scenario, one)
            )
            for one in self.hosted
        ]
        return kinds, offers

    def _trier(self, model: str, weights: str | None, times_s: tuple[float | None, ...]) -> Trier:
        classes = self.scenario.classes
        return Trier(
            solvers=tuple(task_market.solver_of(self.scenario, each, model, weights) for each in classes),
            times_s=times_s,
        )


def _dearer(line: Line, price: Callable[[Line], float] | None) -> Kind:
    factor = 1.0 if price is None else price(line)
    if factor == 1.0:
        return line.kind
    ways = tuple(replace(way, usd_per_h=factor * way.usd_per_h) for way in line.kind.purchases)
    return replace(line.kind, purchases=ways)


def survey(scenario: Scenario, predictor: Predictor) -> tuple[Market, tuple[Candidate, ...]]:
    """Search, rate and price everything that a scenario allows.

    Returns
    -------
    Market
        Its `unfit` lists everything that was turned down on the way.
    tuple of Candidate
        What was rated, for `rate` under other limits.
    """
    search = Search(scenario)
    candidates = halves.with_halves(scenario, search.candidates())
    market = rate(scenario, candidates, predictor)
    return replace(market, unfit=(*search.rejected, *market.unfit)), candidates


def rate(
    scenario: Scenario, candidates: Sequence[Candidate], predictor: Predictor, *, reasons: bool = True
) -> Market:
    """Return the market of given candidates, and of hosted offers, under a scenario's limits and floors.

    What must be predicted stands at its ceiling until `Market.settled`; `reasons` are those of what is unfit.
    """
    lines: list[Line] = []
    unfit: list[Rejected] = []
    checked = {
        (model, weights, known): task_market.good_enough(
            scenario, model, weights, *floors.check(scenario.classes, model, weights, measured=known)
        )
        for model, weights, known in dict.fromkeys(map(_checked_by, candidates))
    }
    terms = Terms.of(scenario)
    for item in candidates:
        good_enough, shortfall = checked[_checked_by(item)]
        line = line_of(item, good_enough, terms)
        if any(line.capacity):
            lines.append(line)
        elif reasons:
            unfit.append(Rejected(candidate=item.key, why=shortfall or why_not(line, scenario)))
    return Market(
        scenario=scenario,
        lines=tuple(lines),
        hosted=task_market.for_tasks(scenario, hosted_offers(scenario, unfit), unfit),
        predictor=predictor,
        unfit=tuple(unfit),
        reasons=reasons,
    )


def _checked_by(item: Candidate) -> tuple[str, str, bool]:
    return item.deployment.model, item.deployment.weights, item.measured is not None


def _promise(line: Line) -> float:
    """Price per request/s at the best: lower is better."""
    return line.candidate.usd_per_unit_h / max(line.capacity)
