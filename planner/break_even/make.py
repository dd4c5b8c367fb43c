"""Find, for each model of one's own and each offer it competes with, where the two cost the same."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from planner.break_even.crossing import Crossing, crossing
from planner.break_even.record import BreakEven, Pair, Point
from planner.break_even.tasks import task_even
from planner.fleet.answer.outcome import Outcome, solve
from planner.fleet.peak import peak_rate
from planner.fleet.programme.problem import Priced
from planner.fleet.questions import relax
from planner.fleet.supply.ability import Predictor
from planner.fleet.supply.hosted import Hosted
from planner.fleet.supply.line import Line
from planner.fleet.supply.market import Market, survey
from tonnage.evidence import Quantiles, weakest
from tonnage.units import HOURS_PER_MONTH
from workloads.scenario import Objective, Scenario

MODELS = 5
"""Own models that are compared: those whose full units cost least."""
LOADS = tuple(2.0 ** (step / 2) for step in range(-12, 7))
"""Of the curve: from 1/64 of the scenario's load to 8 times it."""
SECONDS_PER_HOUR = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Own:
    """The unit of a model that carries the scenario's mix for least.

    Attributes
    ----------
    full_at : float
        Load that one unit carries, as a factor on the scenario's load.
    """

    line: Line
    way: Priced
    full_at: float

    @property
    def model(self) -> str:
        """What it runs."""
        return self.line.candidate.deployment.model

    @property
    def unit_usd_per_h(self) -> float:
        """Price of one unit that can be counted on [USD/h]."""
        return self.way.usd_per_h / self.way.usable

    @property
    def usd_per_h_full(self) -> float:
        """Cost of the scenario's load on full units [USD/h]."""
        return self.unit_usd_per_h / self.full_at


def break_even(scenario: Scenario) -> BreakEven:
    """Return where units of one's own and hosted offers cost the same.

    Parameters
    ----------
    scenario : Scenario
        Its limits, floors and candidates hold on both sides; its budget does not.

    Raises
    ------
    UnknownName
        If a device, model or format is in no catalog.
    """
    both = _requests_alone(scenario)
    market, _ = survey(both, Predictor())
    market = _rated_for_every_model(market)
    offers = sorted(_for_all_classes(market.hosted), key=_usd_per_h)
    owns = sorted(_best_of_each_model(market), key=lambda own: own.usd_per_h_full)[:MODELS]
    rows = [(own, offer) for own in owns for offer in _rivals(own, offers)]
    return BreakEven(
        scenario=both,
        pairs=tuple(_pair(own, offer, market) for own, offer in rows),
        curve=tuple(_curve(market, *rows[0])) if rows else (),
        task=task_even(scenario),
        notes=tuple(_notes(both, owns, offers)),
    )


def _requests_alone(scenario: Scenario) -> Scenario:
    """Return the scenario with hosted offers and without tasks: the same requests, whoever serves them."""
    plain = relax.each_class(scenario, lambda traffic: traffic.model_copy(update={"task": None}))
    return plain.model_copy(
        update={
            "candidates": scenario.candidates.model_copy(update={"api": True}),
            "objective": Objective.COST,
            "task": None,
        }
    )


def _rated_for_every_model(market: Market) -> Market:
    """Settle each model on its own: one that others beat is still worth comparing."""
    models = dict.fromkeys(line.candidate.deployment.model for line in market.lines)
    lines: list[Line] = []
    for model in models:
        own = tuple(line for line in market.lines if line.candidate.deployment.model == model)
        lines += market.of_lines(own).without_hosted().settled().rated()
    return market.of_lines(tuple(lines))


def _for_all_classes(hosted: Sequence[Hosted]) -> list[Hosted]:
    return [offer for offer in hosted if None not in offer.usd_per_h]


def _usd_per_h(offer: Hosted) -> float:
    return sum(price for price in offer.usd_per_h if price is not None)


def _best_of_each_model(market: Market) -> list[Own]:
    best: dict[str, Own] = {}
    for own in _units(market):
        if own.model not in best or own.usd_per_h_full < best[own.model].usd_per_h_full:
            best[own.model] = own
    return list(best.values())


def _units(market: Market) -> Iterator[Own]:
    """Yield every kind of unit that serves all classes, at its lowest price."""
    for line in market.lines:
        full_at = _full_at(market.scenario, line.capacity)
        if full_at is not None:
            yield Own(line=line, way=min(line.kind.purchases, key=_unit_price), full_at=full_at)


def _unit_price(way: Priced) -> float:
    return way.usd_per_h / way.usable


def _full_at(scenario: Scenario, capacity: Sequence[float]) -> float | None:
    """Return the factor on the load at which one unit is full, None if it cannot serve every class."""
    if not all(capacity):
        return None
    return 1.0 / sum(peak_rate(each) / able for each, able in zip(scenario.classes, capacity, strict=True))


def _rivals(own: Own, offers: Sequence[Hosted]) -> list[Hosted]:
    """Return the cheapest offer of all, and the cheapest of the same model."""
    same = [offer for offer in offers if offer.offer.model_id == own.model]
    return list({offer.key: offer for offer in (*offers[:1], *same[:1])}.values())


def _pair(own: Own, offer: Hosted, market: Market) -> Pair:
    scenario, api = market.scenario, _usd_per_h(offer)
    found = _crossing(own, api, scenario)
    others = [_crossing(one, api, scenario) for one in _units(market) if one.model == own.model]
    first = min((one.first for one in others if one.first is not None), default=None)
    always = min((one.always for one in others if one.always is not None), default=None)
    rate = sum(each.requests_per_s for each in scenario.classes)
    tokens = sum(each.requests_per_s * (each.prompt_tokens + each.output_tokens) for each in scenario.classes)
    mtok_per_h = tokens * SECONDS_PER_HOUR / 1e6
    what = own.line.candidate.deployment
    return Pair(
        own=f"{what.model} {what.weights} on {what.devices} x {what.device}",
        own_model=what.model,
        unit_usd_per_h=own.unit_usd_per_h,
        price_basis=own.way.label,
        unit_requests_per_s=own.full_at * rate,
        own_usd_per_mtok=own.usd_per_h_full / mtok_per_h,
        provider=offer.offer.provider,
        api_model=offer.offer.model,
        same_model=offer.offer.model_id == what.model,
        api_usd_per_mtok=api / mtok_per_h,
        price_as_of=offer.offer.as_of,
        utilization=found.utilization,
        utilization_interval=_interval(own, api, scenario),
        first_requests_per_s=None if first is None else first * rate,
        always_requests_per_s=None if always is None else always * rate,
        first_mtok_per_month=None if first is None else first * mtok_per_h * HOURS_PER_MONTH,
        evidence=weakest(ability.evidence for ability in own.line.abilities or ()),
    )


def _crossing(own: Own, api_usd_per_h: float, scenario: Scenario) -> Crossing:
    return crossing(
        usd_per_h=own.unit_usd_per_h,
        full_at=own.full_at,
        api_usd_per_h=api_usd_per_h,
        spare=scenario.availability.spare_units,
    )


def _interval(own: Own, api_usd_per_h: float, scenario: Scenario) -> Quantiles | None:
    """Return the break-even utilisation at the ends of the capacities' intervals."""
    able = [ability.requests_per_s for ability in own.line.abilities or ()]
    if any(quantiles is None for quantiles in able) or api_usd_per_h <= 0:
        return None
    ends = []
    for name in ("p90", "p50", "p10"):
        full_at = _full_at(scenario, [getattr(quantiles, name) for quantiles in able])
        if full_at is None:
            return None
        ends.append(own.unit_usd_per_h / full_at / api_usd_per_h)
    return Quantiles(p10=ends[0], p50=ends[1], p90=ends[2])


def _curve(market: Market, own: Own, offer: Hosted) -> Iterator[Point]:
    """Solve each load with the units of one model alone, and with the offer beside them."""
    model = own.model
    units = market.of_lines(
        tuple(line for line in market.lines if line.candidate.deployment.model == model)
    ).without_hosted()
    both = replace(units, hosted=(offer,))
    rate = sum(each.requests_per_s for each in market.scenario.classes)
    for load in LOADS:
        alone, mixed = solve(units, load=load, quick=True), solve(both, load=load, quick=True)
        yield Point(
            requests_per_s=load * rate,
            own_usd_per_month=None if alone is None else alone.usd_per_month,
            api_usd_per_month=load * _usd_per_h(offer) * HOURS_PER_MONTH,
            mix_usd_per_month=None if mixed is None else mixed.usd_per_month,
            mix_api_frac=None if mixed is None else _api_frac(mixed),
            own_units=None if alone is None else sum(item.count for item in alone.deployed()),
        )


def _api_frac(outcome: Outcome) -> float:
    classes = outcome.market.scenario.classes
    total = sum(each.requests_per_s for each in classes)
    hosted = sum(
        share * each.requests_per_s
        for row in outcome.mix.offer_shares
        for share, each in zip(row, classes, strict=True)
    )
    return hosted / total


def _notes(scenario: Scenario, owns: Sequence[Own], offers: Sequence[Hosted]) -> Iterator[str]:
    if not owns:
        yield "No unit of one's own serves every class under the limits and floors."
    if not offers:
        yield "No hosted offer serves every class under the limits and floors."
    if owns and offers:
        yield (
            f"Units are sized so that limits hold with probability {scenario.confidence:g}; "
            "offers are taken to hold them, and charge list prices."
        )
        yield (
            "The break-even utilisation is that of one more unit in a mix as well: "
            "it pays off once it is busy for that part of its capacity."
        )
    if any(each.profile for each in scenario.classes):
        yield "Pairs count units bought for the busiest period all day; the curve buys each period its own."
