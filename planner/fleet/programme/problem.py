"""The buying problem and its answer as plain numbers: no device, model or engine in sight."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from planner.fleet.programme.chain import NO_SKILL, NO_TASKS, Skill, TaskRules
from planner.role import Role


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
    available_frac : float
        Part of its units that can be counted on; below 1 where instances may be taken back.
    committed : bool
        Bought for all periods in one number, instead of anew in each period.
    since : int
        First of the periods in which it is there and paid for; only where it is committed.
    pool : str or None
        Stock that it draws from, None if it can be bought without limit.
    pool_use : float
        Items of the stock that one purchase takes.
    draws : tuple of (str, float)
        What one purchase takes of further limits of the problem.
    """

    label: str = ""
    usd_per_h: float
    units: int = 1
    available_frac: float = 1.0
    committed: bool = False
    since: int = 0
    pool: str | None = None
    pool_use: float = 0
    draws: tuple[tuple[str, float], ...] = ()

    @property
    def usable(self) -> float:
        """Units that one purchase brings and that can be counted on."""
        return self.units * self.available_frac

    def use_of(self, limit: str) -> float:
        """Return what one purchase takes of a limit."""
        pooled = self.pool_use if self.pool == limit else 0.0
        return pooled + sum(use for name, use in self.draws if name == limit)


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
    served_usd_per_h : tuple of float
        What serving the whole of each class at its mean rate costs besides the
        units; empty is nothing. [USD/h]
    skill : Skill
        Whose tries it makes, where requests are tries at tasks.
    role : Role
        Whether it serves requests whole. A prefill unit does not serve a request,
        it lets a decode unit of its lane do so.
    lane : str
        Prefill units hand requests over to decode units of the same lane alone.
    rank : int
        And there only to units of this rank or a higher one.
    """

    key: str
    capacity: tuple[float, ...]
    purchases: tuple[Priced, ...]
    served_usd_per_h: tuple[float, ...] = ()
    skill: Skill = NO_SKILL
    role: Role = Role.WHOLE
    lane: str = ""
    rank: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class UseLimit:
    """A limit on the use of a hosted offer at any time, such as requests per minute.

    Attributes
    ----------
    label : str
        Says which limit it is.
    use : tuple of float
        What the whole of each class would use at its peak rate.
    at_most : float
        In the unit of `use`.
    """

    label: str = ""
    use: tuple[float, ...]
    at_most: float


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
    limits : tuple of UseLimit
        What may be used at most.
    skill : Skill
        Whose tries it makes, where requests are tries at tasks.
    mean_draws : tuple of (str, tuple of float)
        What the whole of each class takes of limits on the mean over time.
    """

    key: str
    usd_per_h: tuple[float | None, ...]
    limits: tuple[UseLimit, ...] = ()
    skill: Skill = NO_SKILL
    mean_draws: tuple[tuple[str, tuple[float, ...]], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """A part of the time with rates of its own.

    Attributes
    ----------
    time_frac : float
        Its part of all time; those of all periods sum to 1.
    scale : tuple of float
        Rate of each class in it over the rate of the problem; 0 is no requests.
    """

    time_frac: float
    scale: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What there is to buy, and for which load.

    Attributes
    ----------
    rates : tuple of float
        Peak rate of each class, for which units are sized. [requests/s]
    kinds, offers
        The columns; capacities and prices have one value per class.
    periods : tuple of Period
        How the rates move; empty is one period in which they stay.
    stock : mapping of str to float
        What can be drawn at any time of each pool and limit.
    mean_stock : mapping of str to float
        What can be drawn of each limit on the mean over time.
    spare_units : int
        Units of every deployed kind beyond what its load needs.
    domains, spare_domains : int
        Every way to buy a kind is spread evenly over so many failure domains,
        and of those so many may fail at once.
    whole_classes : bool
        Send each class to a single kind instead of splitting it.
    tasks : TaskRules
        The chains that tasks may take. Shares of such a class are its tries, as
        multiples of one try at every task.
    """

    rates: tuple[float, ...]
    kinds: tuple[Kind, ...] = ()
    offers: tuple[Metered, ...] = ()
    periods: tuple[Period, ...] = ()
    stock: Mapping[str, float] = field(default_factory=dict)
    mean_stock: Mapping[str, float] = field(default_factory=dict)
    spare_units: int = 0
    domains: int = 1
    spare_domains: int = 0
    whole_classes: bool = False
    tasks: TaskRules = NO_TASKS

    @property
    def spans(self) -> tuple[Period, ...]:
        """The periods, or the single one in which rates stay."""
        return self.periods or (Period(time_frac=1.0, scale=(1.0,) * len(self.rates)),)


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodMix:
    """What is bought in one period and where each class goes; shaped as in `Mix`."""

    bought: tuple[tuple[int, ...], ...]
    shares: tuple[tuple[float, ...], ...]
    offer_shares: tuple[tuple[float, ...], ...]
    chains: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Mix:
    """A solution: what is bought and where each class goes.

    Attributes
    ----------
    usd_per_h : float
        Total cost on the mean over time. [USD/h]
    bought : tuple of tuple of int
        Purchases, per kind and way to buy: the most of any period.
    shares, offer_shares : tuple of tuple of float
        Fraction of each class's requests, per kind and per offer, over all time; of prefill
        kinds that which they read, and which decode kinds then serve.
    by_period : tuple of PeriodMix
        The same in each period of the problem.
    served_frac : float
        Part of the load that is served; 1 unless a part was asked for.
    gap_frac : float
        Proven distance from the optimum.
    chains : tuple of float
        Part of its class's tasks that takes each chain, over all time.
    """

    usd_per_h: float
    bought: tuple[tuple[int, ...], ...]
    shares: tuple[tuple[float, ...], ...]
    offer_shares: tuple[tuple[float, ...], ...]
    by_period: tuple[PeriodMix, ...]
    served_frac: float = 1.0
    gap_frac: float = 0.0
    chains: tuple[float, ...] = ()

    @property
    def kinds_used(self) -> int:
        """Number of kinds and offers that take part."""
        return sum(any(row) for row in (*self.bought, *self.offer_shares))


def serving(problem: Problem) -> tuple[bool, ...]:
    """Return, per kind, whether its shares are of requests served: those of prefill kinds come before."""
    return tuple(kind.role is not Role.PREFILL for kind in problem.kinds)


def load_units(
    problem: Problem, shares: tuple[float, ...], kind: Kind, period: Period | None = None
) -> float:
    """Return how many units of a kind its shares keep busy in a period: sum of rate over capacity."""
    scale = period.scale if period is not None else (1.0,) * len(problem.rates)
    return sum(
        share * rate * factor / capacity
        for share, rate, factor, capacity in zip(shares, problem.rates, scale, kind.capacity, strict=True)
        if share > 0
    )


def cost_usd_per_h(problem: Problem, mix: Mix) -> float:
    """Return what the purchases and the served shares of a mix cost on the mean over time [USD/h]."""
    return sum(
        period.time_frac * sum(_costs(problem, period, part))
        for period, part in zip(problem.spans, mix.by_period, strict=True)
    )


def of_period(problem: Problem, mix: Mix, place: int) -> float:
    """Return what a mix costs in one period [USD/h]."""
    return sum(_costs(problem, problem.spans[place], mix.by_period[place]))


def _costs(problem: Problem, period: Period, part: PeriodMix) -> Iterator[float]:
    for kind, counts, shares in zip(problem.kinds, part.bought, part.shares, strict=True):
        yield from (way.usd_per_h * count for way, count in zip(kind.purchases, counts, strict=True))
        if kind.served_usd_per_h:
            rows = zip(kind.served_usd_per_h, shares, period.scale, strict=True)
            yield from (price * share * scale for price, share, scale in rows)
    for offer, shares in zip(problem.offers, part.offer_shares, strict=True):
        for price, share, scale in zip(offer.usd_per_h, shares, period.scale, strict=True):
            if price is not None:
                yield price * share * scale
    for chain, part_of_class in zip(problem.tasks.chains, part.chains, strict=True):
        yield chain.usd_per_h * part_of_class * period.scale[chain.klass]
