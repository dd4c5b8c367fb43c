"""Which engine runs on which hardware, and how many devices of one host a model may take."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from hw_targets import catalog
from hw_targets.device import Device, DeviceKind
from planner.deployment import Deployment
from planner.fleet.supply.money import Lot
from planner.serving import engines
from tonnage.errors import InvalidInput
from workloads import formats, models
from workloads.footprint import weight_bytes
from workloads.shard import Shard
from workloads.storage import WeightFormat

LAYER_SPLIT: Final = frozenset({"llama.cpp", "mlc-llm", "onnxruntime"})
"""Engines that spread a model over devices by layers rather than by cutting its matrices."""

SERVER, LOCAL = "vllm", "llama.cpp"


def engines_for(device: Device | None, asked: tuple[str, ...] | None) -> tuple[str, ...]:
    """Return the engines to try on a device; None is a profiled machine, where llama.cpp runs.

    Where the scenario asks for none it is the server engine, or llama.cpp on
    hardware that no server engine supports and on laptops.
    """
    if device is None:
        return asked or (LOCAL,)
    if asked is not None:
        return tuple(engine for engine in asked if runs_on(engine, device))
    small = device.kind in (DeviceKind.CPU, DeviceKind.APU)
    usual = (LOCAL,) if small else (SERVER, LOCAL)
    return tuple(engine for engine in usual if runs_on(engine, device))


def runs_on(engine: str, device: Device) -> bool:
    """Tell whether an engine supports a device; an engine of which nothing is known may run anywhere."""
    known = engines.get(engine)
    return known is None or known.lists(vendor=device.vendor, kind=device.kind)


def format_refusal(device: Device | None, engine: str, weights: WeightFormat) -> str | None:
    """Return why an engine cannot use a format here, None if it can."""
    if weights.engines and engine not in weights.engines:
        return f"{engine} does not load {weights.id}"
    if device is not None and weights.activation_dtype == "fp4" and device.peak.fp4 is None:
        return f"{weights.id} computes in fp4, which the device does not have"
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """What one machine offers to a unit.

    Attributes
    ----------
    device : Device or None
        None for a profiled machine.
    fewest, most : int
        Devices that must and may serve together.
    """

    name: str
    device: Device | None
    fewest: int
    most: int


def host(name: str, ways: Sequence[Lot], *, at_most: int) -> Host:
    """Return what the largest host among the ways to buy a device offers.

    The catalog's devices per node count where they are known; else the largest
    lot, or what is owned.
    """
    device = catalog.get(name) if name in catalog.names() else None
    largest = max((way.stock or way.devices or 1 for way in ways), default=1)
    if device is not None and device.max_devices_per_node is not None:
        largest = device.max_devices_per_node
    fewest = device.minimum_devices if device is not None else 1
    return Host(name=name, device=device, fewest=fewest, most=min(largest, at_most))


def powers(host: Host) -> tuple[int, ...]:
    """Return the powers of two that a host allows as devices of a unit."""
    sizes = (2**power for power in range(host.most.bit_length()))
    return tuple(size for size in sizes if host.fewest <= size <= host.most)


def unit_sizes(host: Host, model: str, weights: str, engine: str) -> tuple[int, ...]:
    """Return the numbers of devices to try: the fewest that hold the weights, and on to the whole host.

    Powers of two, as heads and widths divide by them. The largest may be the cheapest that keeps a
    tight limit. The exact memory, cache included, follows with the prediction.
    """
    return tuple(size for size in powers(host) if _holds(host, model, weights, _cut(engine, size)))


def _holds(host: Host, model: str, weights: str, cut: tuple[int, int]) -> bool:
    if host.device is None or host.device.capacity_bytes is None:
        return True
    return _weight_bytes(model, weights, *cut) < host.device.capacity_bytes


def _cut(engine: str, size: int) -> tuple[int, int]:
    """Return tensor and pipeline parallelism the way an engine cuts: matrices, or by layers."""
    return (1, size) if engine in LAYER_SPLIT else (size, 1)


@lru_cache(maxsize=16384)
def _weight_bytes(model: str, weights: str, tp: int, pp: int) -> float:
    """Weights on the fullest device, infinite where the model cannot be cut so."""
    try:
        return weight_bytes(models.get(model), formats.get(weights), Shard(tp=tp, pp=pp))
    except InvalidInput:
        return math.inf


def deployment(host: Host, model: str, weights: str, engine: str, size: int) -> Deployment:
    """Return a unit of so many devices, cut the way the engine cuts."""
    return _deployment(host.name, model, weights, engine, size)


@lru_cache(maxsize=32768)
def _deployment(device: str, model: str, weights: str, engine: str, size: int) -> Deployment:
    """Make every unit once: what is known of it is then found without comparing all of its fields."""
    tp, pp = _cut(engine, size)
    return Deployment(device=device, devices=size, model=model, weights=weights, engine=engine, tp=tp, pp=pp)
