"""What was asked for, and what users will feel."""

from planner.fleet.records.plan_record import Plan
from reports.content import Block, Section
from reports.figures import picture
from reports.numbers import chance
from reports.sources import Sources
from reports.tables import service
from reports.tables.simulated import simulated
from reports.wording import states_limits


def build(sources: Sources) -> Section:
    """Build the section; every scenario asks for something."""
    plan = sources.plan
    blocks: list[Block] = [service.traffic(plan)]
    levels = service.levels(plan)
    if levels.rows:
        blocks.append(levels)
    if (drawn := picture("service", sources)) is not None:
        blocks.append(drawn)
    if plan.check is not None and plan.check.holds is not None:
        blocks.append(simulated(plan, plan.check))
    return Section(title="Traffic and service levels", lead=_lead(plan), blocks=tuple(blocks))


def _lead(plan: Plan) -> str:
    spare = plan.scenario.availability.spare_units
    spares = f" Of each kind, {spare} more than the load needs are running, for failures." if spare else ""
    probability = plan.predicted.slo_probability
    if not plan.feasible:
        return "This is what was asked for; no plan meets all of it."
    if probability is None:
        return f"The plan is sized for the peak rate of every class.{spares}"
    holds = "every limit holds" if states_limits(plan) else "the load is carried"
    return (
        f"The plan is sized for the peak rate of every class. Given the uncertainty of the predictions, "
        f"{holds} with a probability of {chance(probability)}.{spares}"
    )
