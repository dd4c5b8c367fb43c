"""Candidates whose capacity the user measured: taken as given, no prediction involved."""

from planner.deployment import Deployment
from planner.fleet.supply.choices import same_format
from workloads.scenario import KnownCapacity, Scenario
from workloads.scenario_toml.checks import EVERY_CLASS, subject

UNSPECIFIED = "unspecified"
"""Stands for the model, format or engine that a capacity table leaves open."""


def known_deployments(scenario: Scenario) -> dict[Deployment, tuple[float, ...]]:
    """Return the measured deployments with their rate per class [requests/s].

    Entries that differ in class alone are one deployment. What an entry leaves
    open is the scenario's only choice, if it has one.
    """
    groups: dict[tuple[object, ...], list[KnownCapacity]] = {}
    for entry in scenario.capacity:
        groups.setdefault(subject(entry), []).append(entry)
    return {
        _deployment(entries[0], scenario): tuple(_rate(entries, traffic.name) for traffic in scenario.classes)
        for entries in groups.values()
    }


def _deployment(entry: KnownCapacity, scenario: Scenario) -> Deployment:
    chosen = scenario.candidates
    devices = entry.devices_per_unit or 1
    return Deployment(
        device=entry.device,
        devices=devices,
        model=entry.model or _only(chosen.models),
        weights=entry.weights or _only(chosen.formats),
        engine=entry.engine or _only(chosen.engines),
        tp=devices,
    )


def _only(names: tuple[str, ...] | None) -> str:
    return (
        names[0] if names and len(names) == 1 and not any(mark in names[0] for mark in "*?[") else UNSPECIFIED
    )


def _rate(entries: list[KnownCapacity], name: str) -> float:
    by_class = {entry.class_name: entry.requests_per_s for entry in entries}
    return by_class.get(name, by_class.get(EVERY_CLASS, 0.0))


def stands_for(
    scenario: Scenario, device: str, model: str, weights: str, engine: str
) -> KnownCapacity | None:
    """Return the measurement that takes the place of predictions, if there is one.

    One without `devices_per_unit` stands for every way of cutting the model.
    """
    matching = [
        entry
        for entry in scenario.capacity
        if entry.device == device
        and entry.model in (None, model)
        and (entry.weights is None or same_format(entry.weights, weights))
        and entry.engine in (None, engine)
    ]
    return min(matching, key=lambda entry: entry.devices_per_unit or 0, default=None)


def covers_all(scenario: Scenario, device: str) -> bool:
    """Tell whether measurements stand for everything that could run on a device."""
    return any(
        entry.device == device
        and (entry.devices_per_unit, entry.model, entry.weights, entry.engine) == (None, None, None, None)
        for entry in scenario.capacity
    )
