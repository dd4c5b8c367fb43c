"""A plan over periods, as it is in the period in which most of it runs."""

from planner.fleet.records.plan_record import Plan, Unit
from workloads.profile import aligned
from workloads.scenario import TrafficClass


def in_busiest_period(plan: Plan) -> tuple[Plan, str | None]:
    """Return the plan with the rates and counts of its busiest period alone, and a word on that.

    Where nothing changes over time it is the plan itself. Shares are the plan's, which are
    means over all periods.
    """
    classes = plan.scenario.classes
    profiles = aligned([each.profile for each in classes])
    if all(len(set(profile)) == 1 for profile in profiles):
        return plan, None
    periods = range(len(profiles[0]))
    most = max(
        periods,
        key=lambda p: (
            sum(_count(unit, p) * unit.devices_per_unit for unit in plan.units),
            sum(each.requests_per_s * profile[p] for each, profile in zip(classes, profiles, strict=True)),
        ),
    )
    moved = tuple(
        _flat(each, profile[most])
        for each, profile in zip(classes, profiles, strict=True)
        if profile[most] > 0
    )
    units = tuple(
        unit.model_copy(update={"count": _count(unit, most), "count_by_period": ()})
        for unit in plan.units
        if _count(unit, most)
    )
    scenario = plan.scenario.model_copy(update={"classes": moved})
    said = (
        f"Simulated in the busiest of {len(periods)} periods, number {most + 1}, with the plan's mean shares."
    )
    return plan.model_copy(update={"scenario": scenario, "units": units}), said


def _count(unit: Unit, period: int) -> int:
    return unit.count_by_period[period % len(unit.count_by_period)] if unit.count_by_period else unit.count


def _flat(traffic: TrafficClass, scale: float) -> TrafficClass:
    return traffic.model_copy(update={"requests_per_s": traffic.requests_per_s * scale, "profile": ()})
