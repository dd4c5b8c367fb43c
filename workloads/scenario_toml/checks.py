"""What the parts of a scenario must agree on: classes, limits, capacity tables, prices."""

from collections import Counter
from itertools import pairwise

from tonnage.errors import InvalidInput, UnknownName
from workloads.scenario import KnownCapacity, Objective, Scenario, Slo

EVERY_CLASS = "all"


def check(scenario: Scenario) -> None:
    """Refuse a scenario that contradicts itself.

    Raises
    ------
    InvalidInput, UnknownName
        One line that names both sides of the contradiction.
    """
    names = [traffic.name for traffic in scenario.classes]
    for name, times in Counter(names).items():
        if times > 1:
            raise InvalidInput(f"traffic class '{name}' is given {times} times; class names must differ")
    check_objective(scenario)
    for traffic in scenario.classes:
        _check_limits(traffic.slo, where=f"class '{traffic.name}'")
    _check_capacity(scenario, names)
    priced = Counter((price.device, str(price.purchase), price.term_years) for price in scenario.prices)
    for (device, way, term), times in priced.items():
        if times > 1:
            what = way if term is None else f"{way} for {term:g} years"
            raise InvalidInput(f"[[price]] names device '{device}' {times} times as {what}; keep one")
    _check_candidates(scenario)
    if scenario.candidates.devices == () and not scenario.candidates.owned and not scenario.candidates.api:
        raise InvalidInput(
            "[candidates] allows no device, owns none and has api = false: nothing to choose from"
        )


def _check_candidates(scenario: Scenario) -> None:
    chosen = scenario.candidates
    for key in ("models", "formats", "engines"):
        if getattr(chosen, key) == () and (key == "models" or not chosen.api):
            raise InvalidInput(
                f"candidates.{key} = [] leaves nothing to choose from; leave it out to allow all"
            )


def check_objective(scenario: Scenario) -> None:
    """Refuse an objective without the figures that it needs."""
    if scenario.objective is Objective.LOAD and scenario.budget.usd_per_month is None:
        raise InvalidInput('objective = "load" is the most load within a budget; give budget.usd_per_month')
    if scenario.objective is Objective.CARBON and scenario.site.kg_co2_per_kwh is None:
        raise InvalidInput('objective = "carbon" needs site.kg_co2_per_kwh')


def _check_limits(slo: Slo, *, where: str) -> None:
    for metric in ("ttft", "tpot"):
        given = [(q, getattr(slo, f"{metric}_p{q}_s")) for q in (50, 90, 95, 99)]
        limits = [(q, limit) for q, limit in given if limit is not None]
        for (low, loose), (high, tight) in pairwise(limits):
            if loose > tight:
                raise InvalidInput(
                    f"{where}: {metric}_p{low}_s = {loose:g} allows more than "
                    f"{metric}_p{high}_s = {tight:g}, so it can never bind; were the two swapped?"
                )


def _check_capacity(scenario: Scenario, names: list[str]) -> None:
    covered: dict[tuple[object, ...], Counter[str]] = {}
    for entry in scenario.capacity:
        if entry.class_name not in (*names, EVERY_CLASS):
            raise UnknownName("traffic class in [[capacity]]", entry.class_name, names)
        covered.setdefault(subject(entry), Counter())[entry.class_name] += 1
    for key, classes in covered.items():
        what = " ".join(str(part) for part in key if part is not None)
        for name, times in classes.items():
            if times > 1:
                raise InvalidInput(f"[[capacity]] gives {what} for class '{name}' {times} times; keep one")
        missing = [name for name in names if name not in classes and EVERY_CLASS not in classes]
        if missing:
            raise InvalidInput(
                f"[[capacity]] of {what} has no entry for class '{missing[0]}'; "
                "add one, with requests_per_s = 0 if it cannot serve it"
            )


def subject(entry: KnownCapacity) -> tuple[object, ...]:
    """Return what an entry is about, its class aside."""
    return (entry.device, entry.devices_per_unit, entry.model, entry.weights, entry.engine)
