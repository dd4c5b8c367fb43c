"""The shortest times that physics allows: what no prediction needs to be asked for."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from planner.fleet.supply.candidates import Candidate
from planner.fleet.supply.ceiling import fastest_s
from tonnage.units import human
from workloads.scenario import TrafficClass


@dataclass(frozen=True, slots=True, kw_only=True)
class Floor:
    """The least of one latency over all candidates, and who reaches it."""

    seconds: float
    candidate: Candidate
    metric: str

    @property
    def sentence(self) -> str:
        """What takes this long."""
        unit = self.candidate.deployment
        does = (
            "to read the weights once" if self.metric == "tpot" else "to compute the prompt at its peak rate"
        )
        return (
            f"no candidate can be faster than {human(self.seconds, 's')}: so long {unit.devices} x "
            f"{unit.device} takes {does}, for {unit.model} {unit.weights}"
        )


def floor_of(key: str, traffic: TrafficClass, candidates: Sequence[Candidate]) -> Floor | None:
    """Return the least that a latency such as `tpot_p95_s` can be, None if nobody knows.

    Notes
    -----
    Every output token reads the active weights once; a prompt of i tokens computes
    2 a i flop, a the active parameters, and reads the weights too.
    """
    metric = key.split("_")[0]
    found = [
        Floor(seconds=seconds, candidate=item, metric=metric)
        for item in candidates
        if item.measured is None
        and (seconds := fastest_s(item.deployment, traffic, item.role).get(metric)) is not None
    ]
    return min(found, key=lambda one: one.seconds, default=None)


def broken(
    classes: Iterable[TrafficClass], candidates: Sequence[Candidate]
) -> list[tuple[str, float, TrafficClass, Floor]]:
    """Return the limits that lie below what physics allows to the fastest candidate."""
    return [
        (key, limit, traffic, floor)
        for traffic in classes
        for key, limit in traffic.slo.model_dump(exclude_none=True).items()
        if (floor := floor_of(key, traffic, candidates)) is not None and limit < floor.seconds
    ]
