"""What a plan takes for granted, in sentences."""

from collections.abc import Iterator

from planner.fleet.answer.outcome import Outcome
from planner.fleet.solve.split_search import is_half
from planner.fleet.supply import floors
from planner.fleet.supply.energy_goal import ENERGY
from planner.fleet.supply.halves import interconnect, looked_at
from planner.serving.disaggregation import REACH_FRAC
from planner.serving.units.halves import PLACE_FRAC
from workloads.scenario import Purchase, Scenario


def assumptions(outcome: Outcome) -> tuple[str, ...]:
    """Return the sentences that belong to an outcome."""
    scenario = outcome.market.scenario
    return (
        *_of_capacity(outcome),
        *_of_hosted(outcome),
        *_of_splits(outcome),
        *_of_demand(scenario),
        *_of_energy(scenario),
        *_of_purchases(outcome),
        "Prices are list prices of the dates shown, without taxes, storage and network traffic.",
    )


def _of_capacity(outcome: Outcome) -> Iterator[str]:
    deployed, confidence = outcome.deployed(), outcome.market.scenario.confidence
    if any(item.line.candidate.measured is not None for item in deployed):
        yield "Capacities given in the scenario are taken as they are, with no further headroom."
    if any(item.line.candidate.measured is None for item in deployed):
        yield (
            f"Units are sized so that their limits hold with probability {confidence:g}, "
            "by the prediction intervals; errors of different kinds are taken as independent."
        )
        yield "A unit that serves several classes is busy for the sum of their rates over capacities."


def _of_splits(outcome: Outcome) -> Iterator[str]:
    scenario = outcome.market.scenario
    if "split" not in scenario.candidates.roles:
        yield (
            "Prefill and decode on units of their own were not looked at; "
            'ask for them with candidates.roles = ["whole", "split"] or --roles whole,split.'
        )
        return
    if not looked_at(scenario):
        yield "Where chains of models are chosen, prefill and decode on units of their own are not looked at."
        return
    if not any(is_half(item.line) for item in outcome.deployed()):
        yield "Prefill and decode on units of their own were looked at, and are not cheaper."
        return
    said = scenario.candidates.interconnect
    network = f"{interconnect(scenario)}, of which {REACH_FRAC:.0%} is reached"
    yield (
        f"Caches of split requests move over {network} ({'ASSUMED share' if said else 'both ASSUMED'}), each "
        "device sending its part; units of one provider and region are taken to share that network."
    )
    yield (
        "First tokens leave the decode unit, after the cache has moved. Of a limit on them, the wait for a "
        f"place in a decode batch may take {PLACE_FRAC:.0%}, a step or two there as long as the limit on "
        "steps lets them be, and what comes before that the rest. A decode unit takes caches from units of "
        "as many devices or fewer."
    )


def _of_hosted(outcome: Outcome) -> Iterator[str]:
    used = [
        offer
        for offer, shares in zip(outcome.problem.offers, outcome.mix.offer_shares, strict=True)
        if any(shares)
    ]
    if used and all(offer.limits for offer in used):
        yield (
            "Hosted APIs are taken to hold these latency limits, which the catalog does not say; the "
            "probability that limits hold covers own units alone."
        )
    elif used:
        yield (
            "Hosted APIs are taken to hold these latency limits and to have no rate limit: the catalog has "
            "neither, and the probability that limits hold covers own units alone."
        )
    if used and any(traffic.cached_prompt_frac for traffic in outcome.market.scenario.classes):
        yield "Cached prompts are cheaper at APIs that sell them so; own units are sized without a cache."


def _of_demand(scenario: Scenario) -> Iterator[str]:
    if scenario.candidates.models is None and not floors.highest(scenario):
        yield "No quality floor is set and no model is named, so the cheapest model wins."
    if any(traffic.profile for traffic in scenario.classes):
        yield (
            "What is rented by the hour is rented anew in each period, ready at its start; what is reserved "
            "or owned is paid for in all of them. Where that ties periods together, what-if answers are "
            "searched for a few seconds each and are bounds rather than optima: one may be off by several "
            "percent, more with many classes, and a flip that it names is to be solved by itself."
        )


def _of_energy(scenario: Scenario) -> Iterator[str]:
    if scenario.objective in ENERGY:
        yield (
            "Energy is that of devices at their thermal limit while they are busy (assumed; idle draw is "
            "left out). Hosted APIs are left out, as nobody says what they draw. Of plans that take as "
            "little energy it is the cheapest."
        )


def _of_purchases(outcome: Outcome) -> Iterator[str]:
    scenario = outcome.market.scenario
    ways = {
        lot.purchase
        for item in outcome.deployed()
        for (lot, _), count in zip(item.line.candidate.bought, item.bought, strict=True)
        if count
    }
    if Purchase.SPOT in ways:
        yield (
            f"Spot instances can be taken back at short notice: {scenario.candidates.spot_reserve_frac:.0%} "
            "of them are taken to be missing at any time (assumed; set candidates.spot_reserve_frac)."
        )
    if Purchase.OWNED in ways:
        yield (
            "Owned hardware is taken to draw its full power at all hours."
            if scenario.site.usd_per_kwh
            else "Owned hardware draws power at no charge: no price of electricity is set (site.usd_per_kwh)."
        )
    if Purchase.RESERVED in ways:
        yield "Reserved hardware is paid for as long as its reservation binds, needed or not."
    if outcome.problem.spare_domains:
        yield (
            f"Each way to buy a kind is spread evenly over {outcome.problem.domains} failure domains, of "
            f"which {outcome.problem.spare_domains} may fail at once; moving traffic takes no time."
        )
