"""Replay logs of real vLLM servers, and say how far the simulated distributions are from theirs.

    python benchmarks/simulate_truth.py FOLDER

FOLDER holds `llmservingsim_RTX4090_Llama-3.1-8B.csv` and
`llmservingsim_RTXPRO6000_Qwen3-32B.csv` (casys-kaist/LLMServingSim @ 5daddb2, real
vLLM 0.19 runs: 300 ShareGPT requests at about 10 a second, overloaded on purpose).
Prints Kolmogorov-Smirnov distances and errors of percentiles on the second half of the
requests, with step times predicted from the datasheet and fitted to the first half.
"""

import csv
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

from planner.deployment import Case
from planner.simulate.deployments import simulated
from planner.simulate.instance import Engine
from planner.simulate.step_law import StepLaw
from planner.simulate.trace_fit import Observed, agreement, fit_law, replay
from workloads.readers.traces import read_log
from workloads.requests import Requests

RUNS = (
    # Settings of the servers as published with the runs; the cache of the second is not, and predicted.
    (
        "llmservingsim_RTX4090_Llama-3.1-8B.csv",
        {"device": "nvidia-rtx-4090", "model": "llama-3.1-8b"},
        {"max_sequences": 256, "token_budget": 2048, "cache_blocks": 2588},
    ),
    (
        "llmservingsim_RTXPRO6000_Qwen3-32B.csv",
        {"device": "nvidia-rtx-pro-6000-blackwell-server", "model": "qwen3-32b", "tp": 2},
        {"max_sequences": 128, "token_budget": 2048},
    ),
)


def main(folder: Path) -> None:
    for name, deployment, settings in RUNS:
        requests, observed = read(folder / name)
        lengths = {"isl": float(requests.prompt_tokens.mean()), "osl": float(requests.output_tokens.mean())}
        case = Case.parse(
            {"id": name, "weights": "BF16", "engine": "vllm", **deployment, **lengths}, where=name
        )
        own = simulated(case)
        engine = replace(own.engine, **settings)
        # The log is the server's own: what a client waits outside the engine is not in it.
        law = replace(own.law, request_s=0.0, wait_steps=0.0)
        first = np.arange(len(requests)) < len(requests) // 2
        fitted = fit_law(law, engine, requests, observed, rows=np.flatnonzero(first))
        print(f"{name}: {engine.cache_tokens} tokens of cache, of its own accord {own.engine.cache_tokens}")
        for words, one in (("predicted", law), ("fitted to half", fitted)):
            show(words, one, engine, requests=requests, observed=observed, rows=~first)


def read(path: Path) -> tuple[Requests, Observed]:
    with path.open(encoding="utf-8") as text:
        rows = list(csv.DictReader(text))
    arrival, first, last, output = (
        np.array([float(row[key]) for row in rows])
        for key in ("arrival_s", "first_token_s", "last_token_s", "osl")
    )
    times = Observed(ttft_s=first - arrival, tpot_s=(last - first) / (output - 1), e2e_s=last - arrival)
    return read_log(path).requests, times


def show(
    words: str, law: StepLaw, engine: Engine, *, requests: Requests, observed: Observed, rows: np.ndarray
) -> None:
    again = replay(law, engine, requests)
    for metric in ("ttft_s", "tpot_s", "e2e_s"):
        found = agreement(getattr(again, metric)[rows], getattr(observed, metric)[rows])
        print(
            f"  {words:15} {metric:7} KS {found.ks:.3f}  mean {found.mean_error:+.1%}  "
            f"p50 {found.p50_error:+.1%}  p95 {found.p95_error:+.1%}"
        )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
