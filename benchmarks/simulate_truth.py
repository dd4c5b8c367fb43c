"""Hold the simulator against real servers, and write `docs/simulation.md`.

    python benchmarks/simulate_truth.py TRUTH [-o docs/simulation.md]

TRUTH holds `cases.jsonl` (published closed-loop runs) and `traces/` (logs of two real vLLM servers).
Takes a minute or two: some 1,400 closed loops are simulated.
"""

import argparse
import csv
import json
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from planner.deployment import Case
from planner.prediction import Prediction
from planner.serving.predict import predict_batch
from planner.simulate.cases import Effort, case_of, experiment_of
from planner.simulate.deployments import simulated
from planner.simulate.instance import Engine
from planner.simulate.replicate import simulate
from planner.simulate.step_law import StepLaw
from planner.simulate.trace_fit import Observed, agreement, fit_law, replay
from tonnage.errors import TonnageError
from tonnage.files import write_text
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
ROUNDS = 8
"""Requests per user of a closed loop, and 300 at least."""
CLOSE = 0.05
HEAD = """# Simulation against real servers

Written by `python benchmarks/simulate_truth.py TRUTH -o docs/simulation.md`.

## Logs of requests

Two runs of real vLLM 0.19 servers (casys-kaist/LLMServingSim @ 5daddb2, 300 ShareGPT requests each at about
10 a second, overloaded on purpose), replayed request by request. KS is the Kolmogorov-Smirnov distance of
the two distributions, 0 to 1; errors are simulated / real - 1. All figures are of the second half of the
requests: "predicted" takes step times from the shipped coefficients and the datasheet and has not seen the
log, "fitted" scales four parts of those step times until the first half agrees.

| run | step times | metric | KS | mean | p50 | p90 | p95 | p99 |
|---|---|---|---|---|---|---|---|---|
"""
CLOSED = """
## Closed loops

{asked} published closed-loop runs of vLLM, SGLang and TensorRT-LLM, of which {answered} are simulated
(the others did run on devices whose memory is too small by our account of it). Both methods use the same
step times, so they differ in batching alone: the closed form takes an average prompt load per step, and a
fitted share of it, the simulation takes each chunk where it falls, and all of it. The step times were fitted
to these runs through the closed form, which is an advantage for it on this table.

How far the simulated mean is from the closed form, by the share of prompt work in a request's time, where
every user has a seat and its cache; the last row holds the runs in which some wait:

| prompt work | runs | per output token: median difference | within 5 % | first token: median | within 5 % |
|---|---|---|---|---|---|
"""
SCORE = """
Which is right, by the median error against what was measured, and how often the simulation is the nearer one:

| metric | runs | n | closed form | simulation | simulation is nearer |
|---|---|---|---|---|---|
"""
READING = """
So the two agree on the time per output token where prompts are a small part of the work, and drift apart
as they become the larger one. Where they part the closed form is right more often: by a little per output
token, and by a lot on the first token. Its first token holds a share of the other users' prompts that was
fitted to these very runs (the users of a benchmark start at one time and queue). A simulation of the steady
state has no such wave, and starting all users at once in it overshoots. Read the simulated tail for traffic
that does not begin all at once; for the mean of a benchmark, read the closed form.
"""


@dataclass(frozen=True, slots=True)
class Compared:
    """One closed loop: measured, closed form, simulated, for each metric; and what kind of loop it is."""

    measured: dict[str, float]
    closed: dict[str, float]
    simulated: dict[str, float]
    prompt_share: float
    all_seated: bool


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("truth", type=Path)
    parser.add_argument("-o", type=Path, dest="out")
    asked = parser.parse_args()
    text = HEAD + "".join(trace_rows(asked.truth / "traces", run) for run in RUNS)
    text += closed_tables(asked.truth / "cases.jsonl")
    sys.stdout.write(text)
    if asked.out:
        write_text(asked.out, text)


def trace_rows(folder: Path, run: tuple[str, dict[str, object], dict[str, int]]) -> str:
    name, deployment, settings = run
    requests, observed = read(folder / name)
    lengths = {"isl": float(requests.prompt_tokens.mean()), "osl": float(requests.output_tokens.mean())}
    case = Case.parse({"id": name, "weights": "BF16", "engine": "vllm", **deployment, **lengths}, where=name)
    own = simulated(case)
    engine = replace(own.engine, **settings)
    # The log is the server's own: what a client waits outside the engine is not in it.
    law = replace(own.law, request_s=0.0, wait_steps=0.0)
    first = np.arange(len(requests)) < len(requests) // 2
    fitted = fit_law(law, engine, requests, observed, rows=np.flatnonzero(first))
    words = f"{case.model} on {case.tp} x {case.device}"
    return rows_of(words, "predicted", law, engine, requests, observed, ~first) + rows_of(
        words, "fitted", fitted, engine, requests, observed, ~first
    )


def read(path: Path) -> tuple[Requests, Observed]:
    with path.open(encoding="utf-8") as text:
        rows = list(csv.DictReader(text))
    arrival, first, last, output = (
        np.array([float(row[key]) for row in rows])
        for key in ("arrival_s", "first_token_s", "last_token_s", "osl")
    )
    times = Observed(ttft_s=first - arrival, tpot_s=(last - first) / (output - 1), e2e_s=last - arrival)
    return read_log(path).requests, times


def rows_of(
    run: str,
    words: str,
    law: StepLaw,
    engine: Engine,
    requests: Requests,
    observed: Observed,
    kept: np.ndarray,
) -> str:
    again, lines = replay(law, engine, requests), ""
    for metric in ("ttft_s", "tpot_s", "e2e_s"):
        found = agreement(getattr(again, metric)[kept], getattr(observed, metric)[kept])
        errors = (found.mean_error, found.p50_error, found.p90_error, found.p95_error, found.p99_error)
        shown = " | ".join(f"{100 * error:+.1f} %" for error in errors)
        lines += f"| {run} | {words} | {metric.removesuffix('_s').upper()} | {found.ks:.3f} | {shown} |\n"
    return lines


def closed_tables(path: Path) -> str:
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    rows = [row for row in lines if row["stratum"] == "closed"]
    cases = [case_of(row) for row in rows]
    found = [
        compared
        for row, case, closed in zip(rows, cases, predict_batch(cases), strict=True)
        if isinstance(closed, Prediction) and (compared := compare(row, case, closed)) is not None
    ]
    text = CLOSED.format(asked=f"{len(rows):,}", answered=f"{len(found):,}")
    seated = [one for one in found if one.all_seated]
    for low, high in ((0.0, 0.1), (0.1, 0.3), (0.3, 1.01)):
        text += difference_row(f"{low:.0%} to {min(high, 1):.0%}", seated, low, high)
    waits = [one for one in found if not one.all_seated]
    text += difference_row("any, some users wait", waits, 0.0, 1.01)
    return text + SCORE + "".join(score_rows(found)) + READING


def compare(row: dict[str, object], case: object, closed: Prediction) -> Compared | None:
    users = case.concurrency
    try:
        answer = simulate(experiment_of(case, Effort(requests=max(ROUNDS * users, 300), replications=1)))
        one = simulated(case)
    except TonnageError:
        return None
    result = answer.classes[0]
    if closed.tpot_s is None or closed.ttft_s is None or result.tpot_s is None or result.ttft_s is None:
        return None
    prompt = case.isl * case.mean_length_frac
    alone = one.law.step_s(tokens=prompt, pairs=prompt**2 / 2) - one.law.token_s[0]
    return Compared(
        measured=row["measured"],
        closed={"ttft_s": closed.ttft_s.p50, "tpot_s": closed.tpot_s.p50},
        simulated={"ttft_s": result.ttft_s.mean, "tpot_s": result.tpot_s.mean},
        prompt_share=float(min(users * alone / result.e2e_s.mean, 1.0)),
        all_seated=users <= one.engine.max_sequences and answer.preempted == 0 and answer.cache_peak_frac < 1,
    )


def difference_row(words: str, rows: list[Compared], low: float, high: float) -> str:
    kept = [one for one in rows if low <= one.prompt_share < high]
    if not kept:
        return f"| {words} | 0 | | | | |\n"
    cells = []
    for metric in ("tpot_s", "ttft_s"):
        ratio = np.array([one.simulated[metric] / one.closed[metric] - 1 for one in kept])
        cells += [f"{100 * np.median(ratio):+.1f} %", f"{100 * np.mean(np.abs(ratio) <= CLOSE):.0f} %"]
    return f"| {words} | {len(kept)} | {' | '.join(cells)} |\n"


def score_rows(rows: list[Compared]) -> list[str]:
    lines = []
    for metric, words in (("tpot_s", "per output token"), ("ttft_s", "first token")):
        known = [one for one in rows if one.measured.get(metric)]
        apart = [one for one in known if abs(one.simulated[metric] / one.closed[metric] - 1) > CLOSE]
        for name, some in (("all", known), ("differ by more than 5 %", apart)):
            ours, theirs = (
                np.abs([getattr(one, kind)[metric] / one.measured[metric] - 1 for one in some])
                for kind in ("simulated", "closed")
            )
            lines.append(
                f"| {words} | {name} | {len(some)} | {100 * np.median(theirs):.1f} % | "
                f"{100 * np.median(ours):.1f} % | {100 * np.mean(ours < theirs):.0f} % |\n"
            )
    return lines


if __name__ == "__main__":
    main()
