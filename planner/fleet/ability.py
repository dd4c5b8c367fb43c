"""What one unit can carry of each class: measured by the user, or predicted under the limits."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from hw_targets import catalog
from planner.deployment import Deployment
from planner.role import HALVES, Role
from tonnage.evidence import Evidence, Quantiles
from workloads import shelf
from workloads.scenario import Quality, Slo, TrafficClass

if TYPE_CHECKING:
    from planner.serving.capacity import Capacity


@dataclass(frozen=True, slots=True, kw_only=True)
class Ability:
    """One unit serving one class and nothing else, at the largest rate under its limits.

    Attributes
    ----------
    requests_per_s : Quantiles or None
        None if the class cannot be served; `why_not` says why.
    ttft_s, tpot_s, ttft_p95_s, tpot_p95_s : Quantiles or None
        What users feel at that rate. [s]
    memory_bytes : float or None
        Per device at that rate.
    """

    requests_per_s: Quantiles | None
    why_not: str | None = None
    ttft_s: Quantiles | None = None
    tpot_s: Quantiles | None = None
    ttft_p95_s: Quantiles | None = None
    tpot_p95_s: Quantiles | None = None
    memory_bytes: float | None = None
    evidence: Evidence


def measured(requests_per_s: float) -> Ability:
    """Return the ability that the user measured; 0 is none."""
    return Ability(
        requests_per_s=Quantiles.exactly(requests_per_s) if requests_per_s > 0 else None,
        why_not=None if requests_per_s > 0 else "measured at 0 requests/s",
        evidence=Evidence.MEASURED,
    )


@dataclass(frozen=True, slots=True)
class Lone:
    """What a lone request takes on a unit: it settles limits below without another prediction.

    Attributes
    ----------
    times_s : mapping of str to float
        By the name of the limit on it [s].
    why_unfit : str
        Why not even one request fits, empty if it does.
    """

    times_s: Mapping[str, float]
    why_unfit: str
    memory_bytes: float | None
    evidence: Evidence

    @staticmethod
    def of(found: "Capacity") -> "Lone":
        """Keep of a capacity what holds under any limits."""
        why = (found.why_not or "") if found.fits is False else ""
        return Lone(found.alone_s, why, found.memory_bytes, found.evidence)

    def under(self, traffic: TrafficClass) -> Ability | None:
        """Return the ability under limits that a lone request breaks; None if it breaks none."""
        from planner.serving.capacity import broken_alone

        why = self.why_unfit or broken_alone(self.times_s, traffic)
        if not why:
            return None
        return Ability(
            requests_per_s=None, why_not=why, memory_bytes=self.memory_bytes, evidence=self.evidence
        )


@dataclass(frozen=True, slots=True)
class Part:
    """What units of a deployment do: whole requests, or one half of a split service over a link."""

    role: Role = Role.WHOLE
    link: str = ""


WHOLE = Part()


@dataclass(slots=True)
class Seen:
    """What was predicted: abilities under limits, and what lone requests take without any."""

    abilities: dict[tuple[Deployment, Part, TrafficClass], Ability] = field(default_factory=dict)
    lone: dict[tuple[Deployment, Part, TrafficClass], Lone] = field(default_factory=dict)


FILES = (".json", ".gguf", ".toml")
"""Names that end so stand for files of the user."""
MOST_KNOWN = 500_000
"""Abilities that are kept for the next question of the same process."""


@lru_cache(maxsize=4)
def _in_process(_models: tuple[Path, ...], _devices: tuple[Path, ...]) -> Seen:
    """Return what is known under these catalogs, for all questions of this process."""
    return Seen()


def _shared() -> Seen:
    known = _in_process(shelf.folders(), catalog.user_folders())
    if len(known.abilities) > MOST_KNOWN:
        known.abilities.clear()
        known.lone.clear()
    return known


@dataclass(slots=True)
class Predictor:
    """Predicts abilities, each only once: what a limit costs is asked many times.

    Attributes
    ----------
    limit_steps : tuple of float
        Factors on the latency limits that will be asked for later. They are
        predicted along: a model is lowered once for all limits.
    """

    limit_steps: tuple[float, ...] = ()
    _seen: Seen = field(default_factory=Seen)
    _known: Seen = field(default_factory=lambda: _shared())

    def plain(self) -> "Predictor":
        """Return a predictor that shares what is known and predicts no limit steps along."""
        return Predictor(_seen=self._seen, _known=self._known)

    def _of(self, deployment: Deployment) -> Seen:
        """Return what is known of a deployment: files may change between two questions, catalogs do not."""
        files = (deployment.device, deployment.model)
        return self._seen if any(name.endswith(FILES) for name in files) else self._known

    def abilities(
        self, deployments: Sequence[Deployment], classes: Sequence[TrafficClass], part: Part = WHOLE
    ) -> list[tuple[Ability, ...]]:
        """Return one ability per class for each deployment."""
        shapes = [_shape(traffic) for traffic in classes]
        missing = [item for item in deployments if not self._answered(item, shapes, part)]
        if missing:
            self._predict(missing, shapes, part)
        return [
            tuple(self._of(item).abilities[item, part, shape] for shape in shapes) for item in deployments
        ]

    def _answered(self, item: Deployment, shapes: Iterable[TrafficClass], part: Part) -> bool:
        """Tell whether all is known; a limit that a lone request breaks needs no prediction."""
        return all(self._found(item, shape, part) is not None for shape in shapes)

    def _found(self, item: Deployment, shape: TrafficClass, part: Part) -> Ability | None:
        known = self._of(item)
        found = known.abilities.get((item, part, shape))
        if found is None and (before := known.lone.get((item, part, _unlimited(shape)))) is not None:
            found = before.under(shape)
            if found is not None:
                known.abilities[item, part, shape] = found
        return found

    def _predict(self, deployments: list[Deployment], shapes: list[TrafficClass], part: Part) -> None:
        steps = [with_limits(shape, factor) for factor in self.limit_steps for shape in shapes]
        wanted = list(dict.fromkeys((*shapes, *steps)))
        for item, row in zip(deployments, _predicted(deployments, wanted, part), strict=True):
            for shape, parts in zip(wanted, row, strict=True):
                for done, found in parts.items():
                    self._keep(item, shape, done, found)

    def _keep(self, item: Deployment, shape: TrafficClass, part: Part, found: "Capacity") -> None:
        known = self._of(item)
        known.abilities[item, part, shape] = _ability(found)
        if found.alone_s:
            known.lone.setdefault((item, part, _unlimited(shape)), Lone.of(found))


def _predicted(
    deployments: Sequence[Deployment], classes: Sequence[TrafficClass], part: Part
) -> list[list[dict[Part, "Capacity"]]]:
    """Return what units carry; either half is predicted with the other one, which costs no more."""
    if part.role is Role.WHOLE:
        from planner.serving.capacity import capacities

        return [[{part: found} for found in row] for row in capacities(deployments, classes)]
    from planner.serving.disaggregation import link
    from planner.serving.halves import halves

    return [
        [{Part(role, part.link): found[role] for role in HALVES} for found in row]
        for row in halves(deployments, classes, link(part.link))
    ]


def _ability(found: "Capacity") -> Ability:
    return Ability(
        requests_per_s=found.requests_per_s if found.fits is not False else None,
        why_not=found.why_not,
        ttft_s=found.ttft_s,
        tpot_s=found.tpot_s,
        ttft_p95_s=found.ttft_p95_s,
        tpot_p95_s=found.tpot_p95_s,
        memory_bytes=found.memory_bytes,
        evidence=found.evidence,
    )


def with_limits(traffic: TrafficClass, factor: float) -> TrafficClass:
    """Return the class with every latency limit times a factor."""
    moved = {key: value * factor for key, value in traffic.slo.model_dump(exclude_none=True).items()}
    return traffic.model_copy(update={"slo": Slo(**moved)})


@lru_cache(maxsize=4096)
def _unlimited(shape: TrafficClass) -> TrafficClass:
    return shape.model_copy(update={"slo": Slo()})


def _shape(traffic: TrafficClass) -> TrafficClass:
    """Return the class without what its capacity does not depend on."""
    return traffic.model_copy(
        update={
            "name": "all",
            "requests_per_s": 1.0,
            "peak_to_mean": 1.0,
            "profile": (),
            "cached_prompt_frac": 0.0,
            "quality": Quality(),
            "task": None,
        }
    )
