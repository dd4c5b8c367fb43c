"""What the same load would cost if the scenario's candidates were chosen from anew."""

from planner.audit.audit_record import Audit
from planner.fleet.plan import make_plan
from planner.fleet.records.plan_record import Plan


def with_alternative(found: Audit) -> Audit:
    """Return the audit with the cheapest plan for its scenario, if there is one."""
    plan = make_plan(found.scenario)
    if not plan.feasible:
        return found
    return found.model_copy(
        update={"alternative": label(plan), "alternative_usd_per_month": plan.cost_usd_per_month}
    )


def label(plan: Plan) -> str:
    """Return what a plan runs in one line."""
    own = [
        f"{unit.count * unit.devices_per_unit} x {unit.device}: {unit.model} {unit.weights}"
        for unit in plan.units
    ]
    return " + ".join([*own, *(f"API {use.provider} {use.model}" for use in plan.api)])
