"""Random plans of prefill and decode units: what was predicted of them, and their simulation.

Run: .venv/bin/python benchmarks/split_plans.py [--plans 60] [--confidence 0.95] [--seed 0] [--json FILE]
     .venv/bin/python benchmarks/split_plans.py --time

Every unit of these plans only prefills or only decodes. Each plan is simulated at the peak of its
scenario with the median prediction, where mean and 95th percentile of the time to first token and of that
per output token are compared with what the plan says of its slowest unit, and once with an error of the
step times drawn from the prediction's own interval for each kind of unit.

With --time it is the questions of plan_speed.py with and without prefill and decode apart, in CPU seconds
of this process.
"""

import argparse
import json
import math
import time
from pathlib import Path

import numpy as np
from plan_attainment import Row, rows_of, tested, wilson
from plan_speed import anything, asked, timed

from planner.fleet.plan import make_plan
from planner.fleet.records.plan_record import Plan
from planner.simulate.cases import Effort, experiment
from planner.simulate.replicate import simulate
from workloads.scenario import Candidates, Scenario, Slo, TrafficClass

DEVICES = ("nvidia-l40s", "nvidia-a100-sxm4-80gb", "nvidia-h100-sxm5-80gb", "nvidia-h200-sxm-141gb")
MODELS = ("llama-3.1-8b", "qwen2.5-7b", "qwen2.5-14b", "qwen2.5-32b", "llama-3.1-70b", "mixtral-8x7b")
FORMATS = ("BF16", "FP8")
LINKS = ("infiniband-ndr", "infiniband-hdr", "ethernet-400g", "ethernet-100g")
REQUESTS = 6_000
TIMES = ("ttft_s", "ttft_p95_s", "tpot_s", "tpot_p95_s")


def between(draw: np.random.Generator, low: float, high: float) -> float:
    """Return a number that is uniform in the logarithm."""
    return float(math.exp(draw.uniform(math.log(low), math.log(high))))


def drawn(draw: np.random.Generator, confidence: float) -> Scenario:
    """Return a scenario of one or two classes on a few devices and a model or two."""
    return Scenario(
        classes=tuple(_class(draw, f"class {n}") for n in range(int(draw.integers(1, 3)))),
        candidates=Candidates(
            devices=tuple(draw.choice(DEVICES, size=2, replace=False)),
            models=tuple(draw.choice(MODELS, size=2, replace=False)),
            formats=FORMATS,
            engines=(str(draw.choice(("vllm", "sglang", "trtllm"))),),
            api=False,
            roles=("split",),
            interconnect=str(draw.choice(LINKS)),
        ),
        confidence=confidence,
    )


def _class(draw: np.random.Generator, name: str) -> TrafficClass:
    prompt, output = between(draw, 300, 12_000), between(draw, 30, 600)
    spread = draw.random() < 0.5
    return TrafficClass(
        name=name,
        requests_per_s=between(draw, 2, 50),
        prompt_tokens=prompt,
        output_tokens=output,
        prompt_tokens_p95=prompt * float(draw.uniform(1.5, 2.5)) if spread else None,
        output_tokens_p95=output * float(draw.uniform(1.5, 2.5)) if spread else None,
        slo=Slo(ttft_p95_s=between(draw, 0.5, 5), tpot_p95_s=between(draw, 0.01, 0.06)),
    )


def compared(plan: Plan, seed: int) -> dict[str, float]:
    """Return predicted over simulated: of the slowest unit over the slowest class."""
    answer = simulate(experiment(plan, Effort(requests=REQUESTS, replications=1, seed=seed)))
    ratios = {}
    for metric in ("ttft", "tpot"):
        spreads = [value for one in answer.classes if (value := getattr(one, f"{metric}_s")) is not None]
        means = [value.p50 for unit in plan.units if (value := getattr(unit, f"{metric}_s")) is not None]
        high = getattr(plan.predicted, f"{metric}_p95_s")
        if spreads and means and high is not None:
            ratios[f"{metric}_s"] = max(means) / max(one.mean for one in spreads)
            ratios[f"{metric}_p95_s"] = high.p50 / max(one.p95 for one in spreads)
    return ratios


def run(plans: int, confidence: float, seed: int) -> list[Row]:
    """Return one row per random feasible plan."""

    def row(own: np.random.Generator) -> Row | None:
        plan = make_plan(drawn(own, confidence))
        if not plan.feasible:
            return None
        number = int(own.integers(2**31))
        pools = len({unit.pool for unit in plan.units})
        return {"pools": pools, **tested(plan, own), **compared(plan, number)}

    return rows_of(plans, seed, row)


def show_times() -> None:
    """Time the questions of plan_speed.py, whole units alone first; the first one is of a cold process."""
    for words, question in (
        ("20 devices x 20 models x 6 formats", asked(20, 20)),
        ("the same at another rate", asked(20, 20, rate=27.0)),
        ("the same at other lengths", asked(20, 20, prompt=1500.0)),
        ("20 x 20 x 6, prompts of 8,000", asked(20, 20, prompt=8000.0)),
        ("whole catalog", anything()),
    ):
        parts = []
        for roles in (("whole",), ("whole", "split")):
            candidates = question.candidates.model_copy(update={"roles": roles})
            plan: Plan
            seconds, plan = timed(make_plan, question.model_copy(update={"candidates": candidates}))
            halves = sum(unit.role != "whole" for unit in plan.units)
            parts.append(f"{seconds:.1f} s for {plan.candidates_considered:,} ({halves} halves bought)")
        print(f"{words}: {parts[0]} whole, {parts[1]} with halves", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--plans", type=int, default=60)
    parser.add_argument("--confidence", type=float, default=0.95)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--time", action="store_true", help="time plans in place of simulating them")
    given = parser.parse_args()
    if given.time:
        show_times()
        return
    show_attainment(given)


def show_attainment(given: argparse.Namespace) -> None:
    """Simulate plans, and say in how many limits hold and how far predictions are off."""
    started = time.perf_counter()
    rows = run(given.plans, given.confidence, given.seed)
    for key, words in (("median_holds", "median prediction"), ("drawn_holds", "drawn errors")):
        held = sum(bool(row[key]) for row in rows)
        low, high = wilson(held, len(rows))
        print(f"{words}: every limit holds in {held} of {len(rows)} plans, {held / len(rows):.1%} "
              f"(95 % interval {low:.1%} to {high:.1%})")  # fmt: skip
    single = [row for row in rows if row["kinds"] == 2 and row["classes"] == 1]
    for some, words in ((rows, "all plans"), (single, "one class, one kind of each half")):
        print(f"predicted over simulated, {words} ({len(some)}): median, 10th and 90th percentile")
        for name in TIMES:
            found = [value for row in some if isinstance(value := row.get(name), float)]
            parts = np.quantile(found, (0.5, 0.1, 0.9)) if found else (math.nan,) * 3
            print(f"  {name}: {parts[0]:.2f}, {parts[1]:.2f} to {parts[2]:.2f}")
    print(f"{time.perf_counter() - started:.0f} s")
    if given.json is not None:
        given.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
