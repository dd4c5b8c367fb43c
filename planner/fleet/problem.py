"""The buying problem and its answer as plain numbers: no device, model or engine in sight."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Priced:
    """One way to buy units of a kind.

    Attributes
    ----------
    label : str
        Says where it is bought; carried through untouched.
    usd_per_h : float
        Price of one purchase. [USD/h]
    units : int
        Units that one purchase brings: an instance of 8 devices holds 4 units of 2.
    pool : str or None
        Stock that it draws from, None if it can be bought without limit.
    pool_use : int
        Items of the stock that one purchase takes.
    """

    label: str = ""
    usd_per_h: float
    units: int = 1
    pool: str | None = None
    pool_use: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """Interchangeable units: one deployment, with all ways to buy it.

    Attributes
    ----------
    key : str
        Unique name.
    capacity : tuple of float
        Largest rate of one unit per class if it served nothing else; 0 where
        it cannot serve the class. [requests/s]
    purchases : tuple of Priced
        At least one.
    """

    key: str
    capacity: tuple[float, ...]
    purchases: tuple[Priced, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Metered:
    """A hosted offer, paid by use.

    Attributes
    ----------
    key : str
        Unique name.
    usd_per_h : tuple of float or None
        Price of serving the whole of each class at its mean rate, None where
        it may not serve the class. [USD/h]
    """

    key: str
    usd_per_h: tuple[float | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What there is to buy, and for which load.

    Attributes
    ----------
    rates : tuple of float
        Peak rate of each class, for which units are sized. [requests/s]
    kinds, offers
        The columns; capacities and prices have one value per class.
    stock : mapping of str to int
        Items in each pool.
    spare_units : int
        Units of every deployed kind beyond what its load needs.
    whole_classes : bool
        Send each class to a single kind instead of splitting it.
    """

    rates: tuple[float, ...]
    kinds: tuple[Kind, ...] = ()
    offers: tuple[Metered, ...] = ()
    stock: Mapping[str, int] = field(default_factory=dict)
    spare_units: int = 0
    whole_classes: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Mix:
    """A solution: what is bought and where each class goes.

    Attributes
    ----------
    usd_per_h : float
        Total cost. [USD/h]
    bought : tuple of tuple of int
        Purchases, per kind and way to buy.
    shares, offer_shares : tuple of tuple of float
        Fraction of each class, per kind and per offer.
    served_frac : float
        Part of the load that is served; 1 unless a part was asked for.
    gap_frac : float
        Proven distance from the optimum.
    """

    usd_per_h: float
    bought: tuple[tuple[int, ...], ...]
    shares: tuple[tuple[float, ...], ...]
    offer_shares: tuple[tuple[float, ...], ...]
    served_frac: float = 1.0
    gap_frac: float = 0.0

    @property
    def kinds_used(self) -> int:
        """Number of kinds and offers that take part."""
        return sum(any(row) for row in (*self.bought, *self.offer_shares))


def load_units(problem: Problem, shares: tuple[float, ...], kind: Kind) -> float:
    """Return how many units of a kind its shares keep busy: sum of rate over capacity."""
    return sum(
        share * rate / capacity
        for share, rate, capacity in zip(shares, problem.rates, kind.capacity, strict=True)
        if share > 0
    )


def cost_usd_per_h(problem: Problem, mix: Mix) -> float:
    """Return what the purchases and the metered shares of a mix cost [USD/h]."""
    rented = sum(
        way.usd_per_h * count
        for kind, counts in zip(problem.kinds, mix.bought, strict=True)
        for way, count in zip(kind.purchases, counts, strict=True)
    )
    metered = sum(
        price * share
        for offer, shares in zip(problem.offers, mix.offer_shares, strict=True)
        for price, share in zip(offer.usd_per_h, shares, strict=True)
        if price is not None
    )
    return rented + metered
