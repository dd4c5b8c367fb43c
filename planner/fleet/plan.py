"""A scenario answered: what to run where, why that, how sure it is, what else, or what to relax."""

from collections.abc import Sequence
from datetime import UTC, datetime

from planner.fleet.answer.assumptions import assumptions
from planner.fleet.answer.felt import felt, predicted, with_felt
from planner.fleet.answer.growing import grown
from planner.fleet.answer.handing import handovers
from planner.fleet.answer.interference import ALONE, with_room
from planner.fleet.answer.outcome import Outcome, solve
from planner.fleet.answer.over_time import periods
from planner.fleet.answer.task_cost import reliable_task
from planner.fleet.programme.dominance import reduce
from planner.fleet.questions import infeasible, relax
from planner.fleet.questions.alternatives import alternatives
from planner.fleet.questions.binding import binding
from planner.fleet.questions.decision import Decision
from planner.fleet.questions.infeasible import LOAD_MARGIN_FRAC
from planner.fleet.questions.inquiry import Inquiry
from planner.fleet.questions.sensitivity import sensitivity
from planner.fleet.questions.worth_measuring import worth_measuring
from planner.fleet.records.plan_record import Plan, Rejected
from planner.fleet.solve.mix import most_load
from planner.fleet.solve.split_search import is_half
from planner.fleet.supply.ability import Predictor
from planner.fleet.supply.candidates import Candidate
from planner.fleet.supply.energy_goal import power_w
from planner.fleet.supply.market import Market, rate, survey
from planner.fleet.supply.task_market import check_tasks
from planner.role import Role
from tonnage.collector import uncollected
from tonnage.units import HOURS_PER_MONTH
from workloads.scenario import Objective, Scenario
from workloads.scenario_toml.checks import check_objective

MOST_LOAD = 1e6
"""Multiples of the load asked for that are looked at."""
ROUNDS = 3
"""Times the confidence per kind is raised so that all kinds together reach the one asked for."""
PROVEN_GAP_FRAC = 1e-6
"""A cost that is proven to be this close to the least possible is called optimal."""
SECONDS_PER_HOUR = 3600.0
DOMINATED = "others carry as much of every class at no higher cost"
UNUSED = "no plan with it is cheaper than the best one without"
AT_PEAK = ", even at its datasheet peak"


@uncollected()
def make_plan(scenario: Scenario) -> Plan:
    """Return the cheapest plan for a scenario, or why there is none.

    Parameters
    ----------
    scenario : Scenario
        From a file, flags, or made by hand.

    Returns
    -------
    Plan
        `feasible` says which of the two; a plan that is not feasible carries
        the binding limits and the smallest relaxation of each.

    Raises
    ------
    UnknownName
        If a device, model or format is in no catalog.
    """
    check_objective(scenario)
    check_tasks(scenario)
    if scenario.objective is Objective.LOAD:
        return _most_load(scenario)
    predictor = Predictor()
    market, candidates = survey(relax.grown(scenario), predictor)
    outcome = solve(market)
    if outcome is None or not outcome.within_budget:
        return _infeasible(scenario, market.settled(), candidates, predictor)
    outcome, said = with_room(_cheapest_sure(market, outcome, candidates, predictor))
    plan = _feasible(outcome, candidates, predictor)
    plan = plan.model_copy(update={"assumptions": (*plan.assumptions, *said)})
    if not scenario.growth.months:
        return plan
    way = grown(outcome, scenario)
    return plan.model_copy(
        update={
            "scenario": scenario,
            "growth": way.months,
            "assumptions": (*plan.assumptions, way.said),
        }
    )


def _most_load(scenario: Scenario) -> Plan:
    """Plan for the largest multiple of the load that the budget pays for."""
    asked = scenario.model_copy(update={"objective": Objective.COST})
    market = survey(relax.grown(asked), Predictor())[0].settled(halves=True)
    usd_per_h = (scenario.budget.usd_per_month or 0.0) / HOURS_PER_MONTH
    problem = market.of_lines(market.rated()).problem()
    mix = most_load(problem, usd_per_h=usd_per_h, at_most=MOST_LOAD)
    part = 0.0 if mix is None else mix.served_frac * (1 - LOAD_MARGIN_FRAC)
    plan = make_plan(relax.with_load(asked, part) if part > 0 else asked)
    return plan.model_copy(update={"scenario": scenario, "objective": "load", "load_frac": part})


def _cheapest_sure(
    market: Market, outcome: Outcome, candidates: Sequence[Candidate], predictor: Predictor
) -> Outcome:
    """Return the cheaper of the sure plan and the sure plan of whole units, where halves are looked at.

    Each half is a kind that has to be sized more surely, so what was cheapest before need not be after.
    """
    found = _sure_together(outcome, candidates, predictor)
    whole = tuple(item for item in candidates if item.role is Role.WHOLE)
    if len(whole) == len(candidates) or market.scenario.objective is not Objective.COST:
        return found
    other = solve(market.of_lines(tuple(line for line in market.lines if not is_half(line))))
    if other is None or not other.within_budget:
        return found
    asked = market.scenario.confidence

    def rank(one: Outcome) -> tuple[bool, float]:
        chance = one.slo_probability()
        return chance is not None and chance < asked - 1e-9, one.mix.usd_per_h

    return min(found, _sure_together(other, whole, predictor), key=rank)


def _sure_together(outcome: Outcome, candidates: Sequence[Candidate], predictor: Predictor) -> Outcome:
    """Size each kind more surely until all together hold with the confidence asked for.

    Notes
    -----
    k kinds at q^(1/k) each hold together with q or more. Where that breaks the
    budget, the plan before it stands, with its own probability.
    """
    asked = outcome.market.scenario.confidence
    for _ in range(ROUNDS):
        chance, kinds = outcome.slo_probability(), len(outcome.deployed())
        if chance is None or kinds < 2 or chance >= asked - 1e-9:
            break
        surer = relax.with_confidence(outcome.market.scenario, asked ** (1 / kinds))
        market = rate(surer, candidates, predictor).settled()
        moved = solve(market.asked(outcome.market.scenario))
        if moved is None or not moved.within_budget:
            break
        outcome = moved
    return outcome


def _feasible(outcome: Outcome, candidates: Sequence[Candidate], predictor: Predictor) -> Plan:
    scenario = outcome.market.scenario
    rows = felt(outcome)
    decision = Decision(outcome=outcome, candidates=candidates, predictor=predictor)
    task, said_of_task = reliable_task(outcome)
    return Plan(
        scenario=scenario,
        feasible=True,
        objective=scenario.objective.value,
        cost_usd_per_h=outcome.bill_usd_per_h,
        cost_usd_per_month=outcome.usd_per_month,
        cost_usd_per_mtok=outcome.bill_usd_per_h / _mtok_per_h(outcome),
        cost_usd_per_reliable_task=None if task is None else task.usd,
        task=task,
        units=with_felt(outcome.units(), outcome.unit_keys(), rows),
        api=outcome.api(),
        handovers=handovers(outcome),
        periods=periods(outcome),
        predicted=predicted(outcome, rows),
        binding=binding(decision),
        sensitivity=sensitivity(decision),
        measuring=worth_measuring(decision),
        alternatives=alternatives(outcome),
        rejected=(*outcome.market.unfit, *_dominated(outcome)),
        candidates_considered=_considered(outcome.market, candidates),
        mip_gap=outcome.mix.gap_frac,
        proven_optimal=outcome.mix.gap_frac <= PROVEN_GAP_FRAC,
        solver=_solver(),
        energy_kwh_per_month=drawn_kwh(outcome),
        assumptions=(*assumptions(outcome), *said_of_task),
        created_at=_now(),
    )


def _infeasible(
    scenario: Scenario, market: Market, candidates: Sequence[Candidate], predictor: Predictor
) -> Plan:
    inquiry = Inquiry(scenario=market.scenario, market=market, candidates=candidates, predictor=predictor)
    relaxed = infeasible.relaxations(inquiry)
    return Plan(
        scenario=scenario,
        feasible=False,
        objective=scenario.objective.value,
        binding=infeasible.binding(inquiry, relaxed),
        relaxations=relaxed,
        rejected=market.unfit,
        candidates_considered=_considered(market, candidates),
        solver=_solver(),
        created_at=_now(),
    )


def drawn_kwh(outcome: Outcome) -> float | None:
    """Return the energy that own units take in a month [kWh]; None if it is not known."""
    found = power_w(
        outcome.problem,
        (line.candidate for line in outcome.lines),
        outcome.mix,
        outcome.market.scenario,
    )
    return None if found is None else found / 1e3 * HOURS_PER_MONTH


def _mtok_per_h(outcome: Outcome) -> float:
    tokens_per_s = sum(
        tries * traffic.requests_per_s * (traffic.prompt_tokens + traffic.output_tokens)
        for tries, traffic in zip(outcome.tries, outcome.market.scenario.classes, strict=True)
    )
    return tokens_per_s * SECONDS_PER_HOUR / 1e6


def _dominated(outcome: Outcome) -> tuple[Rejected, ...]:
    """Return what was left out because others carry as much of every class at no higher cost."""
    chosen = {line.candidate.key for line in outcome.lines}
    halves = [line for line in outcome.market.lines if is_half(line) and line.candidate.key not in chosen]
    by_ceiling = [
        line.candidate.key for line in outcome.market.lines if not line.is_rated and not is_half(line)
    ]
    dropped = [outcome.lines[place].candidate.key for place in reduce(outcome.problem).dropped]
    by_rating = [key for key in dropped if ALONE not in key]  # kinds by the classes on them are no candidates
    return (
        *(Rejected(candidate=key, why=f"dominated: {DOMINATED}") for key in by_rating),
        *(
            Rejected(candidate=key, why=f"dominated even at its datasheet peak: {DOMINATED}")
            for key in by_ceiling
        ),
        *(
            Rejected(candidate=line.candidate.key, why=UNUSED if line.is_rated else f"{UNUSED}{AT_PEAK}")
            for line in halves
        ),
    )


def _considered(market: Market, candidates: Sequence[Candidate]) -> int:
    return len(candidates) + len(market.hosted)


def _solver() -> str:
    import scipy

    return f"HiGHS through scipy {scipy.__version__}"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
