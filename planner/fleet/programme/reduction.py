"""A problem without what others replace, and the way back to the one that was given."""

from dataclasses import dataclass, replace

from planner.fleet.programme.problem import Mix, PeriodMix, Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Reduction:
    """A smaller problem with the same optimum, and the way back.

    Attributes
    ----------
    problem : Problem
        Kinds and offers that are left, each kind with the purchases that are left.
    ways : tuple of (int, tuple of int)
        Per kind left: its place in the problem given, and those of its purchases.
    offers : tuple of int
        Places of the offers that are left.
    """

    given: Problem
    problem: Problem
    ways: tuple[tuple[int, tuple[int, ...]], ...]
    offers: tuple[int, ...]

    @property
    def dropped(self) -> tuple[int, ...]:
        """Places of the kinds that are dominated."""
        left = {kind for kind, _ in self.ways}
        return tuple(kind for kind in range(len(self.given.kinds)) if kind not in left)

    def expand(self, mix: Mix) -> Mix:
        """Return a mix of the smaller problem as one of the problem given."""
        whole = self._whole(
            PeriodMix(bought=mix.bought, shares=mix.shares, offer_shares=mix.offer_shares, chains=mix.chains)
        )
        single = len(mix.by_period) == 1
        return replace(
            mix,
            bought=whole.bought,
            shares=whole.shares,
            offer_shares=whole.offer_shares,
            by_period=(whole,) if single else tuple(map(self._whole, mix.by_period)),
        )

    def _whole(self, part: PeriodMix) -> PeriodMix:
        none = (0.0,) * len(self.given.rates)
        bought = [(0,) * len(kind.purchases) for kind in self.given.kinds]
        shares = [none] * len(self.given.kinds)
        offer_shares = [none] * len(self.given.offers)
        for place, (kind, ways) in enumerate(self.ways):
            shares[kind] = part.shares[place]
            counts = dict(zip(ways, part.bought[place], strict=True))
            bought[kind] = tuple(counts.get(way, 0) for way in range(len(bought[kind])))
        for place, offer in enumerate(self.offers):
            offer_shares[offer] = part.offer_shares[place]
        return PeriodMix(
            bought=tuple(bought),
            shares=tuple(shares),
            offer_shares=tuple(offer_shares),
            chains=part.chains,
        )
