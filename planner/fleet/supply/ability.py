"""What one unit can carry of each class: measured by the user, or predicted under the limits."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from hw_targets import catalog
from planner.deployment import Deployment
from planner.role import Role
from tonnage.evidence import Evidence, Quantiles
from workloads import shelf
from workloads.scenario import Quality, Slo, TrafficClass

if TYPE_CHECKING:
    from planner.serving.units.capacity import Capacity, LawsOrWhy
    from planner.serving.units.halves import HalvesOrWhy
    from planner.serving.units.unit_laws import Lengths


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
        from planner.serving.units.capacity import broken_alone

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
    """What was predicted: abilities under limits, and what holds under any.

    Attributes
    ----------
    lone : dict
        What lone requests take.
    laws : dict
        Time laws of units, as the batch that they were lowered in and their place there.
    halves : dict
        The same of their halves, by network.
    """

    abilities: dict[tuple[Part, TrafficClass], dict[Deployment, Ability]] = field(
        default_factory=lambda: defaultdict(dict)
    )
    lone: dict[tuple[Part, TrafficClass], dict[Deployment, Lone]] = field(
        default_factory=lambda: defaultdict(dict)
    )
    laws: dict["Lengths", dict[Deployment, "LawsOrWhy"]] = field(default_factory=lambda: defaultdict(dict))
    halves: dict[tuple[str, "Lengths"], dict[Deployment, "HalvesOrWhy"]] = field(
        default_factory=lambda: defaultdict(dict)
    )

    def forget(self) -> None:
        """Forget everything."""
        self.abilities.clear()
        self.lone.clear()
        self.laws.clear()
        self.halves.clear()

    @property
    def is_full(self) -> bool:
        """There is more than is worth its memory."""
        abilities, laws, halves = (
            sum(map(len, kept.values())) for kept in (self.abilities, self.laws, self.halves)
        )
        return abilities > MOST_KNOWN or laws + halves > MOST_LAWS


FILES = (".json", ".gguf", ".toml")
"""Names that end so stand for files of the user."""
MOST_KNOWN = 500_000
"""Abilities that are kept for the next question of the same process."""
MOST_LAWS = 100_000
"""The same of time laws, at about a kilobyte each."""


@lru_cache(maxsize=4)
def _in_process(_models: tuple[Path, ...], _devices: tuple[Path, ...]) -> Seen:
    """Return what is known under these catalogs, for all questions of this process."""
    return Seen()


def _shared() -> Seen:
    known = _in_process(shelf.folders(), catalog.user_folders())
    if known.is_full:
        known.forget()
    return known


@dataclass(slots=True)
class Predictor:
    """Predicts abilities, each only once, and lowers units only once whatever limits are asked for."""

    _seen: Seen = field(default_factory=Seen)
    _known: Seen = field(default_factory=lambda: _shared())

    def _of(self, deployment: Deployment) -> Seen:
        return self._seen if _is_of_files(deployment) else self._known

    def abilities(
        self, deployments: Sequence[Deployment], classes: Sequence[TrafficClass], part: Part = WHOLE
    ) -> list[tuple[Ability, ...]]:
        """Return one ability per class for each deployment."""
        shapes = [_shape(traffic) for traffic in classes]
        items = list(dict.fromkeys(deployments))
        missing = {
            shape: [
                item for item, known in zip(items, self._found(items, shape, part), strict=True) if not known
            ]
            for shape in shapes
        }
        if any(missing.values()):
            self._predict(missing, part)
        columns = [self._found(deployments, shape, part) for shape in shapes]
        return [tuple(filter(None, row)) for row in zip(*columns, strict=True)]

    def _found(
        self, deployments: Sequence[Deployment], shape: TrafficClass, part: Part
    ) -> list[Ability | None]:
        """Return what is known of each; a limit that a lone request breaks needs no prediction."""
        bare = _unlimited(shape)
        known, seen = (
            (kept.abilities[part, shape], kept.lone[part, bare]) for kept in (self._known, self._seen)
        )
        rows: list[Ability | None] = []
        for item in deployments:
            abilities, lone = seen if _is_of_files(item) else known
            found = abilities.get(item)
            if found is None and (before := lone.get(item)) is not None:
                found = before.under(shape)
                if found is not None:
                    abilities[item] = found
            rows.append(found)
        return rows

    def _predict(self, missing: Mapping[TrafficClass, list[Deployment]], part: Part) -> None:
        """Predict units for each class that is missing; either half comes with the other one."""
        rows = [(item, shape) for shape, items in missing.items() for item in items]
        if part.role is Role.WHOLE:
            for (item, shape), found in zip(rows, self._whole(rows), strict=True):
                self._keep(item, shape, part, found)
            return
        for (item, shape), both in zip(rows, self._halves(rows, part.link), strict=True):
            for role, one in both.items():
                self._keep(item, shape, Part(role, part.link), one)

    def _whole(self, rows: Sequence[tuple[Deployment, TrafficClass]]) -> list["Capacity"]:
        """Return what units carry whole."""
        from planner.serving.units.capacity import under_limits
        from planner.serving.units.unit_laws import Lengths

        laws = self._laws([(item, Lengths.of(shape)) for item, shape in rows])
        return under_limits(list(zip(laws, (shape for _, shape in rows), strict=True)))

    def _laws(self, pairs: Sequence[tuple[Deployment, "Lengths"]]) -> list["LawsOrWhy"]:
        """Return the laws of units, which are lowered where they are not known."""
        from planner.serving.units.capacity import units

        new = list(dict.fromkeys(pair for pair in pairs if pair[0] not in self._of(pair[0]).laws[pair[1]]))
        for (item, lengths), found in zip(new, units(new), strict=True):
            self._of(item).laws[lengths][item] = found
        return [self._of(item).laws[lengths][item] for item, lengths in pairs]

    def _halves(
        self, rows: Sequence[tuple[Deployment, TrafficClass]], network: str
    ) -> list[Mapping[Role, "Capacity"]]:
        """Return what halves carry, from the laws of the same units serving whole requests."""
        from planner.serving.disaggregation import link
        from planner.serving.units.halves import half_units, under_limits
        from planner.serving.units.unit_laws import Lengths

        pairs = [(item, Lengths.of(shape)) for item, shape in rows]
        new = list(
            dict.fromkeys(
                (item, each) for item, each in pairs if item not in self._of(item).halves[network, each]
            )
        )
        found = half_units(new, self._laws(new), link(network))
        for (item, lengths), one in zip(new, found, strict=True):
            self._of(item).halves[network, lengths][item] = one
        laws = [self._of(item).halves[network, lengths][item] for item, lengths in pairs]
        return under_limits(list(zip(laws, (shape for _, shape in rows), strict=True)))

    def _keep(self, item: Deployment, shape: TrafficClass, part: Part, found: "Capacity") -> None:
        known = self._of(item)
        known.abilities[part, shape][item] = _ability(found)
        if found.alone_s:
            known.lone[part, _unlimited(shape)].setdefault(item, Lone.of(found))


def _is_of_files(deployment: Deployment) -> bool:
    """Tell what is known for one question alone: files may change between two, catalogs do not."""
    return deployment.device.endswith(FILES) or deployment.model.endswith(FILES)


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
