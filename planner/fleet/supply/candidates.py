"""The deployments that a scenario allows and the ways to buy them; what is turned down keeps its reason."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from planner.deployment import Deployment, cut_in_words
from planner.fleet.programme.problem import Priced
from planner.fleet.records.plan_record import Rejected
from planner.fleet.supply import choices, floors, placement, task_market
from planner.fleet.supply.known import covers_all, known_deployments, stands_for
from planner.fleet.supply.limits import Limits, limits_of
from planner.fleet.supply.money import Lot, beats, lots, units_of
from planner.fleet.supply.placement import Host
from planner.role import Role
from tonnage.errors import UnknownName
from workloads import formats, models
from workloads.scenario import Scenario

NO_PRICE = "no price is known: give [[price]] or candidates.owned, or allow another purchase or provider"

Bought = tuple[tuple[Lot, Priced], ...]
"""Ways to buy units, and the purchase that each allows."""


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A deployment with its prices.

    Attributes
    ----------
    key : str
        Unique name in the words of the scenario.
    bought : tuple of (Lot, Priced)
        Every way to buy units of it.
    measured : tuple of float, or None
        Rate per class that the user measured [requests/s]; None to predict it.
    role : Role
        Whether it serves requests whole, or is half of a split service.
    lane : str
        Of a half: what it can hand caches to, or take them from.
    """

    key: str
    deployment: Deployment
    bought: Bought
    measured: tuple[float, ...] | None = None
    role: Role = Role.WHOLE
    lane: str = ""

    @cached_property
    def ways(self) -> tuple[Priced, ...]:
        """The purchases of `bought`."""
        return tuple(priced for _, priced in self.bought)

    @cached_property
    def usd_per_unit_h(self) -> float:
        """The least that any way of buying asks for one unit [USD/h]."""
        return min(priced.usd_per_h / priced.units for priced in self.ways)

    @cached_property
    def stock(self) -> Mapping[str, float]:
        """What there is of the pools that its purchases draw from, where that is not without limit."""
        return {
            priced.pool: float(lot.stock)
            for lot, priced in self.bought
            if priced.pool is not None and lot.stock is not None
        }

    @property
    def group(self) -> str:
        """What makes plans differ in kind: hardware and model, and the half of a split service."""
        half = "" if self.role is Role.WHOLE else f" {self.role}"
        return f"{self.deployment.device} {self.deployment.model}{half}"

    @cached_property
    def cut(self) -> tuple[str, str, int, int]:
        """The model in its format, and how it is spread over devices."""
        unit = self.deployment
        return unit.model, unit.weights, unit.tp, unit.pp


Variant = tuple[str, str]
"""A model in a weight format."""


@dataclass(slots=True)
class Search:
    """Walks devices, models, formats, engines and cuts, dropping early and noting why."""

    scenario: Scenario
    rejected: list[Rejected] = field(default_factory=list)

    def candidates(self) -> list[Candidate]:
        """Return every deployment that may serve some class, before any prediction.

        Raises
        ------
        UnknownName
            If a device, model or format of the scenario is in no catalog.
        """
        choices.check_engines(self.scenario)
        names = choices.devices(self.scenario)
        variants = list(self._variants())
        predicted = [candidate for name in names for candidate in self._on_device(name, variants)]
        return [*self._known(names), *predicted]

    def _drop(self, candidate: str, why: str) -> None:
        self.rejected.append(Rejected(candidate=candidate, why=why))

    def _known(self, names: tuple[str, ...]) -> Iterator[Candidate]:
        for deployment, measured in known_deployments(self.scenario).items():
            key = key_of(deployment)
            ways = lots(deployment.device, self.scenario)
            bought = _purchases(
                ways, deployment.devices, pool=deployment.device, limits=limits_of(self.scenario)
            )
            if deployment.device not in names:
                self._drop(key, "its capacity is given, but the device is not among the candidates")
            elif not bought:
                self._drop(key, NO_PRICE)
            else:
                yield Candidate(key=key, deployment=deployment, bought=bought, measured=measured)

    def _variants(self) -> Iterator[Variant]:
        """Models in formats that are good enough for at least one class."""
        names = choices.format_names(self.scenario)
        for model in choices.model_names(self.scenario):
            if not _is_described(model):
                continue
            for weights in names:
                holds, shortfall = floors.check(self.scenario.classes, model, weights)
                good_enough, why = task_market.good_enough(self.scenario, model, weights, holds, shortfall)
                if any(good_enough):
                    yield model, weights
                else:
                    self._drop(f"{model} {weights}", why)

    def _on_device(self, name: str, variants: list[Variant]) -> Iterator[Candidate]:
        if covers_all(self.scenario, name):
            return
        ways = lots(name, self.scenario)
        if not ways:
            self._drop(name, NO_PRICE)
            return
        host = placement.host(name, ways, at_most=self.scenario.candidates.max_devices_per_unit)
        engines = placement.engines_for(host.device, choices.engine_names(self.scenario))
        if not engines:
            self._drop(name, "none of the engines runs on it")
        limits = limits_of(self.scenario)
        ways_to_buy = {
            size: _purchases(ways, size, pool=name, limits=limits) for size in placement.powers(host)
        }
        for engine in engines:
            usable = set(self._usable(host, engine, dict.fromkeys(weights for _, weights in variants)))
            for model, weights in variants:
                if weights in usable:
                    yield from self._units(host, ways_to_buy, model, weights, engine)

    def _usable(self, host: Host, engine: str, names: Iterable[str]) -> Iterator[str]:
        """Yield the formats that an engine can use on a device."""
        for weights in names:
            refusal = placement.format_refusal(host.device, engine, formats.get(weights))
            if refusal is None:
                yield weights
            else:
                self._drop(f"{host.name} {weights} {engine}", refusal)

    def _units(
        self, host: Host, ways_to_buy: Mapping[int, Bought], model: str, weights: str, engine: str
    ) -> Iterator[Candidate]:
        """Yield one candidate per number of devices in a unit."""
        entry = stands_for(self.scenario, host.name, model, weights, engine)
        if entry is not None and entry.devices_per_unit is None:
            return
        sizes = placement.unit_sizes(host, model, weights, engine)
        if not sizes:
            self._drop(
                f"{host.name} {model} {weights} {engine}",
                f"the weights do not fit on {host.most} devices of one host",
            )
        for size in sizes:
            deployment = placement.deployment(host, model, weights, engine, size)
            bought = ways_to_buy[size]
            if bought and (entry is None or entry.devices_per_unit != size):
                yield Candidate(key=key_of(deployment), deployment=deployment, bought=bought)


def _is_described(model: str) -> bool:
    """Tell a model whose shapes are known from one that is hosted or measured alone."""
    try:
        models.get(model)
    except UnknownName:
        return False
    return True


def _purchases(ways: tuple[Lot, ...], size: int, *, pool: str, limits: Limits) -> Bought:
    """Return the ways that hold a unit and that no other way of the same kind makes pointless."""
    priced = [(way, units_of(way, size, pool=pool, limits=limits)) for way in ways]
    possible = [(way, purchase) for way, purchase in priced if purchase is not None]
    return tuple(
        (way, purchase)
        for place, (way, purchase) in enumerate(possible)
        if not any(
            beats(other, purchase) and (not beats(purchase, other) or rank < place)
            for rank, (_, other) in enumerate(possible)
            if rank != place
        )
    )


def key_of(deployment: Deployment) -> str:
    """Return a name that differs for every candidate."""
    each = deployment
    return cut_in_words(
        each.device, each.model, each.weights, each.engine, devices=each.devices, tp=each.tp, pp=each.pp
    )
