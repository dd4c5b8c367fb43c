"""How long a plan takes: 20 devices x 20 models x 6 formats, cold and warm, and growth with candidates.

Run with `python benchmarks/plan_speed.py`. Times are CPU seconds of this process, on the machine
that it runs on; the answers are complete, with what would change them. Cold is the first question of
a process, imports not counted; warm the same one at another rate; "other" asks for other lengths,
so that everything is predicted anew. Questions without an answer over the whole catalog come each in
a process of its own, with what to relax: a budget that nothing keeps, one a little below the cheapest
plan, and a limit that no hardware holds.
"""

import json
import multiprocessing
import time
from typing import Any

from planner.fleet.answer.outcome import solve
from planner.fleet.plan import make_plan
from planner.fleet.supply.ability import Predictor
from planner.fleet.supply.market import survey
from workloads.scenario import Budget, Candidates, Quality, Scenario, Slo, TrafficClass

DEVICES = (
    "nvidia-l4", "nvidia-l40s", "nvidia-l40", "nvidia-a100-sxm4-80gb", "nvidia-a100-sxm4-40gb",
    "nvidia-a100-pcie-80gb", "nvidia-h100-sxm5-80gb", "nvidia-h100-pcie-80gb", "nvidia-h100-nvl-94gb",
    "nvidia-h200-sxm-141gb", "nvidia-b200-sxm-180gb", "nvidia-b300-sxm-288gb", "amd-mi300x", "nvidia-a10g",
    "nvidia-a10", "nvidia-rtx-4090", "nvidia-t4", "nvidia-rtx-a6000", "nvidia-gh200-96gb", "google-tpu-v6e",
)  # fmt: skip
MODELS = (
    "llama-3.1-8b", "llama-3.1-70b", "llama-3.3-70b", "mixtral-8x7b", "mixtral-8x22b", "qwen2.5-3b",
    "qwen2.5-7b", "qwen2.5-14b", "qwen2.5-32b", "qwen2.5-72b", "qwen3-8b", "qwen3-14b", "qwen3-32b",
    "qwen3-30b-a3b", "granite-4.0-h-small", "falcon-h1-7b", "falcon-h1-34b", "jamba-1.5-mini", "gpt-oss-20b",
    "gpt-oss-120b",
)  # fmt: skip
FORMATS = ("BF16", "FP8", "AWQ_INT4_G128", "NVFP4", "INT8", "Q4_K_M")


def asked(devices: int, models: int, *, rate: float = 20.0, prompt: float = 1024.0) -> Scenario:
    """Return a chat scenario over so many devices and models."""
    chat = TrafficClass(
        requests_per_s=rate,
        prompt_tokens=prompt,
        output_tokens=256,
        slo=Slo(ttft_p95_s=0.5, tpot_p95_s=0.05),
        quality=Quality(mmlu_min=60),
    )
    candidates = Candidates(
        devices=DEVICES[:devices],
        models=MODELS[:models],
        formats=FORMATS,
        engines=("vllm", "llama.cpp"),
    )
    return Scenario(classes=(chat,), budget=Budget(usd_per_month=50_000), candidates=candidates)


def anything() -> Scenario:
    """Return the same question over the whole catalog and every hosted offer."""
    return asked(1, 1).model_copy(update={"candidates": Candidates(), "budget": Budget()})


def without_an_answer() -> dict[str, Scenario]:
    """Return questions over the whole catalog that no plan answers."""
    whole = anything()
    budgets = {
        f"budget {usd} a month": whole.model_copy(update={"budget": Budget(usd_per_month=usd)})
        for usd in (10, 1_000)
    }
    chat = whole.classes[0].model_copy(update={"slo": Slo(ttft_p95_s=0.5, tpot_p95_s=0.0002)})
    tight = {"classes": (chat,), "candidates": Candidates(api=False)}
    return {**budgets, "0.2 ms a token": whole.model_copy(update=tight)}


def refused(name: str) -> tuple[str, float, int]:
    """Return the time of a question without an answer, and how many relaxations it has."""
    seconds, plan = timed(make_plan, without_an_answer()[name])
    assert not plan.feasible
    return name, round(seconds, 2), len(plan.relaxations)


def timed(work, *arguments) -> tuple[float, Any]:
    start = time.process_time()
    answer = work(*arguments)
    return time.process_time() - start, answer


def main() -> None:
    cold_s, plan = timed(make_plan, asked(20, 20))
    warm_s, _ = timed(make_plan, asked(20, 20, rate=27.0))
    other_s, _ = timed(make_plan, asked(20, 20, prompt=1500.0))
    decision_s, _ = timed(lambda: solve(survey(asked(20, 20), Predictor())[0]))
    growth = {}
    for number, (devices, models) in enumerate(((5, 5), (10, 10), (20, 10), (20, 20))):
        seconds, small = timed(make_plan, asked(devices, models, prompt=1100.0 + number))
        growth[small.candidates_considered] = round(seconds, 2)
    whole_s, whole = timed(make_plan, anything())
    with multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as fresh:
        infeasible = fresh.map(refused, without_an_answer(), chunksize=1)
    print(
        json.dumps(
            {
                "candidates": plan.candidates_considered,
                "cold_s": round(cold_s, 2),
                "warm_s": round(warm_s, 2),
                "other_lengths_s": round(other_s, 2),
                "decision_alone_warm_s": round(decision_s, 2),
                "s_by_candidates": growth,
                "whole_catalog_candidates": whole.candidates_considered,
                "whole_catalog_s": round(whole_s, 2),
                "without_an_answer_s_and_relaxations": {name: rest for name, *rest in infeasible},
            },
            indent=2,
        )
    )


if __name__ == "__main__":
    main()
