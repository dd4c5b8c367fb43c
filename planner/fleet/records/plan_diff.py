"""What changed from one plan to another: cost, hardware, APIs, and the question itself."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import ClassVar

from planner.fleet.records.plan_record import Handover, Plan
from tonnage.files import FileRecord, Record

ABSENT = "–"


class Changed(Record):
    """One thing that differs, in words."""

    what: str
    before: str
    after: str


class PlanDifference(FileRecord):
    """What `tonnage plan diff` answers."""

    FORMAT: ClassVar[str] = "tonnage.plan-difference"
    VERSION: ClassVar[int] = 1

    cost_usd_per_month_before: float | None = None
    cost_usd_per_month_after: float | None = None
    rows: tuple[Changed, ...] = ()


def difference(before: Plan, after: Plan) -> PlanDifference:
    """Return what changed; equal plans have no rows."""
    rows = [
        *_rows("units of ", _counts(before), _counts(after)),
        *_rows("share of ", _shares(before), _shares(after)),
        *_rows("", _question(before), _question(after)),
    ]
    return PlanDifference(
        cost_usd_per_month_before=before.cost_usd_per_month,
        cost_usd_per_month_after=after.cost_usd_per_month,
        rows=tuple(rows),
    )


def _rows(prefix: str, before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[Changed]:
    for name in dict.fromkeys((*before, *after)):
        old, new = before.get(name, ABSENT), after.get(name, ABSENT)
        if old != new:
            yield Changed(what=f"{prefix}{name}", before=old, after=new)


def _counts(plan: Plan) -> dict[str, str]:
    counts: dict[str, int] = {}
    for unit in plan.units:
        size = f"{unit.devices_per_unit}x {unit.device}"
        half = "" if unit.role == "whole" else f" {unit.role}"
        name = f"{size} {unit.model} {unit.weights} {unit.engine}{half}, {unit.purchase}"
        counts[name] = counts.get(name, 0) + unit.count
    return {name: str(count) for name, count in counts.items()}


def _shares(plan: Plan) -> dict[str, str]:
    hosted = {
        f"{name} at {use.provider} {use.model}": f"{frac:.1%}"
        for use in plan.api
        for name, frac in use.share.items()
    }
    ways = Counter((way.prefill, way.decode) for way in plan.handovers)
    handed = {
        f"{name} from prefill on {way.prefill} to decode on {way.decode}{_of(way, ways)}": f"{frac:.1%}"
        for way in plan.handovers
        for name, frac in way.share.items()
    }
    return {**hosted, **handed}


def _of(way: Handover, ways: Mapping[tuple[str, str], int]) -> str:
    """Name the pool where equal deployments stand in several."""
    return f" ({way.pool})" if ways[way.prefill, way.decode] > 1 else ""


def _question(plan: Plan) -> dict[str, str]:
    """Flatten what was asked, so that a changed limit is seen beside its effect."""
    flat: dict[str, str] = {"feasible": str(plan.feasible).lower()}
    for traffic in plan.scenario.classes:
        values = traffic.model_dump(exclude_none=True)
        for section in ("slo", "quality"):
            values.update({f"{section}.{key}": value for key, value in values.pop(section).items()})
        flat.update({f"{traffic.name}.{key}": str(value) for key, value in values.items() if key != "name"})
    flat["budget.usd_per_month"] = str(plan.scenario.budget.usd_per_month)
    flat["availability.spare_units"] = str(plan.scenario.availability.spare_units)
    flat["availability.confidence"] = str(plan.scenario.confidence)
    flat["candidates.roles"] = ", ".join(plan.scenario.candidates.roles)
    flat["candidates.interconnect"] = str(plan.scenario.candidates.interconnect)
    return flat
