"""A plan that holds in simulation too: where the closed forms bought too little, buy for more.

Closed forms size every class as if a unit served it alone, and add the times that
classes take. They leave out that the long prompts of one class slow the tokens of
another; the simulation does not. What it finds missing is bought as headroom: the
peak of every class times a factor, until every limit holds as surely as was asked.
"""

from planner.check.plan_check import check_plan
from planner.fleet.plan import make_plan
from planner.fleet.records.plan_record import Plan
from workloads.scenario import Scenario

STEP, ROUNDS = 1.15, 5
"""Each round buys for so much more, up to twice the load."""


def held_plan(scenario: Scenario, *, seed: int = 0) -> Plan:
    """Return the cheapest plan whose simulation holds every limit with the confidence asked for.

    Where none does within the rounds, or the headroom finds no plan any more, it is the
    last plan, with a check that says what breaks.

    Parameters
    ----------
    seed : int
        Of the simulations.
    """
    plan = make_plan(scenario)
    if not plan.feasible or not plan.units:
        return plan
    check = check_plan(plan, seed=seed)
    headroom = 1.0
    for _ in range(ROUNDS):
        if check.holds is None or (check.holds and (check.held_frac or 0.0) >= scenario.confidence - 1e-9):
            break
        headroom *= STEP
        larger = make_plan(with_headroom(scenario, headroom))
        if not larger.feasible:
            break
        plan = _without_headroom(larger, scenario, headroom)
        check = check_plan(plan, seed=seed)
    return plan.model_copy(update={"check": check.model_copy(update={"headroom": headroom})})


def with_headroom(scenario: Scenario, factor: float) -> Scenario:
    """Return the scenario with higher peaks: more units, at the same mean load and API bill."""
    classes = tuple(
        each.model_copy(update={"peak_to_mean": each.peak_to_mean * factor}) for each in scenario.classes
    )
    return scenario.model_copy(update={"classes": classes})


def _without_headroom(larger: Plan, scenario: Scenario, headroom: float) -> Plan:
    """Return a plan with headroom as an answer to the scenario without it."""
    peaks = {each.name: each.peak_to_mean for each in scenario.classes}
    classes = tuple(
        each.model_copy(update={"peak_to_mean": peaks[each.name]}) for each in larger.scenario.classes
    )
    units = tuple(
        unit.model_copy(update={"utilization": unit.utilization / headroom}) for unit in larger.units
    )
    said = (
        f"Units are sized for {headroom:.2f} times the load: with fewer, the simulation breaks a limit. "
        "What users feel and how sure it is stand for that larger load."
    )
    return larger.model_copy(
        update={
            "scenario": larger.scenario.model_copy(update={"classes": classes}),
            "units": units,
            "assumptions": (*larger.assumptions, said),
        }
    )
