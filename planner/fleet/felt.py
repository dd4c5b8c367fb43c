"""What users feel at the load that each unit really carries, class by class."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from planner.deployment import Case, Load
from planner.fleet.ability import Ability
from planner.fleet.halves import interconnect
from planner.fleet.outcome import Deployed, Outcome
from planner.fleet.plan_record import Predicted, Unit
from planner.fleet.split_search import is_half
from planner.prediction import Prediction
from planner.role import Role
from tonnage.evidence import Quantiles
from workloads.scenario import TrafficClass


@dataclass(frozen=True, slots=True, kw_only=True)
class Felt:
    """One class on one line; None where nothing is predicted."""

    line: str
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

    answers = predict_batch([case for _, _, case in asked])
    return halves + tuple(
        _of_prediction(key, answer) if isinstance(answer, Prediction) else _of_ability(key, ability)
        for (key, ability, _), answer in zip(asked, answers, strict=True)
    )


def _asked(outcome: Outcome) -> Iterable[tuple[str, Ability, Case]]:
    classes = outcome.market.scenario.classes
    for item in outcome.deployed():
        if item.line.candidate.measured is None and not is_half(item.line):
            yield from _of_line(item, classes)


def _of_halves(outcome: Outcome) -> Iterable[Felt]:
    """Yield what each half takes of its classes at its load: the time to first token, or those after it."""
    scenario = outcome.market.scenario
    for item in outcome.deployed():
        if not is_half(item.line):
            continue
        from planner.serving.half_load import at_load

        use, candidate = item.busy / item.count, item.line.candidate
        for traffic, capacity, share in zip(scenario.classes, item.line.capacity, item.shares, strict=True):
            if share > 0:
                mean, high = at_load(
                    candidate.deployment, traffic, candidate.role, use * capacity, interconnect(scenario)
                )
                prefills = candidate.role is Role.PREFILL
                yield Felt(
                    line=candidate.key,
                    ttft_s=mean if prefills else None,
                    tpot_s=None if prefills else mean,
                    ttft_p95_s=high if prefills else None,
                    tpot_p95_s=None if prefills else high,
                )


def _of_line(item: Deployed, classes: Sequence[TrafficClass]) -> Iterable[tuple[str, Ability, Case]]:
    use = item.busy / item.count
    candidate = item.line.candidate
    rows = zip(classes, item.line.abilities or (), item.line.capacity, item.shares, strict=True)
    for traffic, ability, capacity, share in rows:
        if share > 0:
            case = Case(
                **candidate.deployment.model_dump(),
                id=f"{candidate.key} {traffic.name}",
                isl=traffic.prompt_tokens,
                osl=traffic.output_tokens,
                load=Load.OPEN,
                requests_per_s=use * capacity,
            )
            yield candidate.key, ability, case


def _of_prediction(line: str, found: Prediction) -> Felt:
    return Felt(
        line=line,
        ttft_s=found.ttft_s,
        tpot_s=found.tpot_s,
        ttft_p95_s=found.ttft_p95_s,
        tpot_p95_s=found.tpot_p95_s,
    )


def _of_ability(line: str, ability: Ability) -> Felt:
    """Fall back to what is felt at the largest rate, which is slower."""
    return Felt(
        line=line,
        ttft_s=ability.ttft_s,
        tpot_s=ability.tpot_s,
        ttft_p95_s=ability.ttft_p95_s,
        tpot_p95_s=ability.tpot_p95_s,
    )


def predicted(outcome: Outcome, rows: Sequence[Felt]) -> Predicted:
    """Return what the plan's users feel: the worst class on the worst line."""
    return Predicted(
        ttft_p95_s=worst(row.ttft_p95_s for row in rows),
        tpot_p95_s=worst(row.tpot_p95_s for row in rows),
        slo_probability=outcome.slo_probability(),
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
