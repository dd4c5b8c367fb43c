"""The buying problem of a cascade: every model serves the tries that come to it, and no others.

Each pair of a tier and a traffic class is a class of the problem. Its rate is that
of the traffic times the tries per task of the tier, which follow from success
rates and the policy alone; units and offers of a model may serve its own tier only.
"""

from collections.abc import Sequence
from dataclasses import replace

from planner.fleet.market import Market
from planner.fleet.problem import Kind, Metered, Period, Problem


def problem_of(market: Market, models: Sequence[str], tries: Sequence[float]) -> Problem:
    """Return the problem of serving each model's tries.

    Parameters
    ----------
    market : Market
        Its load is that of one try at every task.
    models : sequence of str
        In the order of escalation.
    tries : sequence of float
        Per task, of each model.
    """
    whole = market.problem()
    width = len(whole.rates)
    kinds, offers = [], []
    for kind, line in zip(whole.kinds, market.lines, strict=True):
        if line.candidate.deployment.model in models:
            kinds.append(_own(kind, models.index(line.candidate.deployment.model), len(models), tries))
    for offer, hosted in zip(whole.offers, market.hosted, strict=True):
        name = hosted.offer.model_id or hosted.offer.model
        if name in models:
            offers.append(_hosted(offer, models.index(name), tries, width=width))
    return replace(
        whole,
        rates=tuple(rate * tried for tried in tries for rate in whole.rates),
        kinds=tuple(kinds),
        offers=tuple(offers),
        periods=tuple(
            Period(time_frac=part.time_frac, scale=part.scale * len(models)) for part in whole.periods
        ),
    )


def _own(kind: Kind, tier: int, tiers: int, tries: Sequence[float]) -> Kind:
    width = len(kind.capacity)
    capacity = [0.0] * (width * tiers)
    capacity[tier * width : (tier + 1) * width] = kind.capacity
    served = tuple(usd * tried for tried in tries for usd in kind.served_usd_per_h)
    return replace(kind, capacity=tuple(capacity), served_usd_per_h=served)


def _hosted(offer: Metered, tier: int, tries: Sequence[float], *, width: int) -> Metered:
    prices: list[float | None] = [None] * (width * len(tries))
    for place, usd in enumerate(offer.usd_per_h):
        prices[tier * width + place] = None if usd is None else usd * tries[tier]
    limits = tuple(
        replace(limit, use=tuple(use * tried for tried in tries for use in limit.use))
        for limit in offer.limits
    )
    return replace(offer, usd_per_h=tuple(prices), limits=limits)
