"""Simulate what a plan buys, with its median prediction and with errors drawn from its intervals.

Notes
-----
The plan was sized by closed forms for the capacity that is reached with the
confidence asked for. The simulation of the median prediction tells whether those
closed forms hold up request by request. The draws tell the rest: the step times
of each kind of unit are multiplied by exp(sigma z), sigma the width of the
prediction, z at the midpoints of equal parts of the normal distribution, in an
order of its own for each kind. The share of draws in which every limit holds is
what the plan's probability says.
"""

from dataclasses import replace
from statistics import NormalDist

import numpy as np

from planner.check.attainment import all_hold, attained
from planner.fleet.records.check_record import PlanCheck
from planner.fleet.records.plan_record import Plan
from planner.simulate.cases import Effort, experiment
from planner.simulate.instance import Fleet
from planner.simulate.replicate import Experiment, simulate
from tonnage.errors import TonnageError
from tonnage.evidence import Evidence

REQUESTS, REPLICATIONS = 20_000, 3
DRAWS, REQUESTS_PER_DRAW = 20, 5_000


def check_plan(plan: Plan, *, requests: int = REQUESTS, draws: int = DRAWS, seed: int = 0) -> PlanCheck:
    """Simulate a plan's own units at the peak of its scenario.

    Parameters
    ----------
    requests : int
        That count, in each of three replications with the median prediction.
    draws : int
        Runs with drawn errors; 0 for none.
    seed : int
        Equal seeds give equal answers.
    """
    measured = _measured(plan)
    if measured:
        return PlanCheck(
            why_not=f"the capacity of {measured} was measured, and a simulation would predict it instead",
            seed=seed,
        )
    try:
        asked = experiment(plan, Effort(requests=requests, replications=REPLICATIONS, seed=seed))
    except TonnageError as problem:
        return PlanCheck(why_not=str(problem), seed=seed)
    answer = simulate(asked)
    rows = attained(answer, asked.slos)
    shorter = experiment(plan, Effort(requests=min(requests, REQUESTS_PER_DRAW), replications=1, seed=seed))
    held = held_frac(shorter, draws=draws, seed=seed) if draws else None
    return PlanCheck(
        holds=not answer.saturated and all(row.holds for row in rows),
        why_not=answer.why_saturated,
        limits=rows,
        good_frac={each.name: each.good_frac for each in answer.classes if each.good_frac is not None},
        utilization=answer.utilization,
        draws=draws,
        held_frac=held,
        requests=requests,
        replications=REPLICATIONS,
        seed=seed,
        notes=answer.notes,
    )


def _measured(plan: Plan) -> str:
    """Return the first unit whose capacity the user gave, empty if there is none."""
    given = (unit for unit in plan.units if unit.evidence is Evidence.MEASURED and plan.scenario.capacity)
    return next((f"{unit.model} {unit.weights} on {unit.device}" for unit in given), "")


def held_frac(asked: Experiment, *, draws: int, seed: int) -> float:
    """Return the share of draws of the prediction's error in which every limit holds."""
    random = np.random.default_rng(seed)
    at = NormalDist()
    scores = np.array([at.inv_cdf((i + 0.5) / draws) for i in range(draws)])
    columns = [random.permutation(scores) for _ in asked.fleet.kinds]
    held = 0
    for i in range(draws):
        drawn = replace(asked, fleet=with_errors(asked.fleet, [float(column[i]) for column in columns]))
        held += all_hold(simulate(replace(drawn, seed=asked.seed + i)), asked.slos)
    return held / draws


def with_errors(fleet: Fleet, scores: list[float]) -> Fleet:
    """Return the fleet with the step times of each kind off by so many standard deviations."""
    kinds = tuple(
        replace(kind, law=kind.law.scaled(float(np.exp(score * kind.law.sigma_log))))
        for kind, score in zip(fleet.kinds, scores, strict=True)
    )
    return replace(fleet, kinds=kinds)
