"""A solved mix in the words of a plan: units, API use, what users will feel, how sure it is."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from planner.fleet.programme.problem import Mix, Period, Problem, load_units
from planner.fleet.programme.solution import held
from planner.fleet.records.plan_record import ApiUse, Unit
from planner.fleet.solve.best_mix import best_mix
from planner.fleet.solve.mix import cheapest_of_best
from planner.fleet.solve.split_search import is_half, narrowed
from planner.fleet.solve.task_solve import bill_usd_per_h, usd_per_right
from planner.fleet.supply.ability import Ability
from planner.fleet.supply.line import Line
from planner.fleet.supply.market import Market
from planner.fleet.supply.money import tdp_w
from planner.fleet.supply.slo import all_hold, probability
from tonnage.evidence import Evidence, weakest
from tonnage.units import HOURS_PER_MONTH
from workloads.scenario import Budget, Objective


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployed:
    """One line that a mix buys.

    Attributes
    ----------
    bought : tuple of int
        Purchases of each way, the most of any period.
    by_period : tuple of tuple of int
        The same in each period.
    shares : tuple of float
        Part of each class's requests.
    count : int
        Units, spares included, the most of any period.
    busy : float
        Of so many units, those that the load keeps busy when it is heaviest for them.
    at_work_frac : float
        Load of the units that are left without spares, where it is heaviest.
    """

    line: Line
    bought: tuple[int, ...]
    by_period: tuple[tuple[int, ...], ...]
    shares: tuple[float, ...]
    count: int
    busy: float
    at_work_frac: float

    @property
    def units_by_period(self) -> tuple[int, ...]:
        """Units in each period."""
        ways = self.line.kind.purchases
        return tuple(
            sum(n * way.units for n, way in zip(counts, ways, strict=True)) for counts in self.by_period
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """A mix with the market that it was bought on, and the lines that the problem is about."""

    market: Market
    lines: tuple[Line, ...]
    problem: Problem
    mix: Mix

    @property
    def bill_usd_per_h(self) -> float:
        """Cost of units and offers; checks of results, and persons, are not in it [USD/h]."""
        return bill_usd_per_h(self.problem, self.mix)

    @property
    def usd_per_month(self) -> float:
        """Cost of units and offers in a month of 730 h."""
        return self.bill_usd_per_h * HOURS_PER_MONTH

    @property
    def usd_per_reliable_task(self) -> float | None:
        """All spend over the tasks that end right; None where chains are not chosen."""
        return usd_per_right(self.problem, self.mix)

    @property
    def worth(self) -> float:
        """What the plan makes least: spend per task that ends right, or spend per hour."""
        per_task = self.market.scenario.objective is Objective.RELIABLE_TASK
        found = self.usd_per_reliable_task if per_task else None
        return self.mix.usd_per_h if found is None else found

    @property
    def tries(self) -> tuple[float, ...]:
        """Per class, its shares all together: 1, or tries per task where chains are chosen."""
        rows = (*self.mix.shares, *self.mix.offer_shares)  # no class with tasks is split in halves
        return tuple(
            sum(row[j] for row in rows) if j in self.problem.tasks.classes else 1.0
            for j in range(len(self.problem.rates))
        )

    @property
    def within_budget(self) -> bool:
        """The scenario's budget, if there is one, is kept."""
        return self.keeps(self.market.scenario.budget)

    def keeps(self, budget: Budget) -> bool:
        """Tell whether a budget, if it is one, is kept."""
        most = budget.usd_per_month
        return most is None or self.usd_per_month <= most * (1 + 1e-9)

    def deployed(self) -> tuple[Deployed, ...]:
        """Return the lines that are bought, the largest share of the load first."""
        found = [_deployed(self, place) for place, bought in enumerate(self.mix.bought) if any(bought)]
        return tuple(sorted(found, key=lambda item: -sum(item.shares)))

    def groups(self) -> frozenset[str]:
        """Return the kinds of hardware and model that take part."""
        own = {item.line.candidate.group for item in self.deployed()}
        hosted = {
            offer.group
            for offer, shares in zip(self.market.hosted, self.mix.offer_shares, strict=True)
            if any(shares)
        }
        return frozenset(own | hosted)

    def units(self) -> tuple[Unit, ...]:
        """Return one record per line and way to buy it."""
        return tuple(unit for item in self.deployed() for unit in _units(self, item))

    def unit_keys(self) -> tuple[str, ...]:
        """Return the candidate of each record of `units`, in the same order."""
        return tuple(item.line.candidate.key for item in self.deployed() for count in item.bought if count)

    def api(self) -> tuple[ApiUse, ...]:
        """Return the traffic that hosted offers serve."""
        names = self._classes()
        rows = zip(self.market.hosted, self.problem.offers, self.mix.offer_shares, strict=True)
        return tuple(
            ApiUse(
                provider=offer.offer.provider,
                model=offer.offer.model,
                share=_named(names, self.parts(shares)),
                usd_per_h=sum(
                    share * price
                    for share, price in zip(shares, metered.usd_per_h, strict=True)
                    if price is not None
                ),
                price_as_of=offer.offer.as_of,
            )
            for offer, metered, shares in rows
            if any(shares)
        )

    def parts(self, shares: Sequence[float]) -> tuple[float, ...]:
        """Return shares as parts of each class's requests."""
        return tuple(share / tries if tries else 0.0 for share, tries in zip(shares, self.tries, strict=True))

    def slo_probability(self) -> float | None:
        """Return how likely every kind carries its load under the limits; None if nothing is predicted.

        Spares are not counted: they are for failures. The errors of one unit's
        classes go together, so the least likely class decides for it.
        """
        predicted = [item for item in self.deployed() if item.line.candidate.measured is None]
        if not predicted:
            return None
        return all_hold(_holds(item) for item in predicted)

    def _classes(self) -> tuple[str, ...]:
        return tuple(traffic.name for traffic in self.market.scenario.classes)


def solve(
    market: Market,
    *,
    load: float = 1.0,
    price: Callable[[Line], float] | None = None,
    api_price: float = 1.0,
    quick: bool = False,
) -> Outcome | None:
    """Return the cheapest outcome on a market, whatever the budget; None if it cannot carry the load.

    The factors are those of `Market.problem`. A quick answer is within one percent
    where periods are tied together; it is exact elsewhere.
    """
    settled = market.settled()
    chosen = settled.of_lines(settled.rated())
    if any(map(is_half, settled.lines)):
        settled, chosen = narrowed(
            settled,
            lambda some: some.goal(some.problem(load=load, price=price, api_price=api_price)),
            lambda goal: best_mix(goal, settled.scenario, quick=True),
        )
    problem = chosen.problem(load=load, price=price, api_price=api_price)
    goal = chosen.goal(problem)
    mix = best_mix(goal, settled.scenario, quick=quick)
    if mix is not None and goal is not problem:
        mix = cheapest_of_best(problem, goal, mix)
    return None if mix is None else Outcome(market=settled, lines=chosen.lines, problem=problem, mix=mix)


def _named(names: Sequence[str], values: Sequence[float]) -> dict[str, float]:
    return {name: value for name, value in zip(names, values, strict=True) if value > 0}


def served(item: Deployed) -> list[Ability]:
    """Return the abilities for the classes that these units serve."""
    return [
        ability for ability, share in zip(item.line.abilities or (), item.shares, strict=True) if share > 0
    ]


def _deployed(outcome: Outcome, place: int) -> Deployed:
    """Look for the period in which a line's units are busiest."""
    problem, mix = outcome.problem, outcome.mix
    kind, spare = problem.kinds[place], problem.spare_units
    counts, busy = [], []
    for period, part in zip(problem.spans, mix.by_period, strict=True):
        counts.append(part.bought[place])
        busy.append(load_units(problem, part.shares[place], kind, period))
    usable = [
        sum(held(problem, way, n) for way, n in zip(kind.purchases, row, strict=True)) for row in counts
    ]
    units = [sum(n * way.units for n, way in zip(row, kind.purchases, strict=True)) for row in counts]
    count = max(units)
    return Deployed(
        line=outcome.lines[place],
        bought=mix.bought[place],
        by_period=tuple(counts),
        shares=mix.shares[place],
        count=count,
        busy=count * max(used / n for used, n in zip(busy, units, strict=True) if n),
        at_work_frac=max(
            used / left if (left := n - spare) > 0 else used for used, n in zip(busy, usable, strict=True)
        ),
    )


def _holds(item: Deployed) -> float:
    """Probability that the units at work reach the load: capacity over its sized value against use."""
    chances = [
        probability(ability.requests_per_s, needed=item.at_work_frac * sized)
        for ability, sized, share in zip(
            item.line.abilities or (), item.line.capacity, item.shares, strict=True
        )
        if share > 0 and ability.requests_per_s is not None
    ]
    return min(chances, default=1.0)


def _units(outcome: Outcome, item: Deployed) -> Iterable[Unit]:
    deployment = item.line.candidate.deployment
    names = tuple(traffic.name for traffic in outcome.market.scenario.classes)
    abilities = served(item)
    spans = outcome.problem.spans
    each_w = tdp_w(deployment.device)  # at the thermal limit, hosts not counted
    unit_hours = _on_mean(item.units_by_period, spans)
    for place, (lot, priced) in enumerate(item.line.candidate.bought):
        counts = tuple(row[place] for row in item.by_period)
        if not any(counts):
            continue
        mean = _on_mean(counts, spans)
        units = max(counts) * priced.units
        yield Unit(
            device=deployment.device,
            devices_per_unit=deployment.devices,
            model=deployment.model,
            weights=deployment.weights,
            kv=deployment.kv,
            engine=deployment.engine or "",
            backend=deployment.backend,
            tp=deployment.tp,
            pp=deployment.pp,
            role=item.line.candidate.role.value,
            pool=item.line.candidate.lane or None,
            count=units,
            count_by_period=tuple(n * priced.units for n in counts) if len(counts) > 1 else (),
            purchase=lot.purchase.value,
            term_years=lot.term_years,
            price_basis=priced.label,
            usd_per_h=mean * priced.usd_per_h,
            share=_named(
                names, [mean * priced.units / unit_hours * share for share in outcome.parts(item.shares)]
            ),
            utilization=min(item.busy / item.count, 1.0),
            capacity_requests_per_s=_named(names, item.line.capacity),
            memory_bytes=max((a.memory_bytes for a in abilities if a.memory_bytes), default=None),
            power_w=None if each_w is None else each_w * units * deployment.devices,
            evidence=weakest(ability.evidence for ability in abilities) if abilities else Evidence.ASSUMED,
        )


def _on_mean(counts: Sequence[int], spans: Sequence[Period]) -> float:
    """Mean over time; exactly the count where it stays."""
    if len(set(counts)) == 1:
        return float(counts[0])
    return sum(n * period.time_frac for n, period in zip(counts, spans, strict=True))
