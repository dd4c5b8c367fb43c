"""What the units of a running fleet can carry: as the user measured, else as predicted."""

from collections.abc import Sequence
from dataclasses import dataclass

from planner.audit.fleet_file import Running
from planner.deployment import Case, Deployment
from planner.fleet.supply import floors
from planner.fleet.supply.choices import same_format
from planner.fleet.supply.known import UNSPECIFIED, known_deployments
from planner.prediction import Prediction
from planner.serving import engines
from planner.serving.predict import predict_batch
from planner.serving.step.target import target
from planner.serving.units.capacity import Capacity, capacities
from tonnage.evidence import Evidence, Quantiles
from workloads import formats, models
from workloads.scenario import Scenario, TrafficClass


@dataclass(frozen=True, slots=True, kw_only=True)
class Able:
    """One kind of unit and what it does with each class."""

    running: Running
    capacity: tuple[Capacity, ...]
    below_floor: tuple[str, ...]
    """Per class, which quality floor is missed; empty where none is."""


def abilities(units: Sequence[Running], scenario: Scenario) -> tuple[Able, ...]:
    """Return what each kind of unit carries of each class, those below a quality floor included.

    Raises
    ------
    UnknownName
        If nobody measured a unit and its device, model, format or engine is in no catalog.
    """
    plain = [_without_name(each) for each in scenario.classes]
    measured = [_measured(one.deployment, scenario) for one in units]
    asked = [one.deployment for one, known in zip(units, measured, strict=True) if known is None]
    for deployment in asked:
        _check_known(deployment)
    predicted = iter(capacities(asked, plain) if asked else ())
    return tuple(
        Able(
            running=one,
            capacity=tuple(map(_as_measured, known)) if known is not None else tuple(next(predicted)),
            below_floor=tuple(
                floors.shortfall(each.quality, one.deployment.model, one.deployment.weights)
                for each in scenario.classes
            ),
        )
        for one, known in zip(units, measured, strict=True)
    )


def _check_known(deployment: Deployment) -> None:
    target(deployment.device)
    models.get(deployment.model)
    formats.get(deployment.weights)
    if deployment.engine is not None:
        engines.check_known(deployment.engine)


def _without_name(traffic: TrafficClass) -> TrafficClass:
    return traffic.model_copy(update={"requests_per_s": 1.0, "peak_to_mean": 1.0})


def _measured(deployment: Deployment, scenario: Scenario) -> tuple[float, ...] | None:
    """Return the user's own rates of a deployment, None if there are none."""
    for known, rates in known_deployments(scenario).items():
        if (
            (known.device, known.devices) == (deployment.device, deployment.devices)
            and known.model in (UNSPECIFIED, deployment.model)
            and (known.weights == UNSPECIFIED or same_format(known.weights, deployment.weights))
            and known.engine in (UNSPECIFIED, deployment.engine)
        ):
            return rates
    return None


def _as_measured(rate: float) -> Capacity:
    if rate <= 0:
        return Capacity(why_not="measured at 0 requests/s", evidence=Evidence.MEASURED)
    return Capacity(requests_per_s=Quantiles.exactly(rate), evidence=Evidence.MEASURED)


def felt(able: Able, classes: Sequence[TrafficClass], use: float) -> list[Prediction | None]:
    """Predict each class at a part of its capacity; None where nothing is predicted.

    Units that share their time between classes are as busy for each class as they are in all.
    """
    cases = [
        Case.of_class(
            able.running.deployment,
            each,
            requests_per_s=min(use, 1.0) * found.requests_per_s.p50,
            id=each.name,
        )
        if found.requests_per_s is not None and use > 0 and found.evidence is not Evidence.MEASURED
        else None
        for each, found in zip(classes, able.capacity, strict=True)
    ]
    answers = iter(predict_batch([case for case in cases if case is not None]))
    found_all = [None if case is None else next(answers) for case in cases]
    return [answer if isinstance(answer, Prediction) else None for answer in found_all]
