"""What users feel at the load that each unit really carries, class by class."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from planner.deployment import Case
from planner.fleet.answer.outcome import Deployed, Outcome
from planner.fleet.records.plan_record import ClassPredicted, Predicted, Unit
from planner.fleet.solve.split_search import is_half
from planner.fleet.supply.ability import Ability
from planner.fleet.supply.halves import interconnect
from planner.prediction import Prediction
from planner.role import Role
from tonnage.evidence import Quantiles
from workloads.scenario import TrafficClass

if TYPE_CHECKING:
    from planner.serving.units.half_load import HalfFelt


@dataclass(frozen=True, slots=True, kw_only=True)
class Felt:
    """One class on one line; None where nothing is predicted."""

    line: str
    traffic: str
    ttft_s: Quantiles | None = None
    tpot_s: Quantiles | None = None
    ttft_p95_s: Quantiles | None = None
    tpot_p95_s: Quantiles | None = None


def felt(outcome: Outcome) -> tuple[Felt, ...]:
    """Predict every class on every line that serves it.

    Units that share their time between classes are as busy for each class as
    they are in all: the class is put at that part of its own capacity.
    """
    halves = tuple(_of_halves(outcome))
    asked = list(_asked(outcome))
    if not asked:
        return halves
    from planner.serving.predict import predict_batch

    answers = predict_batch([case for *_, case in asked])
    return halves + tuple(
        _row(key, name, answer if isinstance(answer, Prediction) else ability)
        for (key, name, ability, _), answer in zip(asked, answers, strict=True)
    )


def _asked(outcome: Outcome) -> Iterable[tuple[str, str, Ability, Case]]:
    classes = outcome.market.scenario.classes
    for item in outcome.deployed():
        if item.line.candidate.measured is None and not is_half(item.line):
            yield from _of_line(item, classes)


def _of_halves(outcome: Outcome) -> Iterable[Felt]:
    """Yield what users feel of halves: of those that prefill the time to first token, else that of others.

    To the time of a prefill unit comes that of the slowest decode unit of its pool.
    """
    classes = outcome.market.scenario.classes
    rows = [(item, j, _half(outcome, item, j)) for item in outcome.deployed() for j in _served(item)]
    for item, j, own in rows:
        candidate = item.line.candidate
        if candidate.role is Role.DECODE:
            yield Felt(
                line=candidate.key, traffic=classes[j].name, tpot_s=own.tpot_s, tpot_p95_s=own.tpot_p95_s
            )
            continue
        beside = [
            other
            for one, place, other in rows
            if place == j
            and one.line.candidate.role is Role.DECODE
            and one.line.candidate.lane == candidate.lane
        ]
        mean, high = (worst(getattr(one, name) for one in beside) for name in ("ttft_s", "ttft_p95_s"))
        yield Felt(
            line=candidate.key,
            traffic=classes[j].name,
            ttft_s=_together(own.ttft_s, mean),
            ttft_p95_s=_together(own.ttft_p95_s, high),
        )


def _served(item: Deployed) -> list[int]:
    """Return the classes of which a half serves something; none of a whole unit."""
    return [j for j, share in enumerate(item.shares) if share > 0] if is_half(item.line) else []


def _half(outcome: Outcome, item: Deployed, j: int) -> "HalfFelt":
    from planner.serving.units.half_load import at_load

    scenario, candidate = outcome.market.scenario, item.line.candidate
    return at_load(
        candidate.deployment,
        scenario.classes[j],
        candidate.role,
        item.busy / item.count * item.line.capacity[j],
        interconnect(scenario),
        units=item.count,
    )


def _together(one: Quantiles, other: Quantiles | None) -> Quantiles:
    if other is None:
        return one
    return Quantiles(p10=one.p10 + other.p10, p50=one.p50 + other.p50, p90=one.p90 + other.p90)


def _of_line(item: Deployed, classes: Sequence[TrafficClass]) -> Iterable[tuple[str, str, Ability, Case]]:
    use = item.busy / item.count
    candidate = item.line.candidate
    rows = zip(classes, item.line.abilities or (), item.line.capacity, item.shares, strict=True)
    for traffic, ability, capacity, share in rows:
        if share > 0:
            case = Case.of_class(
                candidate.deployment,
                traffic,
                requests_per_s=use * capacity,
                id=f"{candidate.key} {traffic.name}",
            )
            yield candidate.key, traffic.name, ability, case


def _row(line: str, traffic: str, found: Prediction | Ability) -> Felt:
    """Of an ability, where nothing is predicted: what is felt at the largest rate, which is slower."""
    return Felt(
        line=line,
        traffic=traffic,
        ttft_s=found.ttft_s,
        tpot_s=found.tpot_s,
        ttft_p95_s=found.ttft_p95_s,
        tpot_p95_s=found.tpot_p95_s,
    )


def predicted(outcome: Outcome, rows: Sequence[Felt]) -> Predicted:
    """Return what the plan's users feel: the worst class on the worst line, and each class by itself."""
    by_class = {
        name: ClassPredicted(
            ttft_p95_s=worst(row.ttft_p95_s for row in rows if row.traffic == name),
            tpot_p95_s=worst(row.tpot_p95_s for row in rows if row.traffic == name),
        )
        for name in dict.fromkeys(row.traffic for row in rows)
    }
    return Predicted(
        ttft_p95_s=worst(row.ttft_p95_s for row in rows),
        tpot_p95_s=worst(row.tpot_p95_s for row in rows),
        slo_probability=outcome.slo_probability(),
        by_class=by_class,
    )


def with_felt(units: Sequence[Unit], keys: Sequence[str], rows: Sequence[Felt]) -> tuple[Unit, ...]:
    """Return the units with the mean latencies of their slowest class."""
    return tuple(
        unit.model_copy(
            update={
                "ttft_s": worst(row.ttft_s for row in rows if row.line == key),
                "tpot_s": worst(row.tpot_s for row in rows if row.line == key),
            }
        )
        for unit, key in zip(units, keys, strict=True)
    )


def worst(values: Iterable[Quantiles | None]) -> Quantiles | None:
    """Return the quantiles with the largest median, None if none is known."""
    known = [value for value in values if value is not None]
    return max(known, key=lambda value: value.p50, default=None)
