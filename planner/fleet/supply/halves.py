"""Prefill and decode units as candidates: which units can hand caches to which."""

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from hw_targets import catalog
from hw_targets.device import Device, DeviceKind
from planner.deployment import Deployment
from planner.fleet.supply.candidates import Bought, Candidate, key_of
from planner.fleet.supply.task_market import by_chains
from planner.role import HALVES
from planner.serving import placement
from planner.serving.disaggregation import link
from tonnage.errors import TonnageError
from workloads import models
from workloads.scenario import ASSUMED_INTERCONNECT, Scenario
from workloads.shard import WHOLE

HANDS_OVER: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {"vllm": ("nvidia", "amd"), "sglang": ("nvidia",), "trtllm": ("nvidia",)}
)
"""Engines that hand caches over, with the vendors that their pages on it name: vLLM's NixlConnector
(docs/features/nixl_connector_usage.md: CUDA, and ROCm in its image), SGLang's PD disaggregation
(docs/advanced_features/pd_disaggregation.md), TensorRT-LLM's disaggregated serving
(examples/disaggregated/README.md); read November 2026."""


def looked_at(scenario: Scenario) -> bool:
    """Tell whether prefill and decode on units of their own are among the candidates."""
    return "split" in scenario.candidates.roles and not by_chains(scenario)


def interconnect(scenario: Scenario) -> str:
    """Return the name of the network between units.

    Raises
    ------
    UnknownName
        If it is in no table.
    """
    return link(scenario.candidates.interconnect or ASSUMED_INTERCONNECT).name


def with_halves(scenario: Scenario, found: Sequence[Candidate]) -> tuple[Candidate, ...]:
    """Return candidates with their halves among them, as far as the scenario asks for either.

    What the user measured was measured whole.

    Raises
    ------
    UnknownName
        If the network between units is in no table.
    """
    interconnect(scenario)
    if not looked_at(scenario):
        return tuple(found)
    whole = "whole" in scenario.candidates.roles
    devices: dict[str, Device | None] = {}
    chosen: list[Candidate] = []
    for item in found:
        if whole or item.measured is not None:
            chosen.append(item)
        name = item.deployment.device
        if name not in devices:
            devices[name] = catalog.get(name) if name in catalog.names() else None
        if item.measured is None:
            chosen += halves_of(item.deployment, item.bought, devices[name])
    return tuple(chosen)


def halves_of(deployment: Deployment, bought: Bought, device: Device | None) -> Iterator[Candidate]:
    """Yield a deployment as a prefill and as a decode unit, in every place where it can be had.

    Caches go between equal models, engines, cache formats and vendors in one place.
    """
    if device is None or device.kind is not DeviceKind.GPU:
        return
    vendor = device.vendor.lower()
    if vendor not in HANDS_OVER.get(deployment.engine or "", ()) or _keeps_states(deployment.model):
        return
    try:
        cache = placement.place(deployment).kv.id
    except TonnageError:
        return
    for place in dict.fromkeys(lot.place for lot, _ in bought if lot.place is not None):
        ways = tuple((lot, priced) for lot, priced in bought if lot.place == place)
        for role in HALVES:
            yield Candidate(
                key=f"{role} {key_of(deployment)} at {place}",
                deployment=deployment,
                bought=ways,
                role=role,
                lane=f"{deployment.model} {cache} {deployment.engine} {vendor} at {place}",
            )


@lru_cache(maxsize=4096)
def _keeps_states(model: str) -> bool:
    """Tell a model with recurrent states: engines hand those over between equal cuts at most."""
    found = models.get(model)
    return any(mixer.state_values(found.hidden, WHOLE) for block in found.blocks for mixer in block.mixers)
