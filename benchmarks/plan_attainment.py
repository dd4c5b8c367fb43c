"""SLO attainment of random feasible plans: solved at a confidence, then simulated request by request.

Run: .venv/bin/python benchmarks/plan_attainment.py [--plans 200] [--confidence 0.95] [--held] [--json FILE]

Every plan is simulated twice at the peak of its scenario: with the median
prediction (do the closed forms that sized it hold up?), and once with an error of
the step times drawn from the prediction's own interval, independent for each kind
of unit (does it hold with the probability that was asked for?).
"""

import argparse
import json
import math
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from planner.check.attainment import all_hold, attained
from planner.check.held import held_plan
from planner.check.plan_check import with_errors
from planner.fleet.plan import make_plan
from planner.fleet.records.plan_record import Plan
from planner.simulate.cases import Effort, experiment
from planner.simulate.replicate import simulate
from tonnage.errors import TonnageError
from workloads.scenario import Candidates, Scenario, Slo, TrafficClass

DEVICES = ("nvidia-l4", "nvidia-l40s", "nvidia-a10g", "nvidia-a100-sxm4-80gb", "nvidia-h100-sxm5-80gb",
           "nvidia-h200-sxm-141gb", "amd-mi300x")  # fmt: skip
MODELS = ("llama-3.1-8b", "qwen2.5-7b", "qwen2.5-14b", "mistral-nemo-12b", "qwen2.5-32b", "llama-3.1-70b",
          "mixtral-8x7b")  # fmt: skip
FORMATS = ("BF16", "FP8", "AWQ_INT4_G128")
REQUESTS = 6_000


def drawn(draw: np.random.Generator, confidence: float) -> Scenario:
    """Return a scenario of one to three classes on a few devices and models."""
    count = int(draw.integers(1, 4))
    return Scenario(
        classes=tuple(_class(draw, f"class {n}") for n in range(count)),
        candidates=Candidates(
            devices=tuple(draw.choice(DEVICES, size=3, replace=False)),
            models=tuple(draw.choice(MODELS, size=2, replace=False)),
            formats=FORMATS,
            engines=("vllm",),
            api=False,
        ),
        confidence=confidence,
    )


def _class(draw: np.random.Generator, name: str) -> TrafficClass:
    def between(low: float, high: float) -> float:
        return float(math.exp(draw.uniform(math.log(low), math.log(high))))

    prompt, output = between(64, 4096), between(16, 768)
    return TrafficClass(
        name=name,
        requests_per_s=between(0.5, 50),
        prompt_tokens=prompt,
        output_tokens=output,
        prompt_tokens_p95=prompt * float(draw.uniform(1.5, 3)) if draw.random() < 0.5 else None,
        output_tokens_p95=output * float(draw.uniform(1.5, 3)) if draw.random() < 0.5 else None,
        slo=Slo(ttft_p95_s=between(0.3, 4), tpot_p95_s=between(0.02, 0.15)),
    )


def tested(plan: Plan, draw: np.random.Generator) -> dict[str, object]:
    """Simulate one plan; what holds, and by how much the worst limit is missed."""
    asked = experiment(plan, Effort(requests=REQUESTS, replications=1, seed=int(draw.integers(2**31))))
    median = simulate(asked)
    rows = attained(median, asked.slos)
    scores = [float(z) for z in draw.standard_normal(len(asked.fleet.kinds))]
    with_error = simulate(replace(asked, fleet=with_errors(asked.fleet, scores)))
    worst = max(
        rows, key=lambda row: math.inf if row.simulated_s is None else row.simulated_s / row.allowed_s
    )
    used = math.inf if worst.simulated_s is None else worst.simulated_s / worst.allowed_s
    return {
        "median_holds": all_hold(median, asked.slos),
        "drawn_holds": all_hold(with_error, asked.slos),
        "worst_limit": worst.limit,
        "worst_over_allowed": used,
        "saturated": median.why_saturated,
        "preempted": median.preempted,
        "kinds": len(plan.units),
        "units": sum(unit.count for unit in plan.units),
        "classes": len(plan.scenario.classes),
        "spread": any(each.prompt_tokens_p95 or each.output_tokens_p95 for each in plan.scenario.classes),
        "utilization": max(unit.utilization for unit in plan.units),
        "slo_probability": plan.predicted.slo_probability,
        "headroom": 1.0 if plan.check is None else plan.check.headroom,
        "usd_per_month": plan.cost_usd_per_month,
    }


Row = dict[str, object]


def rows_of(plans: int, seed: int, row: Callable[[np.random.Generator], Row | None]) -> list[Row]:
    """Draw until so many scenarios have a plan: `row` makes one and returns what came of it, or None."""
    draw = np.random.default_rng(seed)
    rows: list[Row] = []
    while len(rows) < plans:
        state = int(draw.integers(2**31))
        try:
            found = row(np.random.default_rng(state))
            if found is not None:
                rows.append({"seed": state, **found})
        except TonnageError as problem:
            print(f"seed {state}: {problem}", file=sys.stderr)
        if len(rows) % 20 == 0 and rows:
            print(f"{len(rows)} plans", file=sys.stderr)
    return rows


def run(plans: int, confidence: float, seed: int, *, held: bool) -> list[Row]:
    """Return one row per random feasible plan."""

    def row(own: np.random.Generator) -> Row | None:
        plan = (held_plan if held else make_plan)(drawn(own, confidence))
        return tested(plan, own) if plan.feasible else None

    return rows_of(plans, seed, row)


def wilson(held: int, of: int) -> tuple[float, float]:
    """Return the 95 % interval of a share: E. B. Wilson, J. Am. Stat. Assoc. 22, 1927."""
    z, p = 1.96, held / of
    middle, half = p + z * z / (2 * of), z * math.sqrt(p * (1 - p) / of + z * z / (4 * of * of))
    return (middle - half) / (1 + z * z / of), (middle + half) / (1 + z * z / of)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--plans", type=int, default=200)
    parser.add_argument("--confidence", type=float, default=0.95)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--held", action="store_true", help="as `plan --check` buys: simulated, and enlarged")
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    started = time.perf_counter()
    rows = run(asked.plans, asked.confidence, asked.seed, held=asked.held)
    for key, words in (("median_holds", "median prediction"), ("drawn_holds", "drawn errors")):
        held = sum(bool(row[key]) for row in rows)
        low, high = wilson(held, len(rows))
        print(f"{words}: every limit holds in {held} of {len(rows)} plans, {held / len(rows):.1%} "
              f"(95 % interval {low:.1%} to {high:.1%})")  # fmt: skip
    more = [float(row["headroom"]) for row in rows if float(row["headroom"]) > 1]
    if more:
        print(f"enlarged: {len(more)} plans, by {min(more):.2f} to {max(more):.2f} times")
    missed = [row for row in rows if not row["median_holds"]]
    print("missed with the median prediction, by limit:", dict(Counter(row["worst_limit"] for row in missed)))
    print(f"{time.perf_counter() - started:.0f} s")
    if asked.json is not None:
        asked.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
