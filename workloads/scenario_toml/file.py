"""A scenario as people write it: a TOML file, settings on top of it, or settings alone."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal

from tonnage.errors import InvalidInput, UnknownName
from tonnage.toml_text import read_toml
from workloads.scenario import (
    Availability,
    Budget,
    Candidates,
    Growth,
    KnownCapacity,
    Objective,
    Scenario,
)
from workloads.scenario_toml import values as read
from workloads.scenario_toml.checks import EVERY_CLASS, check
from workloads.scenario_toml.settings import with_settings
from workloads.scenario_toml.supply import api_limit, api_speed, inventory, owned, price, purchases, site
from workloads.scenario_toml.task import task
from workloads.scenario_toml.tenants import for_tenants
from workloads.scenario_toml.traffic import traffic_classes

SECTIONS = (
    "name", "traffic", "slo", "quality", "budget", "candidates", "availability", "capacity", "price", "task",
    "inventory", "api_limit", "api_speed", "site", "growth", "objective",
)  # fmt: skip
CONFIDENCE = 0.8
"""How sure each bought kind must be of its limits, unless the scenario says otherwise."""


def read_scenario(path: Path | str, *, settings: Mapping[str, object] | None = None) -> Scenario:
    """Read a scenario file.

    Parameters
    ----------
    path : Path or str
        A TOML file.
    settings : mapping of str to object, optional
        Values that beat the file, by dotted key: `{"slo.ttft_p95_s": "300ms"}`.
        A class is named in the key: `traffic.class.chat.requests_per_s`.

    Raises
    ------
    FileProblem, FormatError, InvalidInput, UnknownName
        One line that names the key, its value and what to write instead.
    """
    path = Path(path)
    data = read_toml(path)
    return parse_scenario(with_settings(data, settings or {}), where=str(path), folder=path.parent)


def from_flags(settings: Mapping[str, object]) -> Scenario:
    """Make a scenario from settings alone; see `read_scenario`."""
    return parse_scenario(with_settings({}, settings), where="the given flags", folder=Path())


def parse_scenario(data: Mapping[str, object], *, where: str, folder: Path) -> Scenario:
    """Turn TOML data into a checked scenario; `folder` is where relative paths start."""
    top = read.table(data, SECTIONS, where=where)
    capacity = tuple(_capacity(row, where=place) for row, place in _rows(top, "capacity"))
    availability, confidence = _availability(top.get("availability", {}))
    scenario = Scenario(
        name=read.text(top["name"], where="name") if "name" in top else "",
        classes=traffic_classes(top, folder=folder),
        budget=_budget(top.get("budget", {})),
        candidates=_candidates(top.get("candidates", {}), capacity=capacity, folder=folder),
        availability=availability,
        confidence=confidence,
        capacity=for_tenants(top, _of_only_class(capacity) if _has_one_class(top) else capacity),
        prices=tuple(price(row, where=where) for row, where in _rows(top, "price")),
        inventory=tuple(inventory(row, where=where) for row, where in _rows(top, "inventory")),
        api_limits=tuple(api_limit(row, where=where) for row, where in _rows(top, "api_limit")),
        api_speeds=tuple(api_speed(row, where=where) for row, where in _rows(top, "api_speed")),
        site=site(top.get("site", {})),
        growth=_growth(top.get("growth", {})),
        objective=_objective(top.get("objective", "cost")),
        task=task(top["task"], folder=folder) if "task" in top else None,
    )
    check(scenario)
    return scenario


def _rows(top: Mapping[str, object], key: str) -> Iterator[tuple[object, str]]:
    """Yield each table of an array with its place in words."""
    for number, row in enumerate(read.tables(top.get(key, []), where=key)):
        yield row, f"{key}[{number}]"


def _has_one_class(top: Mapping[str, object]) -> bool:
    traffic = top.get("traffic")
    return isinstance(traffic, Mapping) and "class" not in traffic


def _of_only_class(capacity: tuple[KnownCapacity, ...]) -> tuple[KnownCapacity, ...]:
    """Let entries name the only class as they like: it has no name of its own."""
    return tuple(entry.model_copy(update={"class_name": EVERY_CLASS}) for entry in capacity)


def _budget(value: object) -> Budget:
    given = read.table(value, ("usd_per_month",), where="[budget]")
    if not given:
        return Budget()
    return Budget(usd_per_month=read.usd_per_month(given["usd_per_month"], where="budget.usd_per_month"))


def _availability(value: object) -> tuple[Availability, float]:
    keys = ("spare_units", "domains", "spare_domains", "confidence")
    given = read.table(value, keys, where="[availability]")
    counts = {
        key: read.whole(given.get(key, least), where=f"availability.{key}", at_least=least)
        for key, least in (("spare_units", 0), ("domains", 1), ("spare_domains", 0))
    }
    if counts["spare_domains"] >= counts["domains"]:
        raise InvalidInput(
            f"availability.spare_domains = {counts['spare_domains']} must be below the "
            f"{counts['domains']} domains that there are; set availability.domains"
        )
    confidence = read.share(given.get("confidence", CONFIDENCE), where="availability.confidence")
    if not 0.5 <= confidence < 1:
        raise InvalidInput(
            f"availability.confidence = {confidence:g} must be a probability of at least 0.5 and "
            "below 1, e.g. 0.9"
        )
    return Availability(**counts), confidence


def _candidates(value: object, *, capacity: tuple[KnownCapacity, ...], folder: Path) -> Candidates:
    """Read [candidates]; what it leaves open is what a capacity table names, if there is one."""
    given = read.table(value, tuple(Candidates.model_fields), where="[candidates]")
    chosen = {
        key: read.names(given[key], where=f"candidates.{key}") if key in given else _in_table(capacity, field)
        for key, field in (
            ("devices", "device"), ("models", "model"), ("formats", "weights"), ("engines", "engine"),
        )
    }  # fmt: skip
    return Candidates(
        **chosen,
        api=read.flag(given.get("api", not capacity), where="candidates.api"),
        owned=tuple(
            owned(row, where=f"candidates.owned[{i}]", folder=folder)
            for i, row in enumerate(read.tables(given.get("owned", []), where="candidates.owned"))
        ),
        max_devices_per_unit=read.whole(
            given.get("max_devices_per_unit", 8), where="candidates.max_devices_per_unit", at_least=1
        ),
        purchase=purchases(given.get("purchase", ["on-demand"])),
        spot_reserve_frac=read.fraction(
            given.get("spot_reserve_frac", Candidates.model_fields["spot_reserve_frac"].default),
            where="candidates.spot_reserve_frac",
        ),
        providers=read.names(given["providers"], where="candidates.providers")
        if "providers" in given
        else None,
        roles=_roles(given.get("roles", ["whole"])),
        interconnect=read.text(given["interconnect"], where="candidates.interconnect")
        if "interconnect" in given
        else None,
    )


def _roles(value: object) -> tuple[Literal["whole", "split"], ...]:
    known: dict[str, Literal["whole", "split"]] = {"whole": "whole", "split": "split"}
    names = read.names(value, where="candidates.roles")
    for name in names:
        if name not in known:
            raise UnknownName("candidates.roles", name, known, hint="prefill and decode together are 'split'")
    if not names:
        raise InvalidInput('candidates.roles = [] leaves nothing to choose from; write ["whole", "split"]')
    return tuple(dict.fromkeys(known[name] for name in names))


def _growth(value: object) -> Growth:
    given = read.table(value, ("per_month", "months"), where="[growth]")
    if not given:
        return Growth()
    for key in ("per_month", "months"):
        if key not in given:
            raise InvalidInput(f"[growth] has no {key}; write e.g. per_month = 0.05, months = 12")
    per_month = read.part(given["per_month"], where="growth.per_month")
    if not -1 < per_month <= 1:
        raise InvalidInput(
            f"growth.per_month = {per_month:g} is {per_month:.0%} a month; write {per_month / 100:g} "
            "if percent are meant"
        )
    months = read.whole(given["months"], where="growth.months", at_least=1)
    if months > 120:
        raise InvalidInput(f"growth.months must be at most 120, not {months}")
    return Growth(per_month_frac=per_month, months=months)


def _objective(value: object) -> Objective:
    name, known = read.text(value, where="objective"), [str(item) for item in Objective]
    if name not in known:
        raise UnknownName("objective", name, known)
    return Objective(name)


def _in_table(capacity: tuple[KnownCapacity, ...], field: str) -> tuple[str, ...] | None:
    listed = [getattr(entry, field) for entry in capacity]
    return tuple(dict.fromkeys(listed)) if listed and None not in listed else None


def _capacity(value: object, *, where: str) -> KnownCapacity:
    keys = ("device", "devices_per_unit", "model", "weights", "engine", "requests_per_s", "class")
    given = read.table(value, keys, where=where)
    for key in ("device", "requests_per_s"):
        if key not in given:
            raise InvalidInput(f"{where} has no {key}")
    size = given.get("devices_per_unit")
    return KnownCapacity(
        device=read.text(given["device"], where=f"{where}.device"),
        devices_per_unit=None
        if size is None
        else read.whole(size, where=f"{where}.devices_per_unit", at_least=1),
        model=read.text(given["model"], where=f"{where}.model") if "model" in given else None,
        weights=read.text(given["weights"], where=f"{where}.weights") if "weights" in given else None,
        engine=read.text(given["engine"], where=f"{where}.engine") if "engine" in given else None,
        requests_per_s=read.rate(given["requests_per_s"], where=f"{where}.requests_per_s", or_zero=True),
        class_name=read.text(given.get("class", "all"), where=f"{where}.class"),
    )
