"""How far predictions are off where their fit has not seen the model or the device.

    python benchmarks/predict_accuracy.py cases.jsonl [--wider train.jsonl test.jsonl] [-o docs/validation.md]

Refits the engine coefficients without each model, device, engine, compute API and source, each fifth of
the runs and of the settings, predicts what was left out, asks what decisions by those predictions cost, and
writes docs/validation.md with learning curve and ablation. Takes about ten minutes of one core.
"""

import argparse
import json
import math
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import predict_decisions
import predict_study
from numpy.typing import NDArray

from planner.serving.fitting.calibration_file import KEYS, Calibration, calibrate
from planner.serving.fitting.measured import Row, read_rows
from planner.serving.fitting.priors import EFFECTS, PRIORS
from planner.serving.intervals import total
from planner.serving.predict import predict_batch
from tonnage.evidence import Z90
from tonnage.files import write_text

Array = NDArray[np.float64]
SPREAD = {"tpot_s": "tpot", "ttft_s": "ttft", "output_tokens_per_s": "throughput"}
UNSEEN = ("setting", "run", "model", "device", "engine", "source", "platform")
WORST = 20
COLUMNS = "| stratum, metric | n | median | p90 | gm | bias | inside |\n|---|---|---|---|---|---|---|"
MARGINS = (1.0, 1.05, 1.1)
HEAD_FILE = Path(__file__).with_name("predict_accuracy_head.md")
FAULTS_FILE = Path(__file__).with_name("predict_accuracy_faults.md")
REASONS = (
    (
        "trtllm, qwen3-32b, nvidia-b200",
        "one row: 13.7 ms at 416 users of 15,000 tokens is less than reading their cache takes",
    ),
    ("trtllm, deepseek-v3.1", "one row: 448 users start within 0.43 s; replicas or a prefix cache"),
    ("vllm, llama-3.1-8b, nvidia-h200", "twice as fast as any other engine there: users over replicas?"),
    ("sglang, qwen3-32b, nvidia-h100", "prompts of all users go first: TTFT holds what others show in TPOT"),
    ("amd-mi300x", "sixteen rows of one early release on long prompts; nothing alike to learn from"),
    ("amd-r", "Vulkan back end, of which the fit has few rows"),
    (
        "trtllm, qwen3-32b, nvidia-h100",
        "slower with every user than the later releases that the fit has seen",
    ),
    ("gpt-fast", "one row of sharded decoding"),
    ("sglang, deepseek-r1, nvidia-b200-sxm-180gb", "FP8 and NVFP4, with experts cut two ways"),
)
"""What is known of groups that are far off, by a part of their name."""


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("cases", type=Path)
    ask.add_argument(
        "--wider", type=Path, nargs="*", default=[],
        help="cases of other collections, in parts that share no run: fitted last, to what they alone know",
    )  # fmt: skip
    ask.add_argument("-o", "--output", type=Path)
    ask.add_argument("--coefficients", type=Path, help="also write the coefficients of all rows here")
    ask.add_argument(
        "--predictions", type=Path, help="folder for what was predicted, one file per key left out"
    )
    args = ask.parse_args()
    rows = read_rows(args.cases)
    wider = [read_rows(path) for path in args.wider]
    found = calibrate(rows, wider=wider, say=lambda text: print(text, file=sys.stderr, flush=True))
    if args.coefficients is not None:
        write_text(args.coefficients, found.file.to_json() + "\n")
    if args.predictions is not None:
        args.predictions.mkdir(parents=True, exist_ok=True)
        for label in UNSEEN:
            lines = predictions(rows, found, label)
            write_text(args.predictions / f"without_{label}.jsonl", "\n".join(lines) + "\n")
    page = document(rows, found)
    if args.output is None:
        print(page)
    else:
        write_text(args.output, page)


def document(rows: Sequence[Row], found: Calibration) -> str:
    """Return the whole page."""
    head = HEAD_FILE.read_text(encoding="utf-8").format(
        rows=f"{len(rows):,}",
        cases=f"{len({row.case.id for row in rows}):,}",
        sources=len({row.source for row in rows}),
        base=len(PRIORS),
        effects=len(EFFECTS),
    )
    tables = [table(rows, found, label) for label in UNSEEN]
    parts = [
        head,
        seen(rows, found),
        *tables,
        "\n## Decisions\n\n" + predict_decisions.__doc__.split("\n\n", 1)[1],
        predict_decisions.table(rows, found.errors, MARGINS),
        "\n## Learning curve\n",
        predict_study.learning_curve(rows),
        "\n## What each part is worth: " + ", ".join(predict_study.MODELS) + " left out in turn\n",
        predict_study.ablation(rows),
        FAULTS_FILE.read_text(encoding="utf-8").format(wave=found.file.base["wave_share"]),
        groups(rows, found.errors["model"], group_name),
    ]
    return "\n".join(parts) + "\n"


def group_name(row: Row) -> str:
    """Engine, model and device of a row."""
    return f"{row.case.engine}, {row.case.model}, {row.case.device}"


def seen(rows: Sequence[Row], found: Calibration) -> str:
    """Errors of the shipped fit on its own rows."""
    answers = predict_batch([row.case for row in rows], using=found.file)
    errors = np.full(len(rows), np.nan)
    inside = np.zeros(len(rows), dtype=bool)
    for i, (row, answer) in enumerate(zip(rows, answers, strict=True)):
        quantiles = getattr(answer, row.metric, None)
        if quantiles is not None:
            errors[i] = math.log(quantiles.p50 / row.measured)
            inside[i] = quantiles.p10 <= row.measured <= quantiles.p90
    lines = [f"\n## Nothing left out: the rows of the fit itself\n\n{COLUMNS}"]
    for stratum, metric in sorted({(row.stratum, row.metric) for row in rows}):
        here = np.array([row.stratum == stratum and row.metric == metric for row in rows]) & np.isfinite(
            errors
        )
        lines.append(
            f"| {stratum} {metric} | {here.sum()} | {figures(errors[here])} | {inside[here].mean():.2f} |"
        )
    return "\n".join(lines)


def news(rows: Sequence[Row], label: str) -> list[frozenset[str]]:
    """Return what is new for each row where its key was left out: engines and platforms can be so besides."""
    key = KEYS[label]
    own = {"setting": (), "run": ("new_run",)}.get(label, ("new_run", f"new_{label}"))
    engines, platforms = (_only_with(rows, key, KEYS[name]) for name in ("engine", "platform"))
    found = []
    for row in rows:
        new = set(own)
        if label != "setting" and engines[KEYS["engine"](row)] == {key(row)}:
            new.add("new_engine")
        elif label != "setting" and platforms[KEYS["platform"](row)] == {key(row)}:
            new.add("new_platform")
        found.append(frozenset(new))
    return found


def _only_with(
    rows: Sequence[Row], key: Callable[[Row], str], part: Callable[[Row], str]
) -> dict[str, set[str]]:
    """Return with which keys each engine or platform was measured."""
    found: dict[str, set[str]] = {}
    for row in rows:
        found.setdefault(part(row), set()).add(key(row))
    return found


def half_width(row: Row, found: Calibration, new: frozenset[str]) -> float:
    """Return half of the 80 % interval of one row's log, with what is new of it."""
    name = SPREAD[row.metric] + ("_single" if row.stratum == "single" else "")
    return Z90 * total(found.file.spread[name], new)


def predictions(rows: Sequence[Row], found: Calibration, label: str) -> list[str]:
    """Return held-out predictions as JSON lines with the ids of the cases."""
    answers: dict[str, dict[str, object]] = {}
    for row, error, new in zip(rows, found.errors[label], news(rows, label), strict=True):
        if not math.isfinite(error):
            continue
        middle = row.measured * math.exp(error)
        factor = math.exp(half_width(row, found, new))
        quantiles = {"p10": middle / factor, "p50": middle, "p90": middle * factor}
        answers.setdefault(row.case.id, {"id": row.case.id})[row.metric] = quantiles
    return [json.dumps(answer) for answer in answers.values()]


def table(rows: Sequence[Row], found: Calibration, label: str) -> str:
    """Errors by stratum and metric with one kind of group left out."""
    lines = [f"\n## Left out: {label}\n\n{COLUMNS}"]
    errors = found.errors[label]
    widths = np.array(
        [half_width(*one) for one in zip(rows, [found] * len(rows), news(rows, label), strict=True)]
    )
    for stratum, metric in sorted({(row.stratum, row.metric) for row in rows}):
        here = np.array([row.stratum == stratum and row.metric == metric for row in rows]) & np.isfinite(
            errors
        )
        if here.any():
            inside = float(np.mean(np.abs(errors[here]) <= widths[here]))
            lines.append(f"| {stratum} {metric} | {here.sum()} | {figures(errors[here])} | {inside:.2f} |")
    return "\n".join(lines)


def figures(errors: Array) -> str:
    """Cells of one row of a table."""
    size = np.abs(np.expm1(errors))
    values = (
        np.median(size),
        np.quantile(size, 0.9),
        np.expm1(np.mean(np.abs(errors))),
        np.median(np.expm1(errors)),
    )
    return " | ".join(f"{100 * value:.1f} %" for value in values)


def groups(rows: Sequence[Row], errors: Array, key: Callable[[Row], str]) -> str:
    """Return the groups that are furthest off on TPOT when their model is left out."""
    lines = [
        "\n## The worst groups: TPOT, model left out\n",
        "| engine, model, device | n | median | p90 | gm | bias | what is known |",
        "|---|---|---|---|---|---|---|",
    ]
    found: dict[str, list[float]] = {}
    for row, error in zip(rows, errors, strict=True):
        if row.metric == "tpot_s":
            found.setdefault(key(row), []).append(float(error))
    ranked = sorted(found.items(), key=lambda item: -float(np.median(np.abs(item[1]))))
    for name, values in ranked[:WORST]:
        reason = next((text for part, text in REASONS if part in name), "")
        lines.append(f"| {name} | {len(values)} | {figures(np.array(values))} | {reason} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
