"""The names that a scenario lets the planner choose from: globs resolved against the catalogs."""

from collections.abc import Iterable
from fnmatch import fnmatchcase

from hw_targets import catalog
from planner.serving import engines
from planner.serving.step.target import target
from tonnage.errors import UnknownName
from tonnage.openable import is_file
from workloads import formats, models
from workloads.offers import offers
from workloads.scenario import Scenario

SERVER_FORMATS = ("BF16", "FP8", "AWQ_INT4_G128", "NVFP4")
LOCAL_FORMATS = ("Q8_0", "Q4_K_M")
"""Formats tried where the scenario names none: the usual ones of serving engines and of llama.cpp."""


def devices(scenario: Scenario) -> tuple[str, ...]:
    """Return ids of catalog devices and paths of profiles; hardware that is owned is always among them.

    Raises
    ------
    UnknownName
        If a name or glob matches nothing.
    FileProblem, FormatError
        If a profile cannot be read.
    """
    given = scenario.candidates.devices
    priced = [price.device for price in scenario.prices]
    measured = [entry.device for entry in scenario.capacity]
    own = [name for name in priced if name in measured]
    chosen = catalog.names() if given is None else _resolved(given, "device", (*catalog.names(), *own))
    owned = [item.device or item.profile or "" for item in scenario.candidates.owned]
    _resolved(
        [item.device for item in scenario.candidates.owned if item.device], "device", (*catalog.names(), *own)
    )
    for entry in scenario.capacity:
        _resolved([entry.device], "device", (*catalog.names(), *own, *owned))
    for name in priced:
        _resolved([name], "device in [[price]]", (*catalog.names(), *own))
    for item in scenario.inventory:
        _resolved([item.device], "device in [[inventory]]", (*catalog.names(), *own, *owned))
    for name in (*chosen, *owned):
        if name.endswith(".json"):
            target(name)  # a profile that cannot be used is refused here, not left out as a candidate
    return tuple(dict.fromkeys((*chosen, *owned)))


def model_names(scenario: Scenario) -> tuple[str, ...]:
    """Return ids of catalog models, paths of model files, and models that are hosted alone."""
    given = scenario.candidates.models
    measured = [entry.model for entry in scenario.capacity if entry.model]
    hosted = [offer.model for offer in offers()] if scenario.candidates.api and given is not None else []
    known = tuple(dict.fromkeys((*models.names(), *measured, *hosted)))
    return models.names() if given is None else _resolved(given, "model", known)


def format_names(scenario: Scenario) -> tuple[str, ...]:
    """Return the weight formats to try, spelt as the scenario spells them."""
    given = scenario.candidates.formats
    if given is None:
        return (*SERVER_FORMATS, *LOCAL_FORMATS)
    measured = [entry.weights for entry in scenario.capacity if entry.weights]
    return _resolved(
        given, "weight format", (*formats.names(), *formats.ALIASES, *measured), ids=formats.names()
    )


def check_engines(scenario: Scenario) -> None:
    """Refuse an engine that nobody knows; one that is measured is known.

    Raises
    ------
    UnknownName
        Listing the near names.
    """
    measured = {entry.engine for entry in scenario.capacity}
    for name in scenario.candidates.engines or ():
        if name not in measured:
            engines.check_known(name)


def engine_names(scenario: Scenario) -> tuple[str, ...] | None:
    """Return the engines to try, spelt as formats and policies spell them; None leaves the choice open.

    One that is measured, or that formats list under its own name, stays as it is written.
    """
    if scenario.candidates.engines is None:
        return None
    kept = {entry.engine for entry in scenario.capacity} | engines.loaders()
    return tuple(dict.fromkeys(e if e in kept else engines.plain(e) for e in scenario.candidates.engines))


def same_format(one: str, other: str) -> bool:
    """Tell whether two spellings name the same weight format."""
    return _format_id(one) == _format_id(other)


def _format_id(name: str) -> str:
    return formats.ALIASES.get(name.upper(), name).upper()


def _resolved(
    given: Iterable[str], kind: str, known: tuple[str, ...], *, ids: tuple[str, ...] | None = None
) -> tuple[str, ...]:
    """Return the known names that match; `ids` is what globs range over, all that is known by default."""
    by_case = {name.lower(): name for name in reversed(known)}
    chosen: list[str] = []
    for pattern in given:
        if any(mark in pattern for mark in "*?["):
            matched = [name for name in ids or known if _matches(name, pattern)]
        elif pattern.lower() in by_case:
            matched = [by_case[pattern.lower()]]
        else:
            matched = [pattern] if is_file(pattern) else []
        if not matched:
            raise UnknownName(kind, pattern, known)
        chosen += matched
    return tuple(dict.fromkeys(chosen))


def _matches(name: str, pattern: str) -> bool:
    return fnmatchcase(name.lower(), pattern.lower())
