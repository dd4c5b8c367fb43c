"""A scenario as people write it: a TOML file, settings on top of it, or settings alone."""

import tomllib
from collections.abc import Mapping
from pathlib import Path

from tonnage.errors import FormatError, InvalidInput, UnknownName
from tonnage.files import read_text
from workloads import scenario_values as read
from workloads.scenario import (
    Availability,
    Budget,
    Candidates,
    KnownCapacity,
    KnownPrice,
    OwnedHardware,
    Purchase,
    Scenario,
)
from workloads.scenario_checks import EVERY_CLASS, check
from workloads.scenario_settings import with_settings
from workloads.scenario_task import task
from workloads.scenario_traffic import traffic_classes

SECTIONS = (
    "name", "traffic", "slo", "quality", "budget", "candidates", "availability", "capacity", "price", "task",
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
    try:
        data = tomllib.loads(read_text(path))
    except tomllib.TOMLDecodeError as problem:
        raise FormatError(f"{path}: not valid TOML: {problem}") from None
    return parse_scenario(with_settings(data, settings or {}), where=str(path), folder=path.parent)


def from_flags(settings: Mapping[str, object]) -> Scenario:
    """Make a scenario from settings alone; see `read_scenario`."""
    return parse_scenario(with_settings({}, settings), where="the given flags", folder=Path())


def parse_scenario(data: Mapping[str, object], *, where: str, folder: Path) -> Scenario:
    """Turn TOML data into a checked scenario; `folder` is where relative paths start."""
    top = read.table(data, SECTIONS, where=where)
    capacity = tuple(
        _capacity(row, where=f"capacity[{i}]")
        for i, row in enumerate(read.tables(top.get("capacity", []), where="capacity"))
    )
    availability, confidence = _availability(top.get("availability", {}))
    scenario = Scenario(
        name=read.text(top["name"], where="name") if "name" in top else "",
        classes=traffic_classes(top, folder=folder),
        budget=_budget(top.get("budget", {})),
        candidates=_candidates(top.get("candidates", {}), capacity=capacity, folder=folder),
        availability=availability,
        confidence=confidence,
        capacity=_of_only_class(capacity) if _has_one_class(top) else capacity,
        prices=tuple(
            _price(row, where=f"price[{i}]")
            for i, row in enumerate(read.tables(top.get("price", []), where="price"))
        ),
        task=task(top["task"]) if "task" in top else None,
    )
    check(scenario)
    return scenario


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
    given = read.table(value, ("spare_units", "confidence"), where="[availability]")
    spare_units = read.whole(given.get("spare_units", 0), where="availability.spare_units", at_least=0)
    confidence = read.share(given.get("confidence", CONFIDENCE), where="availability.confidence")
    if not 0.5 <= confidence < 1:
        raise InvalidInput(
            f"availability.confidence = {confidence:g} must be a probability of at least 0.5 and "
            "below 1, e.g. 0.9"
        )
    return Availability(spare_units=spare_units), confidence


def _candidates(value: object, *, capacity: tuple[KnownCapacity, ...], folder: Path) -> Candidates:
    """Read [candidates]; what it leaves open is what a capacity table names, if there is one."""
    given = read.table(value, tuple(Candidates.model_fields), where="[candidates]")
    chosen = {
        key: read.names(given[key], where=f"candidates.{key}") if key in given else _in_table(capacity, field)
        for key, field in (
            ("devices", "device"), ("models", "model"), ("formats", "weights"), ("engines", "engine"),
        )
    }  # fmt: skip
    owned = read.tables(given.get("owned", []), where="candidates.owned")
    return Candidates(
        **chosen,
        api=read.flag(given.get("api", not capacity), where="candidates.api"),
        owned=tuple(
            _owned(row, where=f"candidates.owned[{i}]", folder=folder) for i, row in enumerate(owned)
        ),
        max_devices_per_unit=read.whole(
            given.get("max_devices_per_unit", 8), where="candidates.max_devices_per_unit", at_least=1
        ),
        purchase=_purchase(given.get("purchase", ["on-demand"])),
        providers=read.names(given["providers"], where="candidates.providers")
        if "providers" in given
        else None,
    )


def _in_table(capacity: tuple[KnownCapacity, ...], field: str) -> tuple[str, ...] | None:
    listed = [getattr(entry, field) for entry in capacity]
    return tuple(dict.fromkeys(listed)) if listed and None not in listed else None


def _purchase(value: object) -> tuple[Purchase, ...]:
    known = [str(item) for item in Purchase if item is not Purchase.OWNED]
    chosen = read.names(value, where="candidates.purchase")
    for name in chosen:
        if name not in known:
            raise UnknownName("candidates.purchase", name, known)
    return tuple(Purchase(name) for name in chosen)


def _owned(value: object, *, where: str, folder: Path) -> OwnedHardware:
    given = read.table(value, tuple(OwnedHardware.model_fields), where=where)
    if ("device" in given) == ("profile" in given):
        raise InvalidInput(f"{where} needs either a device of the catalog or the path of a profile")
    return OwnedHardware(
        device=read.text(given["device"], where=f"{where}.device") if "device" in given else None,
        profile=str(folder / read.text(given["profile"], where=f"{where}.profile"))
        if "profile" in given
        else None,
        count=read.whole(given.get("count", 1), where=f"{where}.count", at_least=1),
        usd_per_h=read.usd_per_h(given.get("usd_per_h", 0.0), where=f"{where}.usd_per_h", or_zero=True),
    )


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


def _price(value: object, *, where: str) -> KnownPrice:
    given = read.table(value, ("device", "usd_per_h"), where=where)
    for key in ("device", "usd_per_h"):
        if key not in given:
            raise InvalidInput(f"{where} has no {key}")
    return KnownPrice(
        device=read.text(given["device"], where=f"{where}.device"),
        usd_per_h=read.usd_per_h(given["usd_per_h"], where=f"{where}.usd_per_h"),
    )
