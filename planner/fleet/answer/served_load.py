"""What really comes in under a plan with chains: first tries, further tries, and models asked later."""

from planner.fleet.records.plan_record import Plan


def with_further_tries(plan: Plan) -> Plan:
    """Return the plan with the rate of each class as it is served; itself where no chains were chosen.

    Shares of units and offers are parts of all of a class's requests, further tries included.
    """
    if plan.task is None or not plan.task.tries_per_task:
        return plan
    factors = plan.task.tries_per_task
    classes = tuple(
        each.model_copy(update={"requests_per_s": each.requests_per_s * factors.get(each.name, 1.0)})
        for each in plan.scenario.classes
    )
    return plan.model_copy(
        update={
            "scenario": plan.scenario.model_copy(update={"classes": classes}),
            "task": plan.task.model_copy(update={"tries_per_task": {}}),
        }
    )
