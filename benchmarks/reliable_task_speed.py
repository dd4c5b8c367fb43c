"""How long a plan for tasks takes over the whole catalog, chains of up to three models among them.

    .venv/bin/python benchmarks/reliable_task_speed.py

Prints CPU seconds of the plan itself in a fresh process, imports aside, then of its parts again:
the one programme over all chains, and one of the what-ifs around it.
"""

import time

from planner.fleet.answer.outcome import solve
from planner.fleet.plan import make_plan
from planner.fleet.supply.ability import Predictor
from planner.fleet.supply.market import survey
from workloads.scenario_toml.file import from_flags

SETTINGS = {
    "objective": "reliable-task",
    "traffic.requests_per_s": 3.0,
    "traffic.prompt_tokens": 6000,
    "traffic.output_tokens": 200,
    "slo.ttft_p95_s": "3s",
    "slo.tpot_p95_s": "60ms",
    "task.benchmark": "tau2-bench",
    "task.split": "airline",
    "task.tries": 2,
    "task.requests_per_task": 12,
    "task.verifier_usd": 0.002,
    "task.false_accept_frac": 0.1,
    "task.false_reject_frac": 0.05,
    "task.person_usd": 6.0,
}


def main() -> None:
    """Time a plan for an agent's tasks with nothing but its task and limits given."""
    scenario = from_flags(SETTINGS)
    import planner.serving.predict  # noqa: F401

    wall, used = time.perf_counter(), time.process_time()
    plan = make_plan(scenario)
    print(
        f"plan: {time.process_time() - used:.2f} CPU s, {time.perf_counter() - wall:.2f} s; "
        f"{plan.candidates_considered} candidates, {plan.cost_usd_per_reliable_task:.4f} USD a right end, "
        f"gap {plan.mip_gap:.1e}"
    )
    market = survey(scenario, Predictor())[0].settled()
    for quick, name in ((False, "all chains"), (True, "a what-if")):
        used = time.process_time()
        outcome = solve(market, quick=quick)
        assert outcome is not None
        print(
            f"{name}: {time.process_time() - used:.2f} CPU s, {len(outcome.problem.tasks.chains)} chains, "
            f"{outcome.usd_per_reliable_task:.4f} USD"
        )


if __name__ == "__main__":
    main()
