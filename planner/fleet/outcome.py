"""A solved mix in the words of a plan: units, API use, what users will feel, how sure it is."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from hw_targets import catalog
from planner.fleet.ability import Ability
from planner.fleet.market import Line, Market
from planner.fleet.mix import cheapest
from planner.fleet.plan_record import ApiUse, Unit
from planner.fleet.problem import Mix, Problem, load_units
from planner.fleet.slo import all_hold, probability
from tonnage.evidence import Evidence, weakest
from tonnage.units import HOURS_PER_MONTH


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployed:
    """One line that a mix buys.

    Attributes
    ----------
    count : int
        Units, spares included.
    busy : float
        Units that the load keeps busy.
    """

    line: Line
    bought: tuple[int, ...]
    shares: tuple[float, ...]
    count: int
    busy: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """A mix with the market that it was bought on, and the lines that the problem is about."""

    market: Market
    lines: tuple[Line, ...]
    problem: Problem
    mix: Mix

    @property
    def usd_per_month(self) -> float:
        """Cost of a month of 730 h."""
        return self.mix.usd_per_h * HOURS_PER_MONTH

    @property
    def within_budget(self) -> bool:
        """The scenario's budget, if there is one, is kept."""
        budget = self.market.scenario.budget.usd_per_month
        return budget is None or self.usd_per_month <= budget * (1 + 1e-9)

    def deployed(self) -> tuple[Deployed, ...]:
        """Return the lines that are bought, the largest share of the load first."""
        rows = zip(self.lines, self.problem.kinds, self.mix.bought, self.mix.shares, strict=True)
        found = [
            Deployed(
                line=line,
                bought=bought,
                shares=shares,
                count=sum(n * way.units for n, way in zip(bought, kind.purchases, strict=True)),
                busy=load_units(self.problem, shares, kind),
            )
            for line, kind, bought, shares in rows
            if any(bought)
        ]
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
        return tuple(
            ApiUse(
                provider=offer.offer.provider,
                model=offer.offer.model,
                share=_named(names, shares),
                usd_per_h=sum(
                    share * price
                    for share, price in zip(shares, metered.usd_per_h, strict=True)
                    if price is not None
                ),
                price_as_of=offer.offer.as_of,
            )
            for offer, metered, shares in zip(
                self.market.hosted, self.problem.offers, self.mix.offer_shares, strict=True
            )
            if any(shares)
        )

    def slo_probability(self) -> float | None:
        """Return how likely every kind carries its load under the limits; None if nothing is predicted.

        Spares are not counted: they are for failures. The errors of one unit's
        classes go together, so the least likely class decides for it.
        """
        spare = self.market.scenario.availability.spare_units
        predicted = [item for item in self.deployed() if item.line.candidate.measured is None]
        if not predicted:
            return None
        return all_hold(_holds(item, spare) for item in predicted)

    def _classes(self) -> tuple[str, ...]:
        return tuple(traffic.name for traffic in self.market.scenario.classes)


def solve(
    market: Market,
    *,
    load: float = 1.0,
    price: Callable[[Line], float] | None = None,
    api_price: float = 1.0,
) -> Outcome | None:
    """Return the cheapest outcome on a market, whatever the budget; None if it cannot carry the load.

    The factors are those of `Market.problem`.
    """
    settled = market.settled()
    lines = settled.rated()
    problem = settled.of_lines(lines).problem(load=load, price=price, api_price=api_price)
    mix = cheapest(problem)
    return None if mix is None else Outcome(market=settled, lines=lines, problem=problem, mix=mix)


def label_of(outcome: Outcome) -> str:
    """Return what runs where in one line: `4 x nvidia-l4 in units of 2: llama-3.1-8b FP8`."""
    own = [_line_label(item) for item in outcome.deployed()]
    return " + ".join([*own, *(f"API {use.provider} {use.model}" for use in outcome.api())])


def _line_label(item: Deployed) -> str:
    cut = item.line.candidate.deployment
    units = f" in units of {cut.devices}" if cut.devices > 1 else ""
    return f"{item.count * cut.devices} x {cut.device}{units}: {cut.model} {cut.weights}"


def _named(names: Sequence[str], values: Sequence[float]) -> dict[str, float]:
    return {name: value for name, value in zip(names, values, strict=True) if value > 0}


def served(item: Deployed) -> list[Ability]:
    """Return the abilities for the classes that these units serve."""
    return [
        ability for ability, share in zip(item.line.abilities or (), item.shares, strict=True) if share > 0
    ]


def _holds(item: Deployed, spare: int) -> float:
    """Probability that the units at work reach the load: capacity over its sized value against use."""
    use = item.busy / max(item.count - spare, 1)
    chances = [
        probability(ability.requests_per_s, needed=use * sized)
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
    for (lot, priced), count in zip(item.line.candidate.bought, item.bought, strict=True):
        units = count * priced.units
        if not units:
            continue
        part = units / item.count
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
            count=units,
            purchase=lot.purchase.value,
            price_basis=priced.label,
            usd_per_h=count * priced.usd_per_h,
            share=_named(names, [part * share for share in item.shares]),
            utilization=min(item.busy / item.count, 1.0),
            capacity_requests_per_s=_named(names, item.line.capacity),
            memory_bytes=max((a.memory_bytes for a in abilities if a.memory_bytes), default=None),
            power_w=_power_w(deployment.device, units * deployment.devices),
            evidence=weakest(ability.evidence for ability in abilities) if abilities else Evidence.ASSUMED,
        )


def _power_w(device: str, devices: int) -> float | None:
    """Power of the devices at their thermal limit, hosts not counted."""
    tdp_w = catalog.get(device).tdp_w if device in catalog.names() else None
    return None if tdp_w is None else tdp_w * devices
