"""The numbers of a buying problem from a scenario: periods, offers with their limits, stocks."""

from collections.abc import Iterable, Mapping

from planner.fleet.programme.problem import Metered, Period, UseLimit
from planner.fleet.supply.candidates import Candidate
from planner.fleet.supply.hosted import Hosted, applies
from planner.fleet.supply.limits import limits_of
from workloads.profile import aligned
from workloads.scenario import ApiLimit, Scenario


def periods_of(scenario: Scenario) -> tuple[Period, ...]:
    """Return equally long periods with the rate of each class over its mean; empty where all are flat."""
    if not any(len(set(traffic.profile)) > 1 for traffic in scenario.classes):
        return ()
    profiles = aligned([traffic.profile for traffic in scenario.classes])
    return tuple(Period(time_frac=1 / len(profiles[0]), scale=scale) for scale in zip(*profiles, strict=True))


def rates_of(scenario: Scenario, load: float) -> tuple[float, ...]:
    """Return the rates that units are sized for [requests/s]."""
    return tuple(load * item.requests_per_s * item.peak_to_mean for item in scenario.classes)


def metered(offer: Hosted, scenario: Scenario, *, load: float, price: float) -> Metered:
    """Return an offer as a column; its limits hold at the peak rates."""
    factor = load * price
    return Metered(
        key=offer.key,
        usd_per_h=tuple(None if usd is None else factor * usd for usd in offer.usd_per_h),
        limits=tuple(
            limit
            for item in scenario.api_limits
            if applies(item, offer.offer)
            for limit in _use_limits(item, scenario, load)
        ),
    )


def _use_limits(limit: ApiLimit, scenario: Scenario, load: float) -> Iterable[UseLimit]:
    rates = rates_of(scenario, load)
    if limit.requests_per_s is not None:
        yield UseLimit(label="requests per minute", use=rates, at_most=limit.requests_per_s)
    if limit.tokens_per_s is not None:
        tokens = tuple(
            rate * (item.prompt_tokens + item.output_tokens)
            for rate, item in zip(rates, scenario.classes, strict=True)
        )
        yield UseLimit(label="tokens per minute", use=tokens, at_most=limit.tokens_per_s)


def stock_of(candidates: Iterable[Candidate], scenario: Scenario) -> Mapping[str, float]:
    """Return what there is of owned hardware, and of what quotas and the site limit."""
    pools: dict[str, float] = {}
    for item in candidates:
        pools |= item.stock
    return {**pools, **limits_of(scenario).amounts()}
