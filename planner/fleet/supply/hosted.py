"""Hosted offers as columns: what each would charge for the traffic, and whether it is good enough."""

from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase

from planner.fleet.records.plan_record import Rejected
from planner.fleet.supply import choices, floors
from tonnage.errors import UnknownName
from tonnage.units import human
from workloads.offers import Offer, offers
from workloads.scenario import ApiLimit, Scenario, TrafficClass

SECONDS_PER_HOUR = 3600.0
FASTEST_S = {"ttft": 0.1, "tpot": 0.0005}
"""Tighter limits rule hosted APIs out. ASSUMED: a request crosses the internet and queues with
others before its first token; no provider advertises more than about 2,000 tokens/s per user."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hosted:
    """An offer with its price for each class at the mean rate; None where it is not good enough."""

    offer: Offer
    usd_per_h: tuple[float | None, ...]

    @property
    def key(self) -> str:
        """Provider and model, which together are unique."""
        return f"API {self.offer.provider} {self.offer.model}"

    @property
    def group(self) -> str:
        """What makes plans differ in kind: that it is hosted, and the model."""
        return f"API {self.offer.model_id or self.offer.model}"


def hosted_offers(scenario: Scenario, rejected: list[Rejected]) -> tuple[Hosted, ...]:
    """Return the offers that may serve some class, noting why others may not.

    Where models are chosen, offers of other models are left out without a word.

    Raises
    ------
    UnknownName
        If a limit is one of no offer.
    """
    for limit in scenario.api_limits:
        _check_limit(limit)
    return tuple(_hosted(scenario, rejected)) if scenario.candidates.api else ()


def applies(limit: ApiLimit, offer: Offer) -> bool:
    """Tell whether a rate limit is one of this offer."""
    names = {offer.model.lower(), (offer.model_id or "").lower()}
    return fnmatchcase(offer.provider.lower(), limit.provider.lower()) and any(
        fnmatchcase(name, limit.model.lower()) for name in names
    )


def _check_limit(limit: ApiLimit) -> None:
    if any(applies(limit, offer) for offer in offers()):
        return
    providers = sorted({offer.provider for offer in offers()})
    if not any(fnmatchcase(name.lower(), limit.provider.lower()) for name in providers):
        raise UnknownName("provider in [[api_limit]]", limit.provider, providers)
    names = sorted({name for offer in offers() for name in (offer.model, offer.model_id) if name})
    raise UnknownName("model in [[api_limit]]", limit.model, names)


def _hosted(scenario: Scenario, rejected: list[Rejected]) -> Iterator[Hosted]:
    chosen = None if scenario.candidates.models is None else set(choices.model_names(scenario))
    for offer in offers():
        if not offer.is_current or (chosen is not None and chosen.isdisjoint((offer.model_id, offer.model))):
            continue
        if not _provided(offer, scenario.candidates.providers):
            continue
        why = [_shortfall(offer, traffic) for traffic in scenario.classes]
        if all(why):
            rejected.append(Rejected(candidate=f"API {offer.provider} {offer.model}", why=why[0]))
            continue
        yield Hosted(
            offer=offer,
            usd_per_h=tuple(
                None if reason else _usd_per_h(offer, traffic)
                for reason, traffic in zip(why, scenario.classes, strict=True)
            ),
        )


def _provided(offer: Offer, globs: tuple[str, ...] | None) -> bool:
    return globs is None or any(fnmatchcase(offer.provider.lower(), glob.lower()) for glob in globs)


def _usd_per_h(offer: Offer, traffic: TrafficClass) -> float:
    """Return what an offer charges for a class at its mean rate, cached input at its own price [USD/h]."""
    fresh = offer.input_usd_per_token or 0.0
    cached = offer.cached_input_usd_per_token if offer.cached_input_usd_per_token is not None else fresh
    part = traffic.cached_prompt_frac
    per_request = traffic.prompt_tokens * ((1 - part) * fresh + part * cached)
    per_request += traffic.output_tokens * (offer.output_usd_per_token or 0.0)
    return per_request * traffic.requests_per_s * SECONDS_PER_HOUR


def _shortfall(offer: Offer, traffic: TrafficClass) -> str:
    """Return why an offer cannot serve a class, empty if it can."""
    if offer.input_usd_per_token is None or offer.output_usd_per_token is None:
        return "no price is known"
    tokens = floors.longest_tokens(traffic)
    if offer.context_tokens is not None and tokens > offer.context_tokens:
        return f"reads {offer.context_tokens:,} tokens at most, and {tokens:,.0f} are asked for"
    return _too_slow(traffic) or floors.offer_shortfall(traffic.quality, offer)


def _too_slow(traffic: TrafficClass) -> str:
    """Return which latency limit no hosted API can keep, empty if there is none."""
    for key, limit in traffic.slo.model_dump(exclude_none=True).items():
        fastest = FASTEST_S.get(key.split("_")[0], 0.0)
        if limit < fastest:
            least = human(fastest, "s")
            return f"{key} = {human(limit, 's')} is below the {least} that any hosted API is taken to need"
    return ""
