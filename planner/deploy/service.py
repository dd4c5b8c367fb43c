"""The units of a plan as services: a name, a command, devices, and the load that each copy is meant for."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from hw_targets import catalog
from hw_targets.device import Device, DeviceKind
from planner.deploy import halves
from planner.deploy.checkpoint import Checkpoint, checkpoint
from planner.deploy.commands import Order, arguments, rounded_up
from planner.deploy.launcher import Launcher, launcher
from planner.deploy.plain_yaml import Data
from planner.deployment import Case, Deployment
from planner.fleet.peak import peak_rate
from planner.fleet.records.plan_record import Plan, Unit
from planner.fleet.supply.known import UNSPECIFIED
from planner.role import Role
from planner.serving import engines
from planner.simulate.deployments import simulated
from tonnage.errors import Infeasible, InvalidInput, TonnageError
from workloads import models
from workloads.scenario import TrafficClass
from workloads.traffic import Length

LONGEST = 0.999
"""Requests up to this quantile of length are served; longer ones are refused by the engine."""
MOST_NAME = 50
"""Of a DNS label's 63 characters; the number of a copy is added."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """Copies of one unit.

    Attributes
    ----------
    name : str
        A DNS label, unique in the plan.
    vendor, kind
        Of the device; None where it is a profiled machine.
    busy : float or None
        Requests in a copy's batch at the planned peak, by Little's law; None if times are not predicted.
    least : int
        Copies that carry the mean rate, spares included.
    """

    name: str
    unit: Unit
    by: Launcher
    checkpoint: Checkpoint
    image: str | None
    arguments: tuple[str, ...]
    tokens: int
    sequences: int
    vendor: str | None
    kind: DeviceKind | None
    busy: float | None
    least: int

    @property
    def served(self) -> str:
        """Name that requests ask for."""
        return served_name(self.unit)

    @property
    def command(self) -> tuple[str, ...]:
        """All words of the command line."""
        return (*self.by.program, *self.arguments)

    @property
    def role(self) -> Role:
        """Which part of a request it serves."""
        return Role(self.unit.role)

    @property
    def options(self) -> dict[str, Data] | None:
        """A file of further options, None where the command line says all."""
        return halves.options(self.by, self.role, tokens=self.tokens)

    @property
    def on_cpu(self) -> bool:
        """It runs on processors alone."""
        return self.kind is DeviceKind.CPU


def services(plan: Plan, *, weights: Mapping[str, str], images: Mapping[str, str]) -> tuple[Service, ...]:
    """Return one service per unit record of a plan.

    Parameters
    ----------
    weights : mapping of str to str
        The user's own checkpoints, by `model:format`.
    images : mapping of str to str
        The user's own images, by engine.

    Raises
    ------
    Infeasible
        If the plan has no units of its own.
    UnknownName, InvalidInput
        If an engine is not known, or has no documented flag for what the plan asks.
    """
    if not plan.units:
        raise Infeasible("the plan has no units of its own, so there is nothing to deploy")
    named: dict[str, int] = {}
    found = []
    for unit in plan.units:
        part = "" if unit.role == Role.WHOLE else f"-{unit.role}"
        base = slug(f"{unit.model}-{unit.weights}-{unit.device.rsplit('/', 1)[-1]}")
        base = base[: MOST_NAME - len(part)].strip("-") + part
        named[base] = named.get(base, 0) + 1
        name = base if named[base] == 1 else f"{base}-{named[base]}"
        found.append(_service(name, unit, plan, weights=weights, images=images))
    return tuple(found)


def _service(
    name: str, unit: Unit, plan: Plan, *, weights: Mapping[str, str], images: Mapping[str, str]
) -> Service:
    if unit.engine in ("", UNSPECIFIED):
        raise InvalidInput(
            f"the plan does not say which engine runs {unit.model} on {unit.device}; "
            'name it in the scenario, e.g. engine = "vllm" in [[capacity]]'
        )
    by = launcher(unit.engine)
    device = catalog.get(unit.device) if unit.device in catalog.names() else None
    kind = None if device is None else device.kind
    policy, _ = engines.resolve(by.name, kind=kind.value if kind else "gpu")
    classes = [each for each in plan.scenario.classes if unit.share.get(each.name)]
    tokens = _tokens(unit, classes or list(plan.scenario.classes))
    sequences = _sequences(unit, policy, tokens)
    order = Order(
        unit=unit,
        policy=policy,
        checkpoint=checkpoint(unit, by.name, weights),
        tokens=tokens,
        served=served_name(unit),
        sequences=sequences,
        role=Role(unit.role),
        on_cpu=kind is DeviceKind.CPU,
    )
    return Service(
        name=name,
        unit=unit,
        by=by,
        checkpoint=order.checkpoint,
        image=images.get(by.name) or by.images.get(_maker(device)),
        arguments=arguments(by, order),
        tokens=tokens,
        sequences=sequences,
        vendor=None if device is None else device.vendor.lower(),
        kind=kind,
        busy=_busy(unit, classes, plan),
        least=_least(unit, classes, plan),
    )


def _maker(device: Device | None) -> str:
    return "cpu" if device is None or device.kind is DeviceKind.CPU else device.vendor.lower()


def _tokens(unit: Unit, classes: list[TrafficClass]) -> int:
    """Return the longest request that is served, prompt and output, at most what the model takes."""
    at = np.array([LONGEST])
    longest = max(
        float(Length.from_percentile(each.prompt_tokens, each.prompt_tokens_p95).tokens(at)[0])
        + float(Length.from_percentile(each.output_tokens, each.output_tokens_p95).tokens(at)[0])
        for each in classes
    )
    try:
        most = models.get(unit.model).max_context
    except TonnageError:
        most = None
    return rounded_up(longest) if most is None else min(rounded_up(longest), most)


def _sequences(unit: Unit, policy: engines.Engine, tokens: int) -> int:
    """Return the size of a batch: the engine's own, or the slots of a full context that memory holds."""
    if policy.reserve != "full" or policy.name != "llama.cpp":
        return policy.max_sequences
    given = {name: getattr(unit, name) for name in Deployment.model_fields if name in Unit.model_fields}
    case = {"id": unit.device, "devices": unit.devices_per_unit, "isl": tokens, "osl": 1, **given}
    try:
        room = simulated(Case.parse(case, where="plan")).engine.cache_tokens
    except TonnageError:  # the model or device is the user's own: nothing is known of its memory
        return policy.max_sequences
    return max(1, min(policy.max_sequences, room // tokens))


def _busy(unit: Unit, classes: list[TrafficClass], plan: Plan) -> float | None:
    if unit.ttft_s is None or unit.tpot_s is None:
        return None
    at_work = max(unit.count - plan.scenario.availability.spare_units, 1)
    rates = [unit.share[each.name] * peak_rate(each) for each in classes]
    stays_s = [unit.ttft_s.p50 + (each.output_tokens - 1) * unit.tpot_s.p50 for each in classes]
    return sum(rate * stay_s for rate, stay_s in zip(rates, stays_s, strict=True)) / at_work


def _least(unit: Unit, classes: list[TrafficClass], plan: Plan) -> int:
    if unit.count_by_period:
        return max(min(unit.count_by_period), 1)
    spare = min(plan.scenario.availability.spare_units, unit.count - 1)
    peaks = [unit.share[each.name] * peak_rate(each) for each in classes]
    means = [unit.share[each.name] * each.requests_per_s for each in classes]
    part = sum(means) / sum(peaks) if sum(peaks) > 0 else 1.0
    return min(unit.count, max(1, math.ceil((unit.count - spare) * part - 1e-9) + spare))


def served_name(unit: Unit) -> str:
    """Return the name that requests ask for: the catalog id, or the stem of a file."""
    return unit.model.rsplit("/", 1)[-1].removesuffix(".gguf")


def slug(text: str) -> str:
    """Return a DNS label: lower case letters, digits and single dashes."""
    return re.sub(r"-+", "-", re.sub(r"[^a-z0-9]+", "-", text.lower())).strip("-") or "unit"
